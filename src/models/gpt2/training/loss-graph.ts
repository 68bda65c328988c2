/** The graphs of training: the loss of a batch, with or without gradients, for batches of one size. */
import { gradients } from '../../../onnx/gradients.ts';
import type { Graph, Shape, Tensor } from '../../../onnx/graph.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import type { TokenBatch } from '../prompt/batch.ts';
import type { Gpt2Config } from '../network/config.ts';
import {
  dropoutInputs,
  dropoutRate,
  lossOf,
  parameterInputs,
  type ParameterTensors,
} from '../network/onnx.ts';
import type { Rng } from '../../../util/rng.ts';

/** What is trained: all parameters, or the matrices of adapters. */
export interface TrainedTensors {
  /** By name: a parameter's, or `LAYER.lora_A` (in, rank) and `LAYER.lora_B` (rank, out). */
  shapes: ReadonlyMap<string, Shape>;
  /** With adapters: what x A B is multiplied by. */
  loraScale?: number;
}

export interface BatchSize {
  /** Texts. */
  B: number;
  /** Tokens of each. */
  T: number;
  /** Positions at which something is asked. */
  A: number;
}

/** A graph with inputs and outputs for a batch, and the tensors to go on with. */
export interface LossGraph {
  graph: Graph;
  loss: Tensor;
  /** Inputs of what is trained, by name. */
  trained: Map<string, Tensor>;
}

/** The loss of a batch. `network` says whether entries are dropped and blocks computed again. */
export function lossGraph(
  config: Gpt2Config,
  { shapes, loraScale }: TrainedTensors,
  size: BatchSize,
  network: { checkpointing: boolean; dropout: boolean },
): LossGraph {
  const graph = createGraph();
  const parameters = parameterInputs(graph, config);
  const trained: ParameterTensors =
    loraScale === undefined
      ? parameters
      : new Map([...shapes].map(([name, shape]) => [name, graph.input(name, shape)]));
  const lora = loraScale === undefined ? undefined : { scale: loraScale, pairs: pairsOf(trained) };
  const loss = lossOf(graph, config, parameters, size, { ...network, ...(lora && { lora }) });
  return { graph, loss, trained };
}

/** Gradients of all that is trained, by name. */
export function gradientsOf({ loss, trained }: LossGraph): Map<string, Tensor> {
  const found = gradients(loss, [...trained.values()]);
  return new Map([...trained.keys()].map((name, i) => [name, found[i]!]));
}

function pairsOf(tensors: ParameterTensors): Map<string, { a: Tensor; b: Tensor }> {
  const layers = [...tensors.keys()].filter((name) => name.endsWith('.lora_A'));
  return new Map(
    layers.map((name) => {
      const layer = name.slice(0, -'.lora_A'.length);
      return [layer, { a: tensors.get(name)!, b: tensors.get(`${layer}.lora_B`)! }];
    }),
  );
}

/** Targets of a batch. */
export function countTargets({ targets }: TokenBatch): number {
  return targets.reduce((count, target) => count + Number(target >= 0), 0);
}

/** The size of the graph for a batch: asked positions in eighths of all, so that few different graphs are built. */
export function sizeOfBatch(batch: TokenBatch): BatchSize {
  const { rows: B, length: T } = batch;
  const unit = Math.max(1, (B * T) / 8);
  return { B, T, A: Math.min(B * T, Math.ceil(Math.ceil(countTargets(batch) / unit) * unit)) };
}

/** What a batch feeds into its graph; each target counts `weight`. */
export function batchFeeds(batch: TokenBatch, { B, T, A }: BatchSize, weight: number) {
  const tokens = BigInt64Array.from(batch.tokens, BigInt);
  const targets = new BigInt64Array(A);
  const weights = new Float32Array(A);
  const asked = new BigInt64Array(A);
  let next = 0;
  for (const [at, target] of batch.targets.entries()) {
    // With room for all positions there is no choice: each stays where it is.
    if (target < 0 && A < B * T) continue;
    asked[next] = BigInt(at);
    targets[next] = BigInt(Math.max(target, 0));
    weights[next++] = target < 0 ? 0 : weight;
  }
  return { tokens, targets, weights, ...(A < B * T && { asked }) };
}

/** Dropout rates are multiples of this: a byte of a random number decides about an entry. */
const RATE_STEP = 1 / 256;

/** The configuration with the dropout rates that are really used. */
export function quantised(config: Gpt2Config): Gpt2Config {
  const nearest = (rate: number) => Math.min(255, Math.round(rate / RATE_STEP)) * RATE_STEP;
  return {
    ...config,
    embd_pdrop: nearest(config.embd_pdrop),
    attn_pdrop: nearest(config.attn_pdrop),
    resid_pdrop: nearest(config.resid_pdrop),
  };
}

/** Draws what dropout keeps, for each of the graph's inputs that ask for it. */
export function dropoutMasks(graph: Graph, config: Gpt2Config, rng: Rng): Record<string, Uint8Array> {
  const masks: Record<string, Uint8Array> = {};
  for (const { name, size } of dropoutInputs(graph)) {
    const dropped = dropoutRate(config, name) / RATE_STEP;
    const mask = new Uint8Array(size);
    for (let at = 0; at < size; at += 4) {
      const bits = rng.uint32();
      mask[at] = Number((bits & 255) >= dropped);
      mask[at + 1] = Number(((bits >>> 8) & 255) >= dropped);
      mask[at + 2] = Number(((bits >>> 16) & 255) >= dropped);
      mask[at + 3] = Number(bits >>> 24 >= dropped);
    }
    masks[name] = mask;
  }
  return masks;
}
