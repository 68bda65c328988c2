/** GPT-2 as the training floor sees it: the loss of a batch of texts as a graph, for batches of one size. */
import type { Tensor } from '../../../onnx/graph.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import { quantizeRate } from '../../../training/dropout.ts';
import {
  inputsOf,
  type LossGraph,
  type LossGraphOptions,
  type Trainable,
} from '../../../training/trainable.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { Gpt2Config } from '../network/config.ts';
import { lossOf, parameterInputs, type LoraTensors, type ParameterTensors } from '../network/onnx.ts';
import { countTargets, type TokenBatch } from '../network/token-batch.ts';
import { layersOf, loraA, loraB } from '../network/lora.ts';

/** What is trained of a GPT-2. */
export interface TraineeParts {
  config: Gpt2Config;
  /** All parameters. */
  parameters: Parameters;
  /** With LoRA: the adapters' matrices, by `LAYER.lora_A` and `LAYER.lora_B`, and what their product is multiplied by. */
  lora?: { weights: Parameters; scale: number };
  checkpointing: boolean;
}

/** A GPT-2 whose parameters, or with LoRA whose adapters, are trained on batches of texts. */
export function gpt2Trainable({
  config,
  parameters,
  lora,
  checkpointing,
}: TraineeParts): Trainable<TokenBatch> {
  const quantized = quantizeDropout(config);
  const trained = lora?.weights ?? parameters;
  return {
    trained,
    frozen: lora ? parameters : new Map(),
    checkpointing,
    graphKey(batch) {
      const { B, T, A } = sizeOfBatch(batch);
      return `${B} ${T} ${A}`;
    },
    lossGraph: (batch, options) => lossGraph(quantized, trained, lora?.scale, sizeOfBatch(batch), options),
    feeds: (batch, weight) => batchFeeds(batch, sizeOfBatch(batch), weight),
    targetsOf: countTargets,
  };
}

interface BatchSize {
  /** Texts. */
  B: number;
  /** Tokens of each. */
  T: number;
  /** Positions at which something is asked. */
  A: number;
}

function lossGraph(
  config: Gpt2Config,
  weights: Parameters,
  loraScale: number | undefined,
  size: BatchSize,
  options: LossGraphOptions,
): LossGraph {
  const graph = createGraph();
  const parameters = parameterInputs(graph, config);
  if (loraScale === undefined) {
    return { graph, loss: lossOf(graph, config, parameters, size, options), trained: parameters };
  }
  const trained = inputsOf(graph, weights);
  const lora = { scale: loraScale, pairs: pairsOf(trained) };
  return { graph, loss: lossOf(graph, config, parameters, size, { ...options, lora }), trained };
}

function pairsOf(tensors: ParameterTensors): LoraTensors['pairs'] {
  const tensor = (name: string): Tensor => tensors.get(name)!;
  return new Map(
    layersOf(tensors).map((layer) => [layer, { a: tensor(loraA(layer)), b: tensor(loraB(layer)) }]),
  );
}

/** The size of the graph for a batch: asked positions in eighths of all, so that few different graphs are built. */
function sizeOfBatch(batch: TokenBatch): BatchSize {
  const { rows: B, length: T } = batch;
  const unit = Math.max(1, (B * T) / 8);
  return { B, T, A: Math.min(B * T, Math.ceil(Math.ceil(countTargets(batch) / unit) * unit)) };
}

/** What a batch feeds into its graph; each target counts `weight`. */
function batchFeeds(batch: TokenBatch, { B, T, A }: BatchSize, weight: number) {
  const tokens = BigInt64Array.from(batch.tokens, BigInt);
  const targets = new BigInt64Array(A);
  const weights = new Float32Array(A);
  const asked = new BigInt64Array(A);
  let next = 0;
  for (const [at, target] of batch.targets.entries()) {
    // Where all positions are inputs there is no choice: each stays where it is.
    if (target < 0 && A < B * T) continue;
    asked[next] = BigInt(at);
    targets[next] = BigInt(Math.max(target, 0));
    weights[next++] = target < 0 ? 0 : weight;
  }
  return { tokens, targets, weights, ...(A < B * T && { asked }) };
}

/** The configuration with the dropout rates that are really used. */
export function quantizeDropout(config: Gpt2Config): Gpt2Config {
  return {
    ...config,
    embd_pdrop: quantizeRate(config.embd_pdrop),
    attn_pdrop: quantizeRate(config.attn_pdrop),
    resid_pdrop: quantizeRate(config.resid_pdrop),
  };
}
