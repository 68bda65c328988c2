/**
 * The next movie at every position: a history in the order of time, each movie's state asked for the one that follows, as
 * SASRec is trained (Kang and McAuley 2018, arXiv 1808.09781), with the cross-entropy over all movies in place of a
 * sampled negative (Klenitskiy and Vasilev 2023, arXiv 2309.07602). Legend: B histories, T positions each, A asked
 * positions, I movies.
 */
import type { Rng } from '../../../util/rng.ts';
import { concat, type Tensor } from '../../../onnx/graph.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { chunk } from '../../../training/job.ts';
import type { Trainable } from '../../../training/trainable.ts';
import { MASKED_LOGIT, type Gpt2Config } from '../network/config.ts';
import { initialParameters } from '../network/presets.ts';
import { PADDING, withNegatives, type Prompts } from './batches.ts';
import type { ItemHistory, ItemVocabulary } from './histories.ts';
import type { Negatives, Proposal } from './negatives.ts';
import { allStates, MARKS, MOVIES, promptFeeds } from './network.ts';
import type { ItemWeights } from './weights.ts';

/** Histories of one length, filled up on the left. */
export interface SequenceBatch extends Prompts {
  /** (rows, length): the movie token that follows, or -1 where none is asked for. */
  next: Int32Array;
  /** Where the softmax is sampled. */
  negatives?: Negatives;
}

/** Lengths of batches: few, so that few graphs are compiled; the longest is the context. */
const LENGTHS = [32, 64, 128];

/**
 * The batches of one pass, in random order: of every history with at least two movies the latest `contextLength` and the one
 * before each. A movie that is not liked is never asked for.
 */
export function sequenceBatches(
  histories: readonly ItemHistory[],
  {
    contextLength,
    batchSize,
    proposal,
  }: { contextLength: number; batchSize: number; proposal?: Proposal | undefined },
  rng: Rng,
): SequenceBatch[] {
  const byLength = new Map<number, ItemHistory[]>();
  for (const history of rng.shuffle(histories.filter(({ liked }) => liked.indexOf(1, 1) > 0))) {
    const inputs = history.tokens.length - 1;
    const length = LENGTHS.find((length) => length < contextLength && inputs <= length) ?? contextLength;
    const group = byLength.get(length);
    if (group) group.push(history);
    else byLength.set(length, [history]);
  }
  const batches = [...byLength].flatMap(([length, group]) =>
    chunk(group, batchSize).map((part) => toBatch(part, batchSize, length)),
  );
  return withNegatives(rng.shuffle(batches), proposal, rng);
}

function toBatch(histories: readonly ItemHistory[], rows: number, length: number): SequenceBatch {
  const tokens = new Int32Array(rows * length);
  const levels = new Int32Array(rows * length).fill(PADDING);
  const next = new Int32Array(rows * length).fill(-1);
  for (const [row, history] of histories.entries()) {
    const end = history.tokens.length - 1;
    const first = Math.max(0, end - length);
    const start = (row + 1) * length - (end - first);
    for (let n = first; n < end; n++) {
      tokens[start + n - first] = history.tokens[n]!;
      levels[start + n - first] = history.levels[n]!;
      if (history.liked[n + 1] === 1) next[start + n - first] = history.tokens[n + 1]!;
    }
  }
  return { rows, length, tokens, levels, next };
}

/** Asked positions of the graph: in eighths of all, so that few different graphs are built. */
function sizeOf({ rows, length, next }: SequenceBatch): { B: number; T: number; A: number } {
  const unit = (rows * length) / 8;
  return {
    B: rows,
    T: length,
    A: Math.min(rows * length, Math.ceil(Math.ceil(countNext(next) / unit) * unit)),
  };
}

function countNext(next: Int32Array): number {
  return next.reduce((count, token) => count + Number(token >= 0), 0);
}

/** Item GPT-2 for the training loop, by the next movie. `weights` are as for `itemTrainable`, positions included. */
export function sequenceTrainable(
  config: Gpt2Config,
  weights: ItemWeights,
  checkpointing: boolean,
): Trainable<SequenceBatch> {
  const marks = weights.trained.get(MARKS)!.shape[0]!;
  return {
    trained: weights.trained,
    frozen: weights.frozen,
    checkpointing,
    graphKey: (batch) => [...Object.values(sizeOf(batch)), batch.negatives?.tokens.length ?? 0].join(' '),
    lossGraph(batch, options) {
      const { B, T, A } = sizeOf(batch);
      const graph = createGraph();
      const { trained, network } = weights.inputs(graph);
      const hidden = allStates(graph, config, network, { B, T }, options);
      const asked = hidden.gather(graph.input('asked', [A], 'int64'));
      const movies = network.get(MOVIES)!;
      const targets = graph.input('targets', [A, 1], 'int64');
      const counted = graph.input('weights', [A, 1]);
      const { negatives } = batch;
      const loss = negatives
        ? sampledLogits(asked, movies, targets, negatives).crossEntropyOfFirst(counted)
        : asked.linearCrossEntropy(movies, targets, counted);
      return { graph, loss, trained };
    },
    feeds: (batch, weight) => ({ ...promptFeeds(batch, marks), ...nextFeeds(batch, weight) }),
    targetsOf: ({ next }) => Math.max(1, countNext(next)),
  };
}

/** (A, 1 + S): the logit of each target, then those of the sample. */
function sampledLogits(asked: Tensor, movies: Tensor, targets: Tensor, { tokens }: Negatives): Tensor {
  const { graph } = asked;
  const [A, S] = [asked.shape[0]!, tokens.length];
  const own = asked.mul(movies.gather(targets).reshape(asked.shape)).sum([1]);
  const others = asked
    .matmul(movies.gather(graph.input('negatives', [S], 'int64')), { transposeB: true })
    .add(graph.input('offsets', [A, S]));
  return concat([own, others]);
}

/** The sample, and what is added to its logits: a draw that is a position's target counts nothing there. */
function negativeFeeds({ tokens, offsets }: Negatives, targets: BigInt64Array) {
  const S = tokens.length;
  const values = new Float32Array(targets.length * S);
  for (const [a, target] of targets.entries()) {
    values.set(offsets, a * S);
    for (let n = 0; n < S; n++) if (tokens[n] === Number(target)) values[a * S + n] = MASKED_LOGIT;
  }
  return { negatives: BigInt64Array.from(tokens, BigInt), offsets: values };
}

/** Asked positions with their targets; what fills them up asks at position 0 and counts nothing. */
function nextFeeds(batch: SequenceBatch, weight: number) {
  const { A } = sizeOf(batch);
  const asked = new BigInt64Array(A);
  const targets = new BigInt64Array(A);
  const weights = new Float32Array(A);
  let n = 0;
  for (const [at, token] of batch.next.entries()) {
    if (token < 0) continue;
    asked[n] = BigInt(at);
    targets[n] = BigInt(token);
    weights[n++] = weight;
  }
  const { negatives } = batch;
  return { asked, targets, weights, ...(negatives && negativeFeeds(negatives, targets)) };
}

/**
 * Random weights as GPT-2 starts from; the movies' rows are ALS's factors where there are any, at the same mean square.
 * Rows of ratings start from 0.
 */
export function sequenceStart(
  config: Gpt2Config,
  { catalogue, stars }: ItemVocabulary,
  factors: { k: number; itemFactors: Float32Array } | undefined,
  rng: Rng,
): Parameters {
  const C = config.n_embd;
  const parameters = initialParameters({ ...config, vocab_size: catalogue.length }, rng);
  const movies = parameters.get('transformer.wte.weight')!;
  parameters.delete('transformer.wte.weight');
  if (factors) {
    const { k, itemFactors } = factors;
    for (const [token, item] of catalogue.entries()) {
      movies.data.set(itemFactors.subarray(item * k, (item + 1) * k), token * C);
    }
    const squares = movies.data.reduce((sum, value) => sum + value * value, 0);
    const scale = config.initializer_range / Math.sqrt(squares / movies.data.length);
    for (let i = 0; i < movies.data.length; i++) movies.data[i]! *= scale;
  }
  parameters.set(MOVIES, movies);
  parameters.set(MARKS, { shape: [stars.length + 1, C], data: new Float32Array((stars.length + 1) * C) });
  return parameters;
}
