/** Ratings as kernels read them: one byte per rating, an index into the distinct numbers of stars. */
import { DataError } from '../util/errors.ts';
import type { SparseRows } from '../util/sparse-rows.ts';
import type { Csr } from './csr.ts';
import type { TrainingSet } from './training-set.ts';

/**
 * The rating whose target is 1 where models take ratings as degrees of liking, (stars / 4)^exponent: the least that the
 * protocol counts as relevant by default. Fixed, so that --threshold changes what is measured and not what is learned.
 */
export const REFERENCE_STARS = 4;

/**
 * Throws DataError naming file and line of the first rating below 0, for models whose targets and weights are powers of
 * ratings; `remedy` names their option that takes any rating.
 */
export function requireNonNegative({ ratings, starUnit }: TrainingSet, model: string, remedy: string): void {
  const row = ratings.values.findIndex((value) => !(value >= 0));
  if (row < 0) return;
  throw new DataError({
    ...(ratings.negative && { place: ratings.negative.place }),
    found: `rating ${ratings.negative?.value ?? ratings.values[row]! * starUnit}`,
    wanted: `ratings of 0 or more for ${model}`,
    remedy,
  });
}

/** One byte per rating, so at most this many different ones. */
const MAX_LEVELS = 256;

/** Sparse rows with columns ascending within a row. */
export interface LevelRows extends SparseRows {
  /** Of each entry, the index of its rating in `stars`. */
  levels: Uint8Array;
}

export interface RatingLevels {
  /** The distinct ratings, ascending. */
  stars: Float32Array;
  /** `matrix` must hold no other ratings. */
  rows: (matrix: Csr) => LevelRows;
}

/** The levels of `ratings`. Throws DataError when there are more than 256; no release has more than ten. */
export function ratingLevels(ratings: Csr): RatingLevels {
  const distinct = new Set<number>();
  for (const value of ratings.values) distinct.add(value);
  if (distinct.size > MAX_LEVELS) {
    throw new DataError({
      found: `${distinct.size} different rating values`,
      wanted: `at most ${MAX_LEVELS}`,
      remedy: 'Round the ratings.',
    });
  }
  const stars = Float32Array.from(distinct).sort();
  const levelOf = new Map(Array.from(stars, (value, level) => [value, level]));
  return {
    stars,
    rows: ({ pointers, indices, values }) => {
      const levels = new Uint8Array(values.length);
      for (let n = 0; n < values.length; n++) levels[n] = levelOf.get(values[n]!)!;
      return { pointers, indices, levels };
    },
  };
}
