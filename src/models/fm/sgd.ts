/**
 * A factorization machine by SGD, for ranking (Rendle et al. 2009, BPR) or for the ratings themselves (Rendle 2010,
 * squared loss). Differs from plain FM training: the pairs of the item side are left out of it, as the item's own
 * weight takes them up (see `absorbItemPairs`).
 */
import type { TrainingSet } from '../../data/training-set.ts';
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import { fitBySgd, type SgdSettings } from '../../numeric/sgd/fit.ts';
import { mean } from '../../util/arrays.ts';
import { pairwiseSettings, sgdProblem, squaredErrorSettings } from '../factorization/problem.ts';
import type { FitContext } from '../recommender.ts';
import { absorbItemPairs, emptyMachine, type Machine } from './machine.ts';
import type { FmBprOptions, FmSgdOptions } from './options.ts';

/** Throws FitError when the parameters overflow, AbortedError when the signal fires. */
export function fitMachineByBpr(
  options: FmBprOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
): Promise<Machine> {
  return fitMachine(options.factors, train, features, context, 0, (stars) => ({
    ...options,
    label: 'FM by BPR',
    ...pairwiseSettings(options, stars, train),
  }));
}

/** Throws FitError when the parameters overflow, AbortedError when the signal fires. */
export function fitMachineBySquaredError(
  options: FmSgdOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
): Promise<Machine> {
  const meanRating = mean(train.ratings.values);
  return fitMachine(options.factors, train, features, context, meanRating, (stars) => ({
    ...options,
    label: 'FM by squared error',
    ...squaredErrorSettings(stars, meanRating),
  }));
}

async function fitMachine(
  factors: number,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
  bias: number,
  settingsFor: (stars: Float32Array) => SgdSettings,
): Promise<Machine> {
  const { problem, stars } = sgdProblem(train, factors, features);
  const { k, users, items } = problem;
  const learned = await fitBySgd(problem, settingsFor(stars), context);
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
