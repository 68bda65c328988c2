/** Two rankings to one, by reciprocal rank. */
import type { TopK } from '../recommender.ts';

/** Smooths the difference between the first ranks; 60 in Cormack et al. 2009, and customary since. */
const RANK_SMOOTHING = 60;

/**
 * Weighted reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): score(i) = weight / (60 + rank in a) +
 * (1 - weight) / (60 + rank in b), a missing item adding nothing. `a` and `b` hold the same users row by row and may
 * differ in length. Equal scores by ascending item index.
 */
export function fuse(a: TopK, b: TopK, weight: number, k: number): TopK {
  const rows = a.items.length / a.k;
  const items = new Int32Array(rows * k).fill(-1);
  const scores = new Float32Array(rows * k);
  for (let row = 0; row < rows; row++) {
    const sums = new Map<number, number>();
    addRanks(sums, a, row, weight);
    addRanks(sums, b, row, 1 - weight);
    const best = [...sums].filter(([, score]) => score > 0).sort(([i, x], [j, y]) => y - x || i - j);
    for (const [n, [item, score]] of best.slice(0, k).entries()) {
      items[row * k + n] = item;
      scores[row * k + n] = score;
    }
  }
  return { k, items, scores };
}

function addRanks(sums: Map<number, number>, { items, k }: TopK, row: number, weight: number): void {
  for (let n = 0; n < k; n++) {
    const item = items[row * k + n]!;
    if (item < 0) return;
    sums.set(item, (sums.get(item) ?? 0) + weight / (RANK_SMOOTHING + n + 1));
  }
}
