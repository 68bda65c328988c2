/** The best k items for a few users: without the kernel, whose start and packed candidates take longer than the scores. */
import { indicesOf } from '../util/sparse-rows.ts';
import { bestOf } from './best-of-row.ts';
import type { DotProductRanking, RankedItems } from './top-n.ts';

/** Up to this many users, starting the kernel and packing the candidates for it would take longer. */
const MAX_USERS = 4;

/** Whether `recommendToFew` is the faster way. */
export function areFew({ users }: Pick<DotProductRanking, 'users'>): boolean {
  return users.length <= MAX_USERS;
}

/** What `recommendByDotProduct` gives, to the bit. */
export function recommendToFew(ranking: DotProductRanking): RankedItems {
  const { factors, userFactors, itemFactors, itemBias, catalogue, seen, users, k } = ranking;
  const items = new Int32Array(users.length * k).fill(-1);
  const scores = new Float32Array(users.length * k);
  const row = new Float64Array(catalogue.length);
  const isSeen = new Uint8Array(itemFactors.length / factors);
  for (const [n, user] of users.entries()) {
    const vector = userFactors.subarray(user * factors, (user + 1) * factors);
    for (const item of indicesOf(seen, user)) isSeen[item] = 1;
    for (let position = 0; position < row.length; position++) {
      const item = catalogue[position]!;
      row[position] =
        isSeen[item] === 1 ? NaN : scoreOf(vector, itemFactors, item * factors, itemBias?.[item] ?? 0);
    }
    for (const item of indicesOf(seen, user)) isSeen[item] = 0;
    for (const [rank, position] of bestOf(row, k).entries()) {
      items[n * k + rank] = catalogue[position]!;
      scores[n * k + rank] = row[position]!;
    }
  }
  return { k, items, scores };
}

/** Summed in float32 from `bias` on, in the order of the factors. */
function scoreOf(vector: Float32Array, itemFactors: Float32Array, begin: number, bias: number): number {
  let score = bias;
  for (let f = 0; f < vector.length; f++) {
    score = Math.fround(score + Math.fround(vector[f]! * itemFactors[begin + f]!));
  }
  return score;
}
