/**
 * A factorization machine by SGD, for ranking (Rendle et al. 2009, BPR) or for the ratings themselves (Rendle 2010,
 * squared loss). Differs from plain FM training: the pairs of the item side are left out of it, as the item's own
 * weight takes them up (see `absorbItemPairs`).
 */
import { ratingLevels } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { paddedFactors } from '../../numeric/als/solver.ts';
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import { fitBySgd, type SgdSettings } from '../../numeric/sgd/fit.ts';
import { pow } from '../../util/math.ts';
import type { FitContext } from '../recommender.ts';
import { absorbItemPairs, emptyMachine, type Machine } from './machine.ts';
import type { BprOptions, PointwiseOptions } from './options.ts';

/** Standard deviation of the first factors, times sqrt(factors). */
const INITIAL_SCALE = { bpr: 0.4, pointwise: 0.1 };

/** Throws RecsysError when the parameters overflow, AbortedError when the signal fires. */
export function fitBpr(
  options: BprOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
): Promise<Machine> {
  const accepted = (stars: number) => pow(stars / train.scale.max, options.acceptExponent);
  return fit(train, features, context, 0, (stars) => ({
    ...settingsOf(options),
    label: 'FM by BPR',
    loss: {
      kind: 'pairwise',
      acceptance: Float64Array.from(stars, accepted),
      negatives: options.negatives,
      sampling: options.negativeSampling,
    },
    finalRate: 0,
    initialScale: INITIAL_SCALE.bpr,
  }));
}

/** Throws RecsysError when the parameters overflow, AbortedError when the signal fires. */
export function fitPointwise(
  options: PointwiseOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
): Promise<Machine> {
  const { values } = train.ratings;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return fit(train, features, context, mean, (stars) => ({
    ...settingsOf(options),
    label: 'FM by squared error',
    loss: { kind: 'squared', targets: Float64Array.from(stars, (value) => value - mean) },
    finalRate: 1,
    initialScale: INITIAL_SCALE.pointwise,
  }));
}

function settingsOf(options: PointwiseOptions) {
  return {
    epochs: options.epochs,
    learningRate: options.learningRate,
    factors: options.factors,
    regularization: {
      factors: options.regularization,
      features: options.featureRegularization,
      biases: options.biasRegularization,
    },
  };
}

async function fit(
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
  bias: number,
  settingsFor: (stars: Float32Array) => SgdSettings,
): Promise<Machine> {
  const { userCount: users, itemCount: items, catalogue } = train;
  const { stars, rows } = ratingLevels(train.byUser);
  const settings = settingsFor(stars);
  const k = paddedFactors(settings.factors);
  const problem = { k, users, items, byUser: rows(train.byUser), catalogue, features };
  const learned = await fitBySgd(problem, settings, context);
  const machine = emptyMachine(users, items, features.columns, k);
  machine.bias = bias;
  machine.weights.set(learned.userBiases);
  machine.weights.set(learned.featureBiases, users + items);
  machine.factors.set(learned.userFactors);
  machine.factors.set(learned.itemFactors, users * k);
  machine.factors.set(learned.featureFactors, (users + items) * k);
  absorbItemPairs(machine, features, learned.itemBiases);
  return machine;
}
