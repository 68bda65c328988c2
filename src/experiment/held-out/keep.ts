/** Ratings that an experiment keeps: those that say "liked", and users with enough of them. */
import type { Dataset } from '../../data/dataset.ts';
import { implicitScale } from '../../data/loader.ts';
import { countWithoutTime } from '../../data/ratings/rows.ts';
import { countsOf } from '../../util/arrays.ts';
import { DataError } from '../../util/errors.ts';
import type { DataOptions } from '../protocol.ts';
import { rowsOf } from './users.ts';

/**
 * `dataset` with its ratings of at least `binarize` alone, all as 1, and of these the users with at least `minRatings`. Users
 * and movies without a rating stay known. Throws DataError when no rating is left.
 */
export function keepRatings(dataset: Dataset, { binarize, minRatings }: DataOptions): Dataset {
  if (binarize === undefined && minRatings === undefined) return dataset;
  const { ratings } = dataset;
  const least = binarize === undefined ? -Infinity : Math.fround(binarize); // ratings are kept in 32 bits
  const liked = rowsOf(ratings, (row) => ratings.values[row]! >= least);
  const counts = countsOf(liked.users, dataset.userIds.length);
  const kept = rowsOf(liked, (row) => counts[liked.users[row]!]! >= (minRatings ?? 0));
  if (kept.users.length === 0) {
    throw new DataError({
      place: dataset.name,
      found: 'no rating left by --binarize and --min-ratings',
      wanted: 'at least one',
      remedy: 'Give lower ones.',
    });
  }
  const withoutTime = countWithoutTime(kept, dataset);
  if (binarize === undefined) return { ...dataset, ratings: kept, withoutTime };
  const { negative: _, ...all } = kept;
  const values = new Float32Array(all.values.length).fill(1);
  return { ...dataset, ratings: { ...all, values }, withoutTime, scale: implicitScale, isImplicit: true };
}
