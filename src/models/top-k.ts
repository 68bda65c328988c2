/** Lists of recommendations as a `TopK` table, and back. */
import type { TopK } from './recommender.ts';

export interface ScoredItem {
  item: number;
  score: number;
}

/** The table of some lists, best first, cut at `k`; -1 and score 0 pad those that are shorter. */
export function topKOf(lists: readonly (readonly ScoredItem[])[], k: number): TopK {
  const items = new Int32Array(lists.length * k).fill(-1);
  const scores = new Float32Array(lists.length * k);
  for (const [row, list] of lists.entries()) {
    for (const [n, { item, score }] of list.slice(0, k).entries()) {
      items[row * k + n] = item;
      scores[row * k + n] = score;
    }
  }
  return { k, items, scores };
}

/** The items of one row, best first, without padding. */
export function itemsOfRow({ items, k }: Pick<TopK, 'items' | 'k'>, row: number): Int32Array {
  return items.subarray(row * k, (row + 1) * k).filter((item) => item >= 0);
}

/** Order of lists: the highest score first, equal scores by ascending item index. */
export function byScore(a: ScoredItem, b: ScoredItem): number {
  return b.score - a.score || a.item - b.item;
}
