/**
 * A factorization machine by implicit ALS. With s_i = v_i + sum_f x_if v_f it minimises, over all vectors,
 *
 *     sum_rated w (t - p_u . s_i)^2 + a sum_all (p_u . s_i)^2
 *         + sum_u lambda_u |p_u|^2 + sum_i lambda_i |v_i|^2 + featureRegularization mean(lambda_i) sum_f |v_f|^2
 *
 * in blocks: all p_u, then all v_f for the present s_i, which is a ridge regression, then all s_i, for which
 * |v_i|^2 = |s_i - sum_f x_if v_f|^2 is a pull towards what the features say. Weights and targets as in
 * src/numeric/als/fit.ts. There are no linear weights but those that take up the pairs of the item side.
 */
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { fitByAls } from '../../numeric/als/fit.ts';
import { entriesOf } from '../../util/sparse-rows.ts';
import { alsData } from '../factorization/problem.ts';
import type { FitContext } from '../recommender.ts';
import { absorbItemPairs, emptyMachine, type Machine } from './machine.ts';
import type { FmAlsOptions } from './options.ts';

/** Throws FitError when the factors overflow, AbortedError when the signal fires. */
export async function fitMachineByAls(
  options: FmAlsOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
): Promise<Machine> {
  const learned = await fitByAls(
    alsData(train, features.columns > 0 ? features : undefined),
    { ...options, confidenceExponent: 0, priorStrength: options.featureRegularization },
    context,
  );
  const { k, userFactors, itemFactors, featureFactors } = learned;
  const { userCount: users, itemCount: items } = train;
  const machine = emptyMachine(users, items, features.columns, k);
  machine.factors.set(userFactors);
  machine.factors.set(itemFactors, users * k);
  if (featureFactors !== undefined) {
    machine.factors.set(featureFactors, (users + items) * k);
    subtractFeatures(machine, features, train.catalogue);
  }
  absorbItemPairs(machine, features, new Float32Array(items));
  return machine;
}

/** v_i = s_i - sum_f x_if v_f for the catalogue; of other items only the features are known, so their v_i is 0. */
function subtractFeatures(
  { users, items, k, factors }: Machine,
  features: FeatureRows,
  catalogue: Int32Array,
) {
  for (const item of catalogue) {
    for (const [feature, value] of entriesOf(features, item)) {
      const row = (users + items + feature) * k;
      for (let f = 0; f < k; f++) factors[(users + item) * k + f]! -= value * factors[row + f]!;
    }
  }
}
