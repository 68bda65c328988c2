/** Samples of histories: a part of a history as the prompt, the liked movies of the rest as one target distribution. */
import { range } from '../../../util/arrays.ts';
import type { Rng } from '../../../util/rng.ts';
import { pow } from '../../../util/math.ts';
import { chunk } from '../../../training/job.ts';
import type { ItemHistory } from './histories.ts';
import type { Negatives, Proposal } from './negatives.ts';

/** Histories, or parts of them, of one length, row-major, filled up on the left. */
export interface Prompts {
  rows: number;
  /** Positions per row, an asking one included. */
  length: number;
  /** (rows, length): movie tokens; 0 where `levels` says that there is none. */
  tokens: Int32Array;
  /** (rows, length): rating levels; ASKING or PADDING where there is no movie. */
  levels: Int32Array;
}

/** Prompts whose last position asks for movies and has no movie of its own. */
export interface ItemBatch extends Prompts {
  /** Per row: the movies that should follow, each with its share; empty for rows that fill up a batch. */
  targets: { token: number; weight: number }[][];
  /** Where the softmax is sampled. */
  negatives?: Negatives;
}

/**
 * `set`: all liked movies that are left, at a position of its own behind the prompt. `next`: the one that follows, at the
 * position of the movie before it.
 */
export type ItemObjective = 'set' | 'next';

/** Levels of positions without a movie. */
const ASKING = -1;
export const PADDING = -2;

export interface SampleOptions {
  /** Most positions, the asking one included. */
  contextLength: number;
  batchSize: number;
  /** In the order of time, the prompt before the targets; else both at random. */
  ordered: boolean;
  /** What a model is asked for: see `ItemObjective`. */
  objective: ItemObjective;
  /** Least and largest share of a history that becomes the prompt. */
  promptShare: readonly [number, number];
  /** A sample with n targets counts n to this power. */
  targetExponent: number;
  /** Where the softmax is sampled. */
  proposal?: Proposal | undefined;
}

/** Lengths of batches: few, so that few graphs are compiled; the longest is the context. */
const LENGTHS = [64, 192];

/** The length of the batch in which a history of `movies` movies and the asking position fit. */
function batchLength(movies: number, contextLength: number): number {
  return LENGTHS.find((length) => length < contextLength && movies < length) ?? contextLength;
}

/**
 * The batches of one pass: a sample of every history that has at least two ratings and a liked one, in random order. Every
 * pass has as many, as the length of a user's batch follows from the whole history. A sample without a liked movie left
 * to predict has no target and counts nothing.
 */
export function trainingBatches(
  histories: readonly ItemHistory[],
  options: SampleOptions,
  rng: Rng,
): ItemBatch[] {
  const { contextLength, batchSize, promptShare, proposal } = options;
  const byLength = new Map<number, ItemHistory[]>();
  for (const history of rng.shuffle(histories.filter(isUsable))) {
    const length = batchLength(Math.ceil(promptShare[1] * history.tokens.length), contextLength);
    const group = byLength.get(length);
    if (group) group.push(history);
    else byLength.set(length, [history]);
  }
  const batches = [...byLength].flatMap(([length, group]) =>
    chunk(group, batchSize).map((part) =>
      toBatch(
        part.map((history) => drawSample(history, options, rng)),
        { rows: batchSize, length },
      ),
    ),
  );
  return withNegatives(rng.shuffle(batches), proposal, rng);
}

/** The batches, each with a sample of its own where there is a proposal. */
export function withNegatives<Batch extends { negatives?: Negatives }>(
  batches: Batch[],
  proposal: Proposal | undefined,
  rng: Rng,
): Batch[] {
  if (proposal === undefined) return batches;
  return batches.map((batch, n) => ({ ...batch, negatives: proposal.draw(rng.derive(`negatives ${n}`)) }));
}

function isUsable({ tokens, liked }: ItemHistory): boolean {
  return tokens.length >= 2 && liked.some((one) => one === 1);
}

/** A prompt, as positions within a history, and what should follow it. */
interface Sample {
  history: ItemHistory;
  prompt: ArrayLike<number>;
  targets: { token: number; weight: number }[];
}

function drawSample(history: ItemHistory, options: SampleOptions, rng: Rng): Sample {
  const {
    contextLength,
    ordered,
    promptShare: [least, most],
    targetExponent,
  } = options;
  const n = history.tokens.length;
  const order = range(n);
  if (!ordered) rng.shuffle(order);
  const share = least + (most - least) * rng.uniform();
  const size = Math.max(1, Math.min(n - 1, Math.round(share * n)));
  const prompt = order.subarray(Math.max(0, size - (contextLength - 1)), size);
  const liked = order.subarray(size).filter((at) => history.liked[at] === 1);
  const weight = liked.length === 0 ? 0 : pow(liked.length, targetExponent - 1);
  const targets = Array.from(liked, (at) => ({ token: history.tokens[at]!, weight }));
  return { history, prompt, targets };
}

/** How prompts are made where nothing is trained. */
export type PromptOptions = Pick<SampleOptions, 'contextLength' | 'batchSize' | 'ordered' | 'objective'>;

/** Prompts of whole histories, in their order; of one that is too long the latest ratings, or some drawn by `rng`. */
export function promptBatches(
  histories: readonly ItemHistory[],
  { contextLength, batchSize, ordered, objective }: PromptOptions,
  rng: Rng,
): { batch: Prompts; histories: ItemHistory[] }[] {
  const asking = Number(objective === 'set');
  const lengthOf = ({ tokens }: ItemHistory) => batchLength(tokens.length - 1 + asking, contextLength);
  return chunk(
    histories.toSorted((a, b) => lengthOf(a) - lengthOf(b) || a.user - b.user),
    batchSize,
  ).map((part) => {
    const length = Math.max(...part.map(lengthOf));
    const samples = part.map((history) => {
      const all = range(history.tokens.length);
      const order = ordered ? all : rng.derive(`prompt ${history.user}`).shuffle(all);
      return { history, prompt: order.slice(-(contextLength - asking)) };
    });
    return { batch: toPrompts(samples, { rows: batchSize, length, asking }), histories: part };
  });
}

function toBatch(samples: readonly Sample[], { rows, length }: { rows: number; length: number }): ItemBatch {
  const targets = Array.from({ length: rows }, (_, row) => samples[row]?.targets ?? []);
  return { ...toPrompts(samples, { rows, length, asking: 1 }), targets };
}

/** `asking` positions at the end of each row have no movie. */
function toPrompts(
  samples: readonly Pick<Sample, 'history' | 'prompt'>[],
  { rows, length, asking }: { rows: number; length: number; asking: number },
): Prompts {
  const tokens = new Int32Array(rows * length);
  const levels = new Int32Array(rows * length).fill(PADDING);
  for (let row = 0; row < rows; row++) levels.fill(ASKING, (row + 1) * length - asking, (row + 1) * length);
  for (const [row, { history, prompt }] of samples.entries()) {
    const start = (row + 1) * length - asking - prompt.length;
    for (let n = 0; n < prompt.length; n++) {
      tokens[start + n] = history.tokens[prompt[n]!]!;
      levels[start + n] = history.levels[prompt[n]!]!;
    }
  }
  return { rows, length, tokens, levels };
}
