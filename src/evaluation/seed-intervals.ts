/** Means over users and seeds together, with what both add to their uncertainty. */
import { mean, sum } from '../util/arrays.ts';
import type { Rng } from '../util/rng.ts';
import { MAX_RESAMPLED_USERS, NORMAL_97_5, percentiles, RESAMPLES, type Estimate } from './intervals.ts';
import {
  byKey,
  meansMetrics,
  metricOf,
  rankingMetrics,
  userMetrics,
  type RankingMetric,
  type UserMetric,
} from './metric-keys.ts';
import { rankingEstimates } from './per-user.ts';

/**
 * What one seed gave at one cut-off: `columns` have a value for each of `users`, numbers from 0 that mean the same in all
 * seeds.
 */
export interface SeedColumns {
  users: Int32Array;
  columns: Record<UserMetric, Float64Array>;
}

export type SeedEstimate = Estimate & { sd: number };

/**
 * For every ranking metric: the mean of the seeds' means, the sample standard deviation of these means, and a 95%
 * interval. The interval is a percentile bootstrap of both: each of 10,000 resamples draws users and, independently,
 * seeds (Owen 2007, "The pigeonhole bootstrap", which errs on the wide side); a user drawn twice counts twice in every
 * seed that evaluated them. Above 10,000 users a normal approximation: the variance over users of their means over
 * seeds, plus the variance over seeds. Throws RangeError for fewer than two seeds or a seed without users.
 */
export function seedEstimates(seeds: readonly SeedColumns[], rng: Rng): Record<RankingMetric, SeedEstimate> {
  if (seeds.length < 2 || seeds.some(({ users }) => users.length === 0)) {
    throw new RangeError('needs two seeds, each with users');
  }
  const userCount = seeds.reduce((most, { users }) => Math.max(most, ...largestOf(users)), -1) + 1;
  const bySeed = seeds.map(({ columns }) => rankingOf(byKey(userMetrics, (key) => mean(columns[key]))));
  const intervals =
    userCount > MAX_RESAMPLED_USERS
      ? normal(seeds, userCount, bySeed, rng)
      : bootstrap(seeds, userCount, rng);
  return byKey(rankingMetrics, (key) => {
    const means = bySeed.map((own) => own[key]);
    return { mean: mean(means), ci95: intervals[key], sd: Math.sqrt(varianceOf(means)) };
  });
}

type Intervals = Record<RankingMetric, [number, number]>;

function largestOf(users: Int32Array): number[] {
  return [users.reduce((a, b) => Math.max(a, b), -1)];
}

/** All ranking metrics from the means of the user metrics. */
function rankingOf(means: Record<UserMetric, number>): Record<RankingMetric, number> {
  const ofMeans = byKey(meansMetrics, (key) => {
    const { of, combine } = metricOf(key);
    const [a, b] = of as readonly [UserMetric, UserMetric];
    return combine(means[a], means[b]);
  });
  return { ...means, ...ofMeans };
}

/** Sample variance. */
function varianceOf(values: readonly number[]): number {
  const center = mean(values);
  return sum(values.map((value) => (value - center) ** 2)) / (values.length - 1);
}

function bootstrap(seeds: readonly SeedColumns[], userCount: number, rng: Rng): Intervals {
  const resampled = byKey(rankingMetrics, () => new Float64Array(RESAMPLES));
  const tables = seeds.map(({ users, columns }) => ({ users, table: interleave(columns, users.length) }));
  const drawnUsers = new Int32Array(userCount);
  const drawnSeeds = new Int32Array(seeds.length);
  const counts = new Int32Array(userCount);
  for (let n = 0; n < RESAMPLES; n++) {
    rng.fillInts(drawnUsers, userCount);
    rng.fillInts(drawnSeeds, seeds.length);
    counts.fill(0);
    for (const user of drawnUsers) counts[user]!++;
    const totals = byKey(rankingMetrics, () => 0);
    let used = 0;
    for (const [seed, times] of countsBySeed(drawnSeeds)) {
      const means = weightedMeans(tables[seed]!, counts);
      if (means === undefined) continue; // none of the drawn users was evaluated with this seed
      const own = rankingOf(means);
      for (const key of rankingMetrics) totals[key] += times * own[key];
      used += times;
    }
    for (const key of rankingMetrics) resampled[key][n] = used === 0 ? 0 : totals[key] / used;
  }
  return byKey(rankingMetrics, (key) => percentiles(resampled[key]));
}

function countsBySeed(drawn: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const seed of drawn) counts.set(seed, (counts.get(seed) ?? 0) + 1);
  return counts;
}

/** (users, metrics), row-major. */
function interleave(columns: Record<UserMetric, Float64Array>, rows: number): Float64Array {
  const width = userMetrics.length;
  const table = new Float64Array(rows * width);
  userMetrics.forEach((key, column) => {
    for (let row = 0; row < rows; row++) table[row * width + column] = columns[key][row]!;
  });
  return table;
}

function weightedMeans(
  { users, table }: { users: Int32Array; table: Float64Array },
  counts: Int32Array,
): Record<UserMetric, number> | undefined {
  const width = userMetrics.length;
  const sums = new Float64Array(width);
  let weight = 0;
  for (let row = 0; row < users.length; row++) {
    const count = counts[users[row]!]!;
    if (count === 0) continue;
    weight += count;
    for (let column = 0; column < width; column++) sums[column]! += count * table[row * width + column]!;
  }
  if (weight === 0) return undefined;
  let column = 0;
  return byKey(userMetrics, () => sums[column++]! / weight);
}

function normal(
  seeds: readonly SeedColumns[],
  userCount: number,
  bySeed: readonly Record<RankingMetric, number>[],
  rng: Rng,
): Intervals {
  const counts = new Int32Array(userCount);
  for (const { users } of seeds) for (const user of users) counts[user]!++;
  const present = [...counts.keys()].filter((user) => counts[user]! > 0);
  const averages = byKey(userMetrics, (key) => {
    const sums = new Float64Array(userCount);
    for (const { users, columns } of seeds) {
      for (let row = 0; row < users.length; row++) sums[users[row]!]! += columns[key][row]!;
    }
    return Float64Array.from(present, (user) => sums[user]! / counts[user]!);
  });
  const overUsers = rankingEstimates([averages], rng)[0]!;
  return byKey(rankingMetrics, (key) => {
    const means = bySeed.map((own) => own[key]);
    const deviation = (overUsers[key].ci95[1] - overUsers[key].ci95[0]) / 2 / NORMAL_97_5;
    const half = NORMAL_97_5 * Math.sqrt(deviation ** 2 + varianceOf(means) / means.length);
    return [mean(means) - half, mean(means) + half];
  });
}
