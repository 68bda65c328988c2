/** Two rankings to one, by reciprocal rank. */
import type { TopK } from '../recommender.ts';
import { byScore, itemsOfRow, topKOf } from '../top-k.ts';

/** Smooths the difference between the first ranks; 60 in Cormack et al. 2009, and customary since. */
const RANK_SMOOTHING = 60;

/**
 * Weighted reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): score(i) = weight / (60 + rank in a) +
 * (1 - weight) / (60 + rank in b), a missing item adding nothing. `a` and `b` hold the same users row by row and may
 * differ in length. Equal scores by ascending item index.
 */
export function fuse(a: TopK, b: TopK, weight: number, k: number): TopK {
  const lists = Array.from({ length: a.items.length / a.k }, (_, row) => {
    const sums = new Map<number, number>();
    addRanks(sums, itemsOfRow(a, row), weight);
    addRanks(sums, itemsOfRow(b, row), 1 - weight);
    return Array.from(sums, ([item, score]) => ({ item, score }))
      .filter(({ score }) => score > 0)
      .sort(byScore);
  });
  return topKOf(lists, k);
}

function addRanks(sums: Map<number, number>, items: Int32Array, weight: number): void {
  for (const [n, item] of items.entries()) {
    sums.set(item, (sums.get(item) ?? 0) + weight / (RANK_SMOOTHING + n + 1));
  }
}
