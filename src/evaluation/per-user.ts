/** Every metric that follows from where the hits are: per user, and as means over users with intervals. */
import { estimatesOfSets, type Estimate } from './intervals.ts';
import {
  byKey,
  meansMetrics,
  metricOf,
  rankingMetrics,
  userMetrics,
  type RankingMetric,
  type UserMetric,
} from './metric-keys.ts';
import { conventions, discountTable, type Convention, type Gains, type ScoredList } from './metrics.ts';
import type { Rng } from '../util/rng.ts';

/** What conventions other than our own read besides hit ranks. */
export interface ConventionFacts {
  convention?: Convention;
  /** Lengths of the lists; read only by conventions that divide by it. Default: k. */
  lengths?: ArrayLike<number>;
  /** Per user; only for conventions with graded gains. */
  gains?: readonly Gains[] | undefined;
}

/** Hits of many users in one array: row r has `counts[r]` ranks from `ranks[starts[r]]` on, 1-based and ascending. */
export interface HitTable {
  ranks: Int32Array;
  starts: Int32Array;
  counts: Int32Array;
}

/** Hit ranks by user as one table. */
export function hitTable(hitRanks: readonly ArrayLike<number>[]): HitTable {
  const starts = new Int32Array(hitRanks.length);
  const counts = new Int32Array(hitRanks.length);
  let total = 0;
  for (let row = 0; row < hitRanks.length; row++) {
    starts[row] = total;
    total += counts[row] = hitRanks[row]!.length;
  }
  const ranks = new Int32Array(total);
  for (let row = 0; row < hitRanks.length; row++) ranks.set(hitRanks[row]!, starts[row]);
  return { ranks, starts, counts };
}

/**
 * Every per-user metric at cut-off `k`, from the ranks of the hits (1-based, ascending; ranks beyond k are ignored) and
 * the number of relevant items: what a record keeps is enough to call it again.
 */
export function perUserMetrics(
  hitRanks: readonly ArrayLike<number>[] | HitTable,
  relevant: ArrayLike<number>,
  k: number,
  { convention = conventions.recsys, lengths, gains }: ConventionFacts = {},
): Record<UserMetric, Float64Array> {
  const { ranks, starts, counts } = 'starts' in hitRanks ? hitRanks : hitTable(hitRanks);
  const columns = byKey(userMetrics, () => new Float64Array(starts.length));
  const filled = userMetrics.map((key) => ({ column: columns[key], valueOf: metricOf(key).perUser }));
  const list: ScoredList = {
    k,
    relevant: 0,
    length: 0,
    hits: 0,
    ranks,
    start: 0,
    convention,
    discounts: discountTable(k, convention),
  };
  for (let row = 0; row < starts.length; row++) {
    const start = starts[row]!;
    const count = counts[row]!;
    let hits = 0;
    while (hits < count && ranks[start + hits]! <= k) hits++;
    if (hits === 0) continue; // the columns hold 0
    list.start = start;
    list.hits = hits;
    list.relevant = relevant[row]!;
    list.length = Math.min(k, lengths?.[row] ?? k);
    if (gains) list.gains = gains[row]!;
    for (const { column, valueOf } of filled) column[row] = valueOf(list);
  }
  return columns;
}

/**
 * Mean and 95% interval of every ranking metric, in the table's order, for each of the `columns` of `perUserMetrics`,
 * such as one per cut-off. Throws RangeError when there is no user.
 */
export function rankingEstimates(
  columns: readonly Record<UserMetric, Float64Array>[],
  rng: Rng,
): Record<RankingMetric, Estimate>[] {
  const ofMeans = byKey(meansMetrics, (key) => metricOf(key));
  return estimatesOfSets(columns, rng, ofMeans).map((found) => byKey(rankingMetrics, (key) => found[key]));
}
