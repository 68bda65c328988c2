/**
 * A factorization machine by SGD, for ranking (Rendle et al. 2009, BPR) or for the ratings themselves (Rendle 2010,
 * squared loss). Differs from plain FM training: the pairs of the item side are left out of it, as the item's own
 * weight takes them up (see `absorbItemPairs`).
 */
import { ratingLevels } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { paddedFactors } from '../../numeric/als.ts';
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import { fitBySgd, type SgdParameters, type SgdSettings } from '../../numeric/sgd-fit.ts';
import { pow } from '../../util/math.ts';
import type { FitContext } from '../recommender.ts';
import { absorbItemPairs, type Machine } from './machine.ts';
import type { BprOptions, PointwiseOptions } from './options.ts';

/** Standard deviation of the first factors, times sqrt(factors). */
const INITIAL_SCALE = { bpr: 0.4, pointwise: 0.1 };

/** Throws RecsysError when the parameters overflow, AbortedError when the signal fires. */
export async function fitBpr(
  options: BprOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
): Promise<Machine> {
  const { stars } = ratingLevels(train);
  const acceptance = Float64Array.from(stars, (value) =>
    pow(value / train.scale.max, options.acceptExponent),
  );
  const settings: SgdSettings = {
    ...settingsOf(options),
    label: 'FM by BPR',
    loss: { kind: 'pairwise', acceptance, negatives: options.negatives },
    finalRate: 0,
    initialScale: INITIAL_SCALE.bpr,
  };
  return fit(settings, train, features, context, 0);
}

/** Throws RecsysError when the parameters overflow, AbortedError when the signal fires. */
export async function fitPointwise(
  options: PointwiseOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
): Promise<Machine> {
  const { stars } = ratingLevels(train);
  const { values } = train.ratings;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const settings: SgdSettings = {
    ...settingsOf(options),
    label: 'FM by squared error',
    loss: { kind: 'squared', targets: Float64Array.from(stars, (value) => value - mean) },
    finalRate: 1,
    initialScale: INITIAL_SCALE.pointwise,
  };
  return fit(settings, train, features, context, mean);
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
  settings: SgdSettings,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
  bias: number,
): Promise<Machine> {
  const k = paddedFactors(settings.factors);
  const { byUser } = ratingLevels(train);
  const problem = {
    k,
    users: train.userCount,
    items: train.itemCount,
    byUser,
    catalogue: train.catalogue,
    features,
  };
  const learned = await fitBySgd(problem, settings, context);
  return machineOf(learned, k, bias, features);
}

function machineOf(learned: SgdParameters, k: number, bias: number, features: FeatureRows): Machine {
  const { userBiases, itemBiases, featureBiases, userFactors, itemFactors, featureFactors } = learned;
  const [users, items] = [userBiases.length, itemBiases.length];
  const columns = users + items + features.columns;
  const machine: Machine = {
    users,
    items,
    features: features.columns,
    k,
    bias,
    weights: new Float64Array(columns),
    factors: new Float32Array(columns * k),
  };
  machine.weights.set(userBiases);
  machine.weights.set(featureBiases, users + items);
  machine.factors.set(userFactors);
  machine.factors.set(itemFactors, users * k);
  machine.factors.set(featureFactors, (users + items) * k);
  absorbItemPairs(machine, features, itemBiases);
  return machine;
}
