/** A training set as the solvers of src/numeric take it, and the losses of SGD in its stars. */
import { ratingLevels, REFERENCE_STARS, requireNonNegative } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import type { AlsData } from '../../numeric/als/fit.ts';
import { paddedFactors } from '../../numeric/als/solver.ts';
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import type { PairwiseLoss, SgdProblem, SquaredLoss } from '../../numeric/sgd/state.ts';
import { pow } from '../../util/math.ts';
import type { BprOptions } from './options.ts';

const SHIFT_OR_SGD =
  'Add the same number to all ratings so that the lowest is 0, or use a model of the ratings: --models mf-sgd, fm-pointwise or popularity.';

/** For implicit ALS, with or without features of the items. */
export function alsData(train: TrainingSet, features?: FeatureRows): AlsData {
  requireNonNegative(train, 'implicit ALS', SHIFT_OR_SGD);
  const { stars, rows } = ratingLevels(train.byUser);
  return {
    relativeRatings: stars.map((value) => value / REFERENCE_STARS),
    byUser: rows(train.byUser),
    itemCount: train.itemCount,
    catalogue: train.catalogue,
    ...(features && { features }),
  };
}

/** For SGD. `stars` are those of each rating level, which the loss is made for. */
export function sgdProblem(
  train: TrainingSet,
  factors: number,
  features?: FeatureRows,
): { problem: SgdProblem; stars: Float32Array } {
  const { stars, rows } = ratingLevels(train.byUser);
  const problem = {
    k: paddedFactors(factors),
    users: train.userCount,
    items: train.itemCount,
    byUser: rows(train.byUser),
    catalogue: train.catalogue,
    ...(features && { features }),
  };
  return { problem, stars };
}

/**
 * What SGD needs beside the options, for Bayesian personalized ranking (Rendle et al. 2009): a rated movie should score
 * higher than an unrated one. Differs: the unrated movie is the best scored of a few drawn ones, and a rating is used the
 * more often the higher it is. The learning rate falls to 0.
 */
export function pairwiseSettings(options: BprOptions, stars: Float32Array, train: TrainingSet) {
  requireNonNegative(train, 'BPR', SHIFT_OR_SGD);
  const highest = stars.length === 1 ? stars[0]! : train.scale.max; // equal ratings are all used
  const loss: PairwiseLoss = {
    kind: 'pairwise',
    acceptance: Float64Array.from(stars, (value) => pow(value / highest, options.acceptExponent)),
    negatives: options.negatives,
    sampling: options.negativeSampling,
  };
  return { loss, finalRate: 0, initialScale: 0.4 };
}

/** The same for the squared error of the ratings less their mean, at a constant learning rate. */
export function squaredErrorSettings(stars: Float32Array, meanRating: number) {
  const loss: SquaredLoss = {
    kind: 'squared',
    targets: Float64Array.from(stars, (value) => value - meanRating),
  };
  return { loss, finalRate: 1, initialScale: 0.1 };
}
