/** A fitted model whose score is a dot product plus biases: ranking and stars, for every solver of MF and FM. */
import type { TrainingSet } from '../../data/training-set.ts';
import { recommendByDotProduct } from '../../numeric/top-n.ts';
import type { FitContext, Fitted } from '../recommender.ts';

/** score(u, i) = userBias[u] + itemBias[i] + p_u . q_i. */
export interface DotProductModel {
  /** Floats per row of both matrices. */
  k: number;
  /** (users, k), row-major. */
  userFactors: Float32Array;
  /** (items, k), row-major. */
  itemFactors: Float32Array;
  /** One per user. The same for all of a user's items, so ranking leaves it out. */
  userBias?: Float64Array;
  /** One per item. Absent: 0. */
  itemBias?: Float32Array;
}

/** Ranks the catalogue by score; movies that the user rated in train are left out. `facts` go into the record. */
export function dotProductFitted(
  { k: factors, userFactors, itemFactors, itemBias }: DotProductModel,
  train: TrainingSet,
  { threads }: Pick<FitContext, 'threads'>,
  facts: Fitted['facts'] & object,
): Fitted {
  const ranking = {
    factors,
    userFactors,
    itemFactors,
    ...(itemBias && { itemBias }),
    catalogue: train.catalogue,
    seen: train.byUser,
    threads,
  };
  return { recommend: (users, k) => recommendByDotProduct({ ...ranking, users, k }), facts };
}

/**
 * The score as stars, clipped to the scale; one per pair of user and item index. A user or a movie without training
 * ratings adds 0, as its parameters are 0.
 */
export function starsByDotProduct(
  { k, userFactors, itemFactors, userBias, itemBias }: Required<DotProductModel>,
  { min, max }: TrainingSet['scale'],
): NonNullable<Fitted['predict']> {
  return (users, items) =>
    Float32Array.from(users, (user, n) => {
      const item = items[n]!;
      let stars = userBias[user]! + itemBias[item]!;
      for (let f = 0; f < k; f++) stars += userFactors[user * k + f]! * itemFactors[item * k + f]!;
      return Math.min(max, Math.max(min, stars));
    });
}
