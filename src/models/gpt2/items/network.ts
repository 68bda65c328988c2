/**
 * GPT-2 over item tokens as graphs. A position holds a movie's row of the token table plus the row of its rating, which is
 * what Hugging Face's GPT2Model computes when the rating's token is given as `token_type_ids`; the last position asks for
 * movies. Legend: B prompts, T positions each, N = B T, C = n_embd, H = n_head, D = C/H, I movies.
 */
import type { Graph, Tensor } from '../../../onnx/graph.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import type { Values } from '../../../onnx/session.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { inputsOf, type LossGraphOptions, type Trainable } from '../../../training/trainable.ts';
import { attentionScale, MASKED_LOGIT, type Gpt2Config } from '../network/config.ts';
import { causalMask, Network, type ParameterTensors } from '../network/onnx.ts';
import { PADDING, type ItemBatch, type Prompts } from './batches.ts';
import type { Negatives } from './negatives.ts';
import type { ItemWeights } from './weights.ts';

/** Names of the trained tables: (I, C) movies, and (levels + 1, C) ratings with the asking position last. */
export const MOVIES = 'items.movies';
export const MARKS = 'items.marks';
export const POSITIONS = 'transformer.wpe.weight';

/** Item GPT-2 for the training floor. `weights` are the two tables, the blocks, and the positions where order counts. */
export function itemTrainable(
  config: Gpt2Config,
  weights: ItemWeights,
  checkpointing: boolean,
): Trainable<ItemBatch> {
  const movies = weights.trained.get(MOVIES)!.shape[0]!;
  const marks = weights.trained.get(MARKS)!.shape[0]!;
  return {
    trained: weights.trained,
    frozen: weights.frozen,
    checkpointing,
    graphKey: (batch) => `${batch.rows} ${batch.length} ${candidateCount(batch, movies)}`,
    lossGraph(batch, options) {
      const { rows, length } = batch;
      const count = candidateCount(batch, movies);
      const graph = createGraph();
      const { trained, network } = weights.inputs(graph);
      const hidden = askedStates(graph, config, network, { B: rows, T: length }, options);
      const table = network.get(MOVIES)!;
      const loss = hidden.linearSoftCrossEntropy(
        batch.negatives ? table.gather(graph.input('candidates', [count], 'int64')) : table,
        graph.input('targets', [rows, count]),
        graph.input('offsets', [rows, count]),
      );
      return { graph, loss, trained };
    },
    feeds: (batch, weight) => ({
      ...promptFeeds(batch, marks),
      ...(batch.negatives
        ? sampledFeeds(batch, batch.negatives, candidateCount(batch, movies), weight)
        : { targets: targetRows(batch, movies, weight), offsets: offsetRows(batch, movies) }),
    }),
    targetsOf: countSamples,
  };
}

/** Rows of a batch that have targets; at least 1, so that a batch without any is a mean of nothing. */
function countSamples({ targets }: ItemBatch): number {
  return Math.max(1, targets.filter(({ length }) => length > 0).length);
}

/** The graph that gives the state of the asking position, (B, C), as output `hidden`. */
export function promptGraph(
  config: Gpt2Config,
  parameters: Parameters,
  size: { B: number; T: number },
): Graph {
  const graph = createGraph();
  const inputs = inputsOf(graph, parameters);
  graph.output('hidden', askedStates(graph, config, inputs, size, { dropout: false, checkpointing: false }));
  return graph;
}

/** What prompts feed into a graph. */
export function promptFeeds({ tokens, levels }: Prompts, marks: number): Record<string, Values> {
  return {
    tokens: BigInt64Array.from(tokens, BigInt),
    marks: BigInt64Array.from(levels, (level) => BigInt(level < 0 ? marks - 1 : level)),
    isMovie: Float32Array.from(levels, (level) => Number(level >= 0)),
    padding: Float32Array.from(levels, (level) => (level === PADDING ? MASKED_LOGIT : 0)),
  };
}

function targetRows({ rows, targets }: ItemBatch, movies: number, weight: number): Float32Array {
  const values = new Float32Array(rows * movies);
  for (const [row, own] of targets.entries()) {
    for (const target of own) values[row * movies + target.token] = weight * target.weight;
  }
  return values;
}

/** Columns for targets come in multiples of this, so that few graphs are compiled. */
const TARGET_COLUMNS = 256;

/** Each target of a batch once, in the order of the rows. */
function distinctTargets({ targets }: ItemBatch): number[] {
  return [...new Set(targets.flatMap((row) => row.map(({ token }) => token)))];
}

/** Columns of the softmax: all movies, or where it is sampled the targets and the sample. */
function candidateCount(batch: ItemBatch, movies: number): number {
  if (batch.negatives === undefined) return movies;
  const targets = Math.ceil(Math.max(1, distinctTargets(batch).length) / TARGET_COLUMNS) * TARGET_COLUMNS;
  return targets + batch.negatives.tokens.length;
}

/**
 * Candidates, with what each row takes of them: its own targets as they are, and the draws that are neither its targets nor in
 * its prompt. What fills the columns of the targets up is left out.
 */
function sampledFeeds(batch: ItemBatch, negatives: Negatives, count: number, weight: number) {
  const { rows, length, tokens, levels, targets } = batch;
  const { length: draws } = negatives.tokens;
  const columnOf = new Map(distinctTargets(batch).map((token, column) => [token, column]));
  const candidates = new BigInt64Array(count);
  for (const [token, column] of columnOf) candidates[column] = BigInt(token);
  candidates.set(BigInt64Array.from(negatives.tokens, BigInt), count - draws);
  const targetValues = new Float32Array(rows * count);
  const offsets = new Float32Array(rows * count).fill(MASKED_LOGIT);
  for (const [row, own] of targets.entries()) {
    const left = new Set(own.map(({ token }) => token));
    for (let at = row * length; at < (row + 1) * length; at++) if (levels[at]! >= 0) left.add(tokens[at]!);
    for (const [n, token] of negatives.tokens.entries()) {
      if (!left.has(token)) offsets[(row + 1) * count - draws + n] = negatives.offsets[n]!;
    }
    for (const target of own) {
      const cell = row * count + columnOf.get(target.token)!;
      targetValues[cell] = weight * target.weight;
      offsets[cell] = 0;
    }
  }
  return { candidates, targets: targetValues, offsets };
}

/** The movies of a prompt are left out: they are not recommended either. */
function offsetRows({ rows, length, tokens, levels }: ItemBatch, movies: number): Float32Array {
  const values = new Float32Array(rows * movies);
  for (const [at, level] of levels.entries()) {
    if (level >= 0) values[Math.floor(at / length) * movies + tokens[at]!] = MASKED_LOGIT;
  }
  return values;
}

/** The state after ln_f of the last position of each prompt, (B, C). */
function askedStates(
  graph: Graph,
  config: Gpt2Config,
  parameters: ParameterTensors,
  { B, T }: { B: number; T: number },
  options: LossGraphOptions,
): Tensor {
  const { n_layer: layers } = config;
  const { network, x, padding } = blocks(graph, config, parameters, { B, T, layers: layers - 1 }, options);
  const asking = graph.constant(
    'asking',
    BigInt64Array.from({ length: B }, (_, b) => BigInt((b + 1) * T - 1)),
    [B],
  );
  return network.norm(
    'transformer.ln_f',
    lastBlock(network, config, parameters, x, { B, T, asking, padding }),
  );
}

/** The states after ln_f of all positions, (N, C). */
export function allStates(
  graph: Graph,
  config: Gpt2Config,
  parameters: ParameterTensors,
  { B, T }: { B: number; T: number },
  options: LossGraphOptions,
): Tensor {
  const { network, x } = blocks(graph, config, parameters, { B, T, layers: config.n_layer }, options);
  return network.norm('transformer.ln_f', x);
}

/** Embedded prompts after the first `layers` blocks, (N, C). */
function blocks(
  graph: Graph,
  config: Gpt2Config,
  parameters: ParameterTensors,
  { B, T, layers }: { B: number; T: number; layers: number },
  { dropout, checkpointing }: LossGraphOptions,
): { network: Network; x: Tensor; padding: Tensor } {
  const { n_embd: C, n_positions: most } = config;
  const network = new Network(config, parameters, { dropout, checkpointing });
  const tokens = graph.input('tokens', [B, T], 'int64');
  const marks = graph.input('marks', [B, T], 'int64');
  const isMovie = graph.input('isMovie', [B, T, 1]);
  const padding = graph.input('padding', [B, 1, 1, T]);
  let embedded = parameters
    .get(MOVIES)!
    .gather(tokens)
    .mul(isMovie)
    .add(parameters.get(MARKS)!.gather(marks));
  const positions = parameters.get(POSITIONS);
  if (positions) embedded = embedded.add(positions.gather(lastPositions(graph, T, most)));
  let x = network.dropout('embeddings', embedded.reshape([B * T, C]), config.embd_pdrop);
  const mask = layers > 0 ? padding.add(graph.constant('mask', causalMask(T), [T, T])) : padding;
  for (let layer = 0; layer < layers; layer++) {
    const block = (x: Tensor) => network.block(layer, x, { B, T, mask });
    x = checkpointing ? graph.checkpoint(block, x) : block(x);
  }
  return { network, x, padding };
}

/** The asking position is the last of the context, whatever the length: the latest rating stands before it. */
function lastPositions(graph: Graph, T: number, most: number): Tensor {
  return graph.constant(
    'positions',
    BigInt64Array.from({ length: T }, (_, t) => BigInt(most - T + t)),
    [T],
  );
}

interface Asked {
  B: number;
  T: number;
  asking: Tensor;
  padding: Tensor;
}

/** The last block at the asking positions alone, (B, C): keys and values of all positions, the rest of one per prompt. */
function lastBlock(
  network: Network,
  config: Gpt2Config,
  parameters: ParameterTensors,
  x: Tensor,
  { B, T, asking, padding }: Asked,
): Tensor {
  const { n_embd: C, n_head: H, n_layer: layers, attn_pdrop, resid_pdrop } = config;
  const name = `transformer.h.${layers - 1}`;
  const normed = network.norm(`${name}.ln_1`, x);
  const [queryWeight, keyWeight] = parameters.get(`${name}.attn.c_attn.weight`)!.split([C, 2 * C]);
  const [queryBias, keyBias] = parameters.get(`${name}.attn.c_attn.bias`)!.split([C, 2 * C]);
  const heads = (part: Tensor, rows: number) => part.reshape([B, rows, H, C / H]).transpose([0, 2, 1, 3]);
  const query = heads(normed.gather(asking).linear(queryWeight!, queryBias!), 1);
  const [keys, values] = normed.linear(keyWeight!, keyBias!).split([C, C]);
  const scores = query
    .matmul(heads(keys!, T), { transposeB: true, scale: attentionScale(config, layers - 1) })
    .add(padding);
  const weights = network.dropout(`${name}.attn.weights`, scores.softmax(), attn_pdrop);
  const mixed = weights.matmul(heads(values!, T)).transpose([0, 2, 1, 3]).reshape([B, C]);
  const attended = network.linear(`${name}.attn.c_proj`, mixed);
  const y = x.gather(asking).add(network.dropout(`${name}.attn`, attended, resid_pdrop));
  return y.add(network.dropout(`${name}.mlp`, network.mlp(name, y), resid_pdrop));
}
