/** What of an item GPT-2 is trained: all of it, or adapters of its blocks and the tables in full. */
import type { Graph } from '../../../onnx/graph.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { inputsOf } from '../../../training/trainable.ts';
import type { ParameterTensors } from '../network/onnx.ts';
import { merge } from '../network/peft.ts';
import { adapterOf, alphaOf, layersOf, loraA, loraB } from '../network/lora.ts';
import type { LoraOptions } from '../options.ts';

export interface ItemWeights {
  trained: Parameters;
  /** Given to the graph as well, and never changed. */
  frozen: Parameters;
  /** Inputs of a graph for all of them: those that are trained, and what the network computes with, by parameter. */
  inputs: (graph: Graph) => { trained: ParameterTensors; network: ParameterTensors };
  /** All parameters of the model, adapters merged, from what training gave. */
  merged: (trained: Parameters) => Parameters;
}

/** All parameters are trained. */
export function wholeModel(parameters: Parameters): ItemWeights {
  return {
    trained: parameters,
    frozen: new Map(),
    inputs(graph) {
      const inputs = inputsOf(graph, parameters);
      return { trained: inputs, network: inputs };
    },
    merged: (trained) => trained,
  };
}

/**
 * The blocks stay as they are, W of an adapted layer counting as W + A B alpha / rank (Hu et al. 2021, arXiv 2106.09685);
 * `adapters` (`initialAdapters`) and the parameters named by `full` are trained.
 */
export function adaptedModel(
  parameters: Parameters,
  adapters: Parameters,
  full: readonly string[],
  options: LoraOptions,
): ItemWeights {
  const isFull = (name: string) => full.includes(name);
  const trained: Parameters = new Map([...adapters, ...[...parameters].filter(([name]) => isFull(name))]);
  const frozen: Parameters = new Map([...parameters].filter(([name]) => !isFull(name)));
  const scale = alphaOf(options) / options.lora;
  return {
    trained,
    frozen,
    inputs(graph) {
      const own = inputsOf(graph, trained);
      const network = new Map([...inputsOf(graph, frozen), ...own]);
      for (const layer of layersOf(adapters)) {
        const change = own.get(loraA(layer))!.matmul(own.get(loraB(layer))!, { scale });
        network.set(`${layer}.weight`, network.get(`${layer}.weight`)!.add(change));
      }
      return { trained: own, network };
    },
    merged(weights) {
      const whole = merge(parameters, adapterOf(weights, options));
      for (const name of full) whole.set(name, weights.get(name)!);
      return whole;
    },
  };
}
