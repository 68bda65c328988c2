/** Results records whose numbers follow from the hit ranks that a test gives. */
import { byKey, userMetrics } from '../../src/evaluation/metric-keys.ts';
import { perUserMetrics } from '../../src/evaluation/per-user.ts';
import { mean } from '../../src/util/arrays.ts';
import type { CutoffMetrics, ModelResult, ResultsRecord } from '../../src/experiment/record.ts';

export interface RecordOptions {
  k?: number[];
  /** |R| of every user. */
  relevant?: number;
  threshold?: number;
  split?: ResultsRecord['protocol']['split'];
  seed?: number;
  splitDigest?: string;
  experiment?: string;
  dataset?: string;
  /** Released ids of the users; 1, 2, ... by default. */
  userIds?: number[];
}

/** A record with one model per entry; `hitRanks` holds one list of 1-based ranks per user. */
export function recordOf(
  hitRanksByModel: Record<string, number[][]>,
  options: RecordOptions = {},
): ResultsRecord {
  const { k = [10], relevant = 4, threshold = 4, split = 'per-user-random', seed = 42 } = options;
  const name = options.dataset ?? 'made by a test';
  return {
    schemaVersion: 2,
    experiment: options.experiment ?? 'baseline',
    source: { dataset: name },
    dataset: {
      name,
      files: [{ name: 'ratings.csv', sha256: 'a'.repeat(64), bytes: 1000 }],
      users: 100,
      items: 50,
      ratings: 1000,
      warnings: [],
    },
    protocol: {
      split,
      testShare: 0.2,
      seed,
      k,
      threshold,
      candidates: 'catalogue minus the user’s training items',
      ties: 'ascending movie id',
      splitDigest: options.splitDigest ?? 'b'.repeat(64),
      trainRatings: 800,
      testRatings: 200,
    },
    models: Object.entries(hitRanksByModel).map(([model, hitRanks]) =>
      modelOf(model, hitRanks, k, relevant, options.userIds),
    ),
    environment: {
      recsys: '0.1.0',
      node: 'v20.0.0',
      platform: 'linux-x64',
      cpu: 'a test',
      cores: 2,
      memoryGiB: 8,
      date: '2026-01-01T00:00:00.000Z',
    },
    timing: Object.fromEntries(
      Object.keys(hitRanksByModel).flatMap((model, n) => [
        [`${model}.fit`, 0.5 * (n + 1)],
        [`${model}.recommend`, 0.01 * (n + 1)],
      ]),
    ),
  };
}

function modelOf(
  name: string,
  hitRanks: number[][],
  cutoffs: number[],
  relevant: number,
  userIds = hitRanks.map((_, user) => user + 1),
): ModelResult {
  return {
    name,
    model: name.split('-')[0]!,
    hyperparameters: {},
    facts: {},
    intervals: 'bootstrap',
    metrics: Object.fromEntries(cutoffs.map((k) => [String(k), metricsOf(hitRanks, k, relevant)])),
    users: { evaluated: hitRanks.length, withoutRelevant: 0, shortLists: 0, emptyLists: 0 },
    perUser: { userIds, relevant: hitRanks.map(() => relevant), hitRanks },
  };
}

/** Right means; intervals of half a tenth around them, since no test reads their width. */
function metricsOf(hitRanks: number[][], k: number, relevant: number): CutoffMetrics {
  const each = hitRanks.map(() => relevant);
  const columns = perUserMetrics(hitRanks, each, k);
  const means = byKey(userMetrics, (key) => {
    const value = mean(columns[key]);
    return { mean: value, ci95: [Math.max(0, value - 0.05), value + 0.05] as [number, number] };
  });
  return { ...means, f1OfMeans: means.f1, coverage: 0.2, novelty: 3, gini: 0.8, diversity: 0.7 };
}
