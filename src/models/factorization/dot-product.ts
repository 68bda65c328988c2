/** A fitted model whose score is a dot product plus biases: lists, stars, saving and reasons, for every solver of MF and FM. */
import type { Csr } from '../../data/csr.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { recommendByDotProduct } from '../../numeric/top-n.ts';
import type { FitContext, Fitted, SavedState } from '../recommender.ts';
import { emptyRows, likedItems, savedArray, strongest, type Reason, type UsableModel } from '../saved.ts';

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

/** The user side of the model for other people, one per row of the histories. */
export type FoldIn = (histories: Csr) => Promise<Pick<DotProductModel, 'userFactors' | 'userBias'>>;

/** What models differ in, beside their parameters. */
export interface DotProductExtras {
  facts?: Fitted['facts'] & object;
  /** Scores are stars, so `predict` gives them. Needs both biases. */
  predictsStars?: boolean;
  foldIn?: FoldIn;
  /** Reasons for one item, given the user's vector; by default the liked movies whose vectors are most alike. */
  reasons?: (userVector: Float32Array, item: number) => Reason[];
}

type Ratings = Pick<TrainingSet, 'catalogue' | 'byUser' | 'scale'>;

/** Ranks the catalogue by score; movies that the user rated in train are left out. */
export function dotProductFitted(
  model: DotProductModel,
  train: Ratings,
  { threads }: Pick<FitContext, 'threads'>,
  extras: DotProductExtras = {},
): UsableModel {
  const { k: factors, userFactors, itemFactors, itemBias } = model;
  const { facts, foldIn, predictsStars = false } = extras;
  return {
    items: train.catalogue,
    recommend: (users, k, { candidates, includeSeen = false } = { candidates: train.catalogue }) =>
      recommendByDotProduct({
        factors,
        userFactors,
        itemFactors,
        ...(itemBias && { itemBias }),
        catalogue: candidates,
        seen: includeSeen ? emptyRows(userFactors.length / factors) : train.byUser,
        threads,
        users,
        k,
      }),
    ...(facts && { facts }),
    ...(predictsStars && { predict: starsByDotProduct(model, train.scale) }),
    explain: (user, items, count) => explain(model, train, extras, user, items, count),
    ...(foldIn && {
      foldIn: async (histories) =>
        dotProductFitted(
          { ...model, ...(await foldIn(histories)) },
          { ...train, byUser: histories },
          { threads },
          extras,
        ),
    }),
    save: () => {
      const { userBias } = model;
      return { userFactors, itemFactors, ...(userBias && { userBias }), ...(itemBias && { itemBias }) };
    },
  };
}

/** The parameters from what `save` gave. Throws DataError when they do not fit the training set. */
export function loadDotProduct(
  state: SavedState,
  { userCount, itemCount }: TrainingSet,
  k: number,
): DotProductModel {
  return {
    k,
    userFactors: savedArray(state, 'userFactors', Float32Array, userCount * k),
    itemFactors: savedArray(state, 'itemFactors', Float32Array, itemCount * k),
    ...(state['userBias'] && { userBias: savedArray(state, 'userBias', Float64Array, userCount) }),
    ...(state['itemBias'] && { itemBias: savedArray(state, 'itemBias', Float32Array, itemCount) }),
  };
}

function explain(
  { k, userFactors, itemFactors }: DotProductModel,
  { byUser }: Ratings,
  { reasons }: DotProductExtras,
  user: number,
  items: Int32Array,
  count: number,
): Reason[][] {
  const userVector = userFactors.subarray(user * k, (user + 1) * k);
  const liked = reasons ? [] : likedItems(byUser, user);
  const vector = (item: number) => itemFactors.subarray(item * k, (item + 1) * k);
  const nearest = (item: number) =>
    liked
      .filter((other) => other !== item)
      .map((because) => ({ because, weight: cosine(vector(item), vector(because)) }));
  return Array.from(items, (item) => strongest(reasons?.(userVector, item) ?? nearest(item), count));
}

/** 0 where one of the vectors is 0. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [product, left, right] = [0, 0, 0];
  for (let f = 0; f < a.length; f++) {
    product += a[f]! * b[f]!;
    left += a[f]! * a[f]!;
    right += b[f]! * b[f]!;
  }
  return left > 0 && right > 0 ? product / Math.sqrt(left * right) : 0;
}

/**
 * The score as stars, clipped to the scale; one per pair of user and item index. A user or a movie without training
 * ratings adds 0, as its parameters are 0.
 */
function starsByDotProduct(
  { k, userFactors, itemFactors, userBias, itemBias }: DotProductModel,
  { min, max }: TrainingSet['scale'],
): NonNullable<Fitted['predict']> {
  return (users, items) =>
    Float32Array.from(users, (user, n) => {
      const item = items[n]!;
      let stars = (userBias?.[user] ?? 0) + (itemBias?.[item] ?? 0);
      for (let f = 0; f < k; f++) stars += userFactors[user * k + f]! * itemFactors[item * k + f]!;
      return Math.min(max, Math.max(min, stars));
    });
}
