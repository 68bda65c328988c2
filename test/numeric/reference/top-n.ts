/** What src/numeric/top-n.ts and its kernel compute, written to be read; equal to the bit. */
import type { DotProductRanking, RankedItems } from '../../../src/numeric/top-n.ts';

const f = Math.fround;

/** The best k of the catalogue for each user, by float32 dot product, ties by ascending item index. */
export function recommendByDotProductPlainly(
  ranking: Omit<DotProductRanking, 'threads' | 'signal'>,
): RankedItems {
  const { factors, userFactors, itemFactors, itemBias, catalogue, seen, users, k } = ranking;
  const items = new Int32Array(users.length * k).fill(-1);
  const scores = new Float32Array(users.length * k);
  users.forEach((user, row) => {
    const known = new Set(seen.indices.subarray(seen.pointers[user], seen.pointers[user + 1]));
    const scored: { item: number; score: number }[] = [];
    for (const item of catalogue) {
      let score = itemBias?.[item] ?? 0;
      for (let j = 0; j < factors; j++) {
        score = f(score + f(userFactors[user * factors + j]! * itemFactors[item * factors + j]!));
      }
      if (!known.has(item) && !Number.isNaN(score)) scored.push({ item, score });
    }
    scored.sort((a, b) => b.score - a.score || a.item - b.item);
    scored.slice(0, k).forEach(({ item, score }, rank) => {
      items[row * k + rank] = item;
      scores[row * k + rank] = score;
    });
  });
  return { k, items, scores };
}
