/**
 * The score that movies are ranked by: log p(title | user) - a log p(title | no history) + b log(ratings of the movie). What a
 * title's words make likely by themselves is taken off, and how often the movie is rated added; a and b are chosen on
 * ratings of validation users that training did not see.
 */
import type { TrainingSet } from '../../../data/training-set.ts';
import { chunk } from '../../../training/job.ts';
import { log } from '../../../util/math.ts';
import { rankByLikelihood } from '../decoding/likelihood.ts';
import { byScore, topKOf } from '../../top-k.ts';
import type { Decoder } from '../decoding/decoder.ts';
import { AllowedTitles } from '../decoding/trie.ts';
import { f1OfMeans, type HeldRatings } from '../held-ratings.ts';
import type { LikedTemplate } from './template.ts';
import { titlesOf, titleTrie } from './title-tree.ts';

/** a and b. */
export interface Calibration {
  priorWeight: number;
  popularityWeight: number;
}

/** Weights that are tried on validation users. */
const TRIED_PRIOR_WEIGHTS = [0, 0.25, 0.5, 0.75, 1];
const TRIED_POPULARITY_WEIGHTS = [0, 0.25, 0.5, 1, 2];

/** Titles whose tree is walked at once for the prior. */
const PRIOR_CHUNK = 256;

/**
 * log p(title | no history) by item index, 0 for movies without a title; with `choosing` among the titles of the catalogue.
 * AbortedError when the signal fires.
 */
export async function priorOf(
  decoder: Decoder,
  template: LikedTemplate,
  itemCount: number,
  signal: AbortSignal,
  choosing = false,
): Promise<Float32Array> {
  const prior = new Float32Array(itemCount);
  const prompt = template.prompt({ disliked: [], watched: [], liked: [] });
  const catalogue = titleTrie(template, template.items);
  const all = new AllowedTitles(catalogue);
  // Titles that begin alike stand together, so that their beginning is computed once.
  const items = [...template.items].sort((a, b) => compareTokens(template.title(a), template.title(b)));
  for (const part of chunk(items, PRIOR_CHUNK)) {
    const request = choosing
      ? { prompt, titles: titlesOf(part, template, all), among: all }
      : { prompt, titles: new AllowedTitles(titleTrie(template, Int32Array.from(part))) };
    const [ranking] = await rankByLikelihood(decoder, [request], { k: part.length, width: Infinity }, signal);
    for (const { item, logProbability } of ranking!.best) prior[item] = logProbability;
  }
  return prior;
}

function compareTokens(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((token, n) => token !== b[n]);
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1);
}

/** What calibration adds to each movie's log-probability, by item index. */
export function offsetsOf(
  prior: Float32Array,
  { ratingCounts }: Pick<TrainingSet, 'ratingCounts'>,
  { priorWeight, popularityWeight }: Calibration,
): Float32Array {
  return prior.map(
    (value, item) => popularityWeight * log(Math.max(1, ratingCounts[item]!)) - priorWeight * value,
  );
}

/** The weights with the highest F1 of means at `k`, of those that `given` leaves open; the smaller of equal ones. */
export function chooseCalibration(
  held: HeldRatings,
  /** Log-probabilities of each user's likeliest titles. */
  pools: readonly ReadonlyMap<number, number>[],
  prior: Float32Array,
  train: Pick<TrainingSet, 'ratingCounts'>,
  k: number,
  given: { priorWeight?: number | undefined; popularityWeight?: number | undefined },
): Calibration & { f1: number } {
  let best = { priorWeight: 0, popularityWeight: 0, f1: -1 };
  const tried = (value: number | undefined, grid: number[]) => (value === undefined ? grid : [value]);
  for (const priorWeight of tried(given.priorWeight, TRIED_PRIOR_WEIGHTS)) {
    for (const popularityWeight of tried(given.popularityWeight, TRIED_POPULARITY_WEIGHTS)) {
      const offsets = offsetsOf(prior, train, { priorWeight, popularityWeight });
      const lists = pools.map((pool) =>
        Array.from(pool, ([item, logProbability]) => ({
          item,
          score: logProbability + offsets[item]!,
        })).sort(byScore),
      );
      const f1 = f1OfMeans(held, topKOf(lists, k).items, k);
      if (f1 > best.f1) best = { priorWeight, popularityWeight, f1 };
    }
  }
  return best;
}
