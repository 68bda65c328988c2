/** Ratings as kernels read them: one byte per rating, an index into the distinct numbers of stars. */
import { DataError } from '../util/errors.ts';
import type { Csr } from './csr.ts';
import type { TrainingSet } from './training-set.ts';

/** One byte per rating, so at most this many different ones. */
const MAX_LEVELS = 256;

export interface RatingLevels {
  /** The distinct ratings, ascending. */
  stars: Float32Array;
  /** The training ratings by user and by item, with the level of each beside its column. */
  byUser: LevelRows;
  byItem: LevelRows;
}

/** Row r holds entries `pointers[r]` to `pointers[r+1]`, with columns ascending within a row. */
export interface LevelRows {
  pointers: Int32Array;
  indices: Int32Array;
  levels: Uint8Array;
}

/** Throws DataError when there are more than 256 different ratings; no release has more than ten. */
export function ratingLevels(train: Pick<TrainingSet, 'byUser' | 'byItem'>): RatingLevels {
  const stars = Float32Array.from(new Set(train.byUser.values)).sort();
  if (stars.length > MAX_LEVELS) {
    throw new DataError({
      found: `${stars.length} different rating values`,
      wanted: `at most ${MAX_LEVELS}`,
      remedy: 'Round the ratings.',
    });
  }
  const levelOf = new Map(Array.from(stars, (value, level) => [value, level]));
  const rows = ({ pointers, indices, values }: Csr): LevelRows => ({
    pointers,
    indices,
    levels: Uint8Array.from(values, (value) => levelOf.get(value)!),
  });
  return { stars, byUser: rows(train.byUser), byItem: rows(train.byItem) };
}
