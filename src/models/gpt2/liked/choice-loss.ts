/**
 * The loss of choices between titles as a graph: cross-entropies of softmaxes over the children of nodes, not over the
 * vocabulary. Legend: B texts, T tokens each, W choices at wide nodes over the O columns of the output table, S choices at
 * narrow nodes, C = n_embd.
 */
import type { Graph, Tensor } from '../../../onnx/graph.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import type { Values } from '../../../onnx/session.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { quantizeDropout } from '../training/loss-graph.ts';
import type { LossGraphOptions, Trainable } from '../../../training/trainable.ts';
import { MASKED_LOGIT, outputLayer, type Gpt2Config } from '../network/config.ts';
import { hiddenStates, parameterInputs, type ParameterTensors } from '../network/onnx.ts';
import { choicesOf, countMovies, type ChoiceBatch } from './choices.ts';
import { NARROW, type TitleTree } from './title-tree.ts';

/**
 * Choices that a graph takes, as shares of all positions; twice as many where these are too few, and so on, so that few
 * different graphs are built.
 */
const WIDE_SHARE = 1 / 8;
const NARROW_SHARE = 1 / 4;

interface Sizes {
  B: number;
  T: number;
  W: number;
  S: number;
}

/** GPT-2 with all `parameters` trained to choose between titles. */
export function choiceTrainable(
  given: Gpt2Config,
  parameters: Parameters,
  tree: TitleTree,
  checkpointing: boolean,
): Trainable<ChoiceBatch> {
  const config = quantizeDropout(given);
  const sizes = (batch: ChoiceBatch) => sizesOf(batch, tree);
  const masks = new Map<number, Float32Array>();
  return {
    trained: parameters,
    frozen: new Map(),
    checkpointing,
    graphKey: (batch) => Object.values(sizes(batch)).join(' '),
    lossGraph(batch, options) {
      const graph = createGraph();
      const trained = parameterInputs(graph, config);
      return { graph, loss: lossOf(graph, config, trained, sizes(batch), tree, options), trained };
    },
    feeds: (batch, weight) => ({
      tokens: tokensOf(batch),
      ...wideFeeds(batch, sizes(batch), tree, masks, weight),
      ...narrowFeeds(batch, sizes(batch), tree, weight),
    }),
    targetsOf: countMovies,
  };
}

function sizesOf(batch: ChoiceBatch, tree: TitleTree): Sizes {
  const { rows: B, length: T } = batch;
  const padded = (share: number, count: number) => {
    let size = Math.ceil(share * B * T);
    while (size < count) size *= 2;
    return size;
  };
  return {
    B,
    T,
    W: padded(WIDE_SHARE, choicesOf(batch, tree, true).length),
    S: padded(NARROW_SHARE, choicesOf(batch, tree, false).length),
  };
}

function lossOf(
  graph: Graph,
  config: Gpt2Config,
  parameters: ParameterTensors,
  { B, T, W, S }: Sizes,
  { wideTokens }: TitleTree,
  options: LossGraphOptions,
): Tensor {
  const hidden = hiddenStates(graph, config, parameters, graph.input('tokens', [B, T], 'int64'), options);
  const table = parameters.get(outputLayer(config))!;
  const [C, O] = [config.n_embd, wideTokens.length];
  const columns = graph.constant('columns', BigInt64Array.from(wideTokens, BigInt), [O]);
  const wide = hidden
    .gather(graph.input('wideAt', [W], 'int64'))
    .linearSoftCrossEntropy(
      table.gather(columns),
      graph.input('wideTargets', [W, O]),
      graph.input('wideOffsets', [W, O]),
    );
  const states = hidden.gather(graph.input('narrowAt', [S], 'int64')).reshape([S, 1, C]);
  const rows = table.gather(graph.input('narrowTokens', [S, NARROW], 'int64'));
  const logits = states.matmul(rows, { transposeB: true }).reshape([S, NARROW]);
  // The logits are there already: their product with the identity is what the operation takes.
  const identity = graph.constant('identity', identityOf(NARROW), [NARROW, NARROW]);
  const narrow = logits.linearSoftCrossEntropy(
    identity,
    graph.input('narrowTargets', [S, NARROW]),
    graph.input('narrowOffsets', [S, NARROW]),
  );
  return wide.add(narrow);
}

function identityOf(n: number): Float32Array {
  return Float32Array.from({ length: n * n }, (_, i) => Number(i % n === Math.floor(i / n)));
}

function tokensOf({ rows, length, texts }: ChoiceBatch): BigInt64Array {
  const tokens = new BigInt64Array(rows * length);
  for (const [row, text] of texts.entries())
    tokens.set(BigInt64Array.from(text.tokens, BigInt), row * length);
  return tokens;
}

function wideFeeds(
  batch: ChoiceBatch,
  { W }: Sizes,
  tree: TitleTree,
  masks: Map<number, Float32Array>,
  weight: number,
): Record<string, Values> {
  const O = tree.wideTokens.length;
  const at = new BigInt64Array(W);
  const targets = new Float32Array(W * O);
  const offsets = new Float32Array(W * O);
  for (const [n, { row, choice }] of choicesOf(batch, tree, true).entries()) {
    at[n] = BigInt(row * batch.length + choice.at);
    offsets.set(maskOf(choice.node, tree, masks), n * O);
    for (const child of choice.excluded) offsets[n * O + tree.column(child)] = MASKED_LOGIT;
    for (const [child, share] of choice.targets) {
      targets[n * O + tree.column(child)] = weight * choice.weight * share;
    }
  }
  return { wideAt: at, wideTargets: targets, wideOffsets: offsets };
}

/** 0 in the columns of the node's children, very negative elsewhere. */
function maskOf(node: number, tree: TitleTree, masks: Map<number, Float32Array>): Float32Array {
  const known = masks.get(node);
  if (known) return known;
  const mask = new Float32Array(tree.wideTokens.length).fill(MASKED_LOGIT);
  for (const child of tree.children(node)) mask[tree.column(child)] = 0;
  masks.set(node, mask);
  return mask;
}

function narrowFeeds(
  batch: ChoiceBatch,
  { S }: Sizes,
  tree: TitleTree,
  weight: number,
): Record<string, Values> {
  const at = new BigInt64Array(S);
  const tokens = new BigInt64Array(S * NARROW);
  const targets = new Float32Array(S * NARROW);
  const offsets = new Float32Array(S * NARROW);
  for (const [n, { row, choice }] of choicesOf(batch, tree, false).entries()) {
    const first = tree.trie.firstChild[choice.node]!;
    at[n] = BigInt(row * batch.length + choice.at);
    for (let child = 0; child < NARROW; child++) {
      if (child >= tree.width(choice.node)) offsets[n * NARROW + child] = MASKED_LOGIT;
      else tokens[n * NARROW + child] = BigInt(tree.trie.token[first + child]!);
    }
    for (const child of choice.excluded) offsets[n * NARROW + child - first] = MASKED_LOGIT;
    for (const [child, share] of choice.targets) {
      targets[n * NARROW + child - first] = weight * choice.weight * share;
    }
  }
  return { narrowAt: at, narrowTokens: tokens, narrowTargets: targets, narrowOffsets: offsets };
}
