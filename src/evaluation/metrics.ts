/**
 * Ranking metrics of one user, as pure functions of where the hits stand. Formulas and empty cases are stated on each;
 * a user without relevant items never gets here (the evaluator leaves such users out and counts them).
 */
import { log2, pow } from '../util/math.ts';

/** What one user's list achieved within the first k positions. */
export interface Outcome {
  /** The cut-off. */
  k: number;
  /** |R|: the user's relevant test items, at least 1. */
  relevant: number;
  /** Recommendations given, at most k; 0 for an empty list. */
  length: number;
  /** h: hits within the first k. */
  hits: number;
  /** 1-based ranks of the hits, ascending; `hits` of them from `start` on. May hold other users' ranks around them. */
  ranks: Int32Array;
  start: number;
}

/** An outcome with everything that a metric may read. One object is refilled from user to user. */
export interface ScoredList extends Outcome {
  convention: Convention;
  discounts: Discounts;
  /** Only where the convention has graded gains. */
  gains?: Gains;
}

/** Graded gains of one user. */
export interface Gains {
  /** Of this user's hits, from the first on: `hits[0]` is of the rank at the outcome's `start`. */
  hits: Float64Array;
  /** Of all relevant items, descending: the ideal list is its first min(k, |R|). */
  best: Float64Array;
}

/** The points on which evaluation tools differ; everything else is shared. */
export interface Convention {
  precisionDenominator(outcome: Outcome): number;
  recallDenominator(outcome: Outcome): number;
  /** Relevant items in the ideal list of NDCG. */
  idealLength(outcome: Outcome): number;
  /** What the gain of a hit at this 1-based rank is divided by. */
  discount(rank: number): number;
  /** Gain of a relevant item with this rating, in NDCG; every gain is 1 where absent. */
  gain?(rating: number, threshold: number): number;
}

const recsys: Convention = {
  precisionDenominator: ({ k }) => k,
  recallDenominator: ({ relevant }) => relevant,
  idealLength: ({ k, relevant }) => Math.min(k, relevant),
  discount: (rank) => log2(rank + 1),
};

/**
 * Conventions by name, as records name them; `recsys` is ours. The others reproduce a tool's formulas, not which users
 * it drops: users with an empty list score 0 here under every convention.
 * - `lenskit` 2025.8: precision over the list's length, recall over min(k, |R|), discount log2(max(rank, 2)).
 * - `rectools` 0.19: NDCG's ideal list has k relevant items even for users with fewer.
 * - `elliot` 0.3: NDCG's gain is 2^(rating - threshold + 1) - 1.
 */
export const conventions = {
  recsys,
  lenskit: {
    ...recsys,
    precisionDenominator: ({ length }: Outcome) => length,
    recallDenominator: ({ k, relevant }: Outcome) => Math.min(k, relevant),
    discount: (rank: number) => log2(Math.max(rank, 2)),
  },
  rectools: { ...recsys, idealLength: ({ k }: Outcome) => k },
  elliot: {
    ...recsys,
    gain: (rating: number, threshold: number) => pow(2, rating - threshold + 1) - 1,
  },
} satisfies Record<string, Convention>;

export type ConventionName = keyof typeof conventions;

/** Precision@k = h / k, also when fewer than k were recommended. 0 for an empty list. */
export function precision(outcome: Outcome, convention: Convention = recsys): number {
  return ratio(outcome.hits, convention.precisionDenominator(outcome));
}

/** Recall@k = h / |R|. Below 1 by construction where |R| > k. */
export function recall(outcome: Outcome, convention: Convention = recsys): number {
  return ratio(outcome.hits, convention.recallDenominator(outcome));
}

/**
 * F1 = 2PR / (P + R), 0 when both are 0 (van Rijsbergen 1979). Of one user's P and R it is that user's F1; of two means
 * it is `f1OfMeans`, another number that can even rank two systems the other way round: never mix them in one table.
 */
export function f1(precision: number, recall: number): number {
  return ratio(2 * precision * recall, precision + recall);
}

/**
 * NDCG@k = DCG / ideal DCG, DCG = sum over the hits of 1 / log2(rank + 1); the ideal list has min(k, |R|) hits on top
 * (Jarvelin and Kekalainen 2002, binary gains).
 */
export function ndcg(outcome: Outcome, discounts: Discounts, convention: Convention = recsys): number {
  let dcg = 0;
  const { ranks, start, hits } = outcome;
  for (let h = start; h < start + hits; h++) dcg += discounts.weight[ranks[h]!]!;
  return dcg / discounts.ideal[convention.idealLength(outcome)]!;
}

/** NDCG@k with graded gains (Jarvelin and Kekalainen 2002): each hit counts its gain. 0 when no gain is above 0. */
export function gradedNdcg(outcome: Outcome, gains: Gains, discounts: Discounts): number {
  const { best } = gains;
  let dcg = 0;
  const { ranks, start, hits } = outcome;
  for (let h = 0; h < hits; h++) dcg += gains.hits[h]! * discounts.weight[ranks[start + h]!]!;
  let ideal = 0;
  for (let n = 0; n < Math.min(outcome.k, best.length); n++) ideal += best[n]! * discounts.weight[n + 1]!;
  return ratio(dcg, ideal);
}

/**
 * Average precision@k = sum over the hits of P@rank, over min(k, |R|); its mean over users is MAP@k. Differs from tools
 * that divide by |R| or by k: a perfect list scores 1 here whatever k is.
 */
export function averagePrecision({ k, relevant, hits, ranks, start }: Outcome): number {
  let sum = 0;
  for (let h = 0; h < hits; h++) sum += (h + 1) / ranks[start + h]!;
  return sum / Math.min(k, relevant);
}

/** Reciprocal rank@k = 1 / rank of the first hit, 0 without one (Voorhees 1999); its mean over users is MRR@k. */
export function reciprocalRank({ hits, ranks, start }: Outcome): number {
  return hits === 0 ? 0 : 1 / ranks[start]!;
}

/** Hit@k = 1 when there is a hit, else 0; its mean over users is the hit rate. */
export function hit({ hits }: Outcome): number {
  return hits === 0 ? 0 : 1;
}

/** Discounts up to a rank, computed once: `weight[r]` = 1 / discount(r), `ideal[n]` = the sum of the first n. */
export interface Discounts {
  weight: Float64Array;
  ideal: Float64Array;
}

/** The discount table of a convention for ranks 1 to `k`. */
export function discountTable(k: number, convention: Convention = recsys): Discounts {
  const weight = new Float64Array(k + 1);
  const ideal = new Float64Array(k + 1);
  for (let rank = 1; rank <= k; rank++) {
    weight[rank] = 1 / convention.discount(rank);
    ideal[rank] = ideal[rank - 1]! + weight[rank]!;
  }
  return { weight, ideal };
}

/** 0 / 0 counts as 0: nothing was achieved. */
function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
