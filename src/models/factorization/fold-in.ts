/** User vectors for people who were not in train, with the item side of the model fixed. */
import type { Csr } from '../../data/csr.ts';
import { ratingLevels, REFERENCE_STARS } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { foldInByAls, type AlsFoldIn, type AlsSettings } from '../../numeric/als/fit.ts';
import { choleskyFactor, choleskySolve } from '../../numeric/cholesky.ts';
import { mean } from '../../util/arrays.ts';
import { entriesOf } from '../../util/sparse-rows.ts';
import type { DotProductModel, FoldIn } from './dot-product.ts';
import type { SgdOptions } from './options.ts';
import { alsData } from './problem.ts';

/** For implicit ALS: one row of it per person. */
export function foldInWithAls(
  settings: AlsSettings,
  train: TrainingSet,
  model: Pick<DotProductModel, 'k' | 'itemFactors'>,
  threads: number,
): FoldIn {
  let solve: AlsFoldIn | undefined;
  return async (histories) => {
    solve ??= foldInByAls(alsData(train), settings, model, threads);
    const { stars, rows } = ratingLevels(histories);
    const relativeRatings = stars.map((value) => value / REFERENCE_STARS);
    return { userFactors: await solve({ byUser: rows(histories), relativeRatings }) };
  };
}

/**
 * Of the largest diagonal cell, what is added to each without penalties, where fewer ratings than factors make the matrix
 * singular: far above the rounding of its Cholesky factor, of at most 1025 sums of 2e-16, and far below a usual penalty.
 */
const LEAST_RIDGE = 1e-10;

/**
 * For the squared error of the ratings: the vector and bias at which SGD with the same penalties would come to rest, the
 * ridge regression of the person's ratings on the movies' vectors,
 *
 *     sum_i (r_i - mean - b_i - b_u - p . q_i)^2 + n regularization |p|^2 + n biasRegularization b_u^2.
 *
 * Without penalties it is, to 1e-10, the shortest of the vectors that explain the ratings best.
 */
export function foldInWithRidge(
  options: Pick<SgdOptions, 'regularization' | 'biasRegularization'>,
  { ratings }: Pick<TrainingSet, 'ratings'>,
  { k, itemFactors, itemBias }: DotProductModel,
): FoldIn {
  return async (histories: Csr) => {
    const meanRating = mean(ratings.values);
    const userFactors = new Float32Array(histories.rows * k);
    const userBias = new Float64Array(histories.rows).fill(meanRating);
    for (let person = 0; person < histories.rows; person++) {
      const entries = [...entriesOf(histories, person)];
      if (entries.length === 0) continue;
      const width = k + 1;
      const normal = new Float64Array(width * width);
      const solution = new Float64Array(width);
      for (const [item, stars] of entries) {
        const row = [...itemFactors.subarray(item * k, (item + 1) * k), 1];
        const residual = stars - meanRating - (itemBias?.[item] ?? 0);
        for (let a = 0; a < width; a++) {
          solution[a]! += row[a]! * residual;
          for (let b = 0; b < width; b++) normal[a * width + b]! += row[a]! * row[b]!;
        }
      }
      const largest = Math.max(...normal.filter((_, cell) => cell % (width + 1) === 0));
      for (let f = 0; f < width; f++) {
        const penalty = f < k ? options.regularization : options.biasRegularization;
        normal[f * width + f]! += Math.max(entries.length * penalty, LEAST_RIDGE * largest);
      }
      choleskySolve(choleskyFactor(normal, width), width, solution, 1);
      userFactors.set(solution.subarray(0, k), person * k);
      userBias[person]! += solution[k]!;
    }
    return { userFactors, userBias };
  };
}
