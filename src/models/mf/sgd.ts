/**
 * Biased matrix factorization of the ratings themselves by SGD (Koren, Bell and Volinsky 2009, "Matrix factorization
 * techniques for recommender systems"): mean + user bias + item bias + p_u . q_i, in stars.
 */
import { ratingLevels } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { paddedFactors } from '../../numeric/als/solver.ts';
import { fitBySgd, type SgdParameters } from '../../numeric/sgd/fit.ts';
import { recommendByDotProduct } from '../../numeric/top-n.ts';
import type { FitContext, Fitted } from '../recommender.ts';
import type { SgdOptions } from './options.ts';

/** Standard deviation of the first factors, times sqrt(factors). */
const INITIAL_SCALE = 0.1;

/** Throws RecsysError when the factors overflow, AbortedError when the signal fires. */
export async function fitSgd(options: SgdOptions, train: TrainingSet, context: FitContext): Promise<Fitted> {
  const k = paddedFactors(options.factors);
  const { stars, rows } = ratingLevels(train.byUser);
  const values = train.ratings.values;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const learned = await fitBySgd(
    {
      k,
      users: train.userCount,
      items: train.itemCount,
      byUser: rows(train.byUser),
      catalogue: train.catalogue,
    },
    {
      label: 'biased MF',
      loss: { kind: 'squared', targets: Float64Array.from(stars, (value) => value - mean) },
      epochs: options.epochs,
      learningRate: options.learningRate,
      finalRate: 1,
      regularization: {
        factors: options.regularization,
        features: 0,
        biases: options.biasRegularization,
      },
      factors: options.factors,
      initialScale: INITIAL_SCALE,
    },
    context,
  );
  const ranking = {
    factors: k,
    userFactors: learned.userFactors,
    itemFactors: learned.itemFactors,
    itemBias: learned.itemBiases,
    catalogue: train.catalogue,
    seen: train.byUser,
    threads: context.threads,
  };
  return {
    recommend: (users, k) => recommendByDotProduct({ ...ranking, users, k }),
    predict: (users, items) => predict(learned, k, mean, train, users, items),
    facts: { epochs: options.epochs },
  };
}

/** Stars for pairs, clipped to the scale. A user or a movie without training ratings adds 0, as its parameters are. */
function predict(
  { userFactors, itemFactors, userBiases, itemBiases }: SgdParameters,
  k: number,
  mean: number,
  { scale }: TrainingSet,
  users: Int32Array,
  items: Int32Array,
): Float32Array {
  return Float32Array.from(users, (user, n) => {
    const item = items[n]!;
    let stars = mean + userBiases[user]! + itemBiases[item]!;
    for (let f = 0; f < k; f++) stars += userFactors[user * k + f]! * itemFactors[item * k + f]!;
    return Math.min(scale.max, Math.max(scale.min, stars));
  });
}
