/** Models on the users that all of them were evaluated on: metrics, curves and paired tests. */
import { byKey, listMetrics, rankingMetrics } from '../../evaluation/metric-keys.ts';
import { perUserMetrics, rankingEstimates } from '../../evaluation/per-user.ts';
import { comparePaired, holm } from '../../evaluation/significance.ts';
import { mean } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { ComparedModel, ComparedPair } from './record.ts';
import type { RecordFile } from './files.ts';
import type { ModelResult, PerUser } from '../record.ts';

/** Below this the corrected p-value counts as a difference. */
const SIGNIFICANCE = 0.05;

export interface Candidate {
  name: string;
  file: string;
  result: ModelResult;
  /** The record it is from. */
  record: RecordFile['record'];
}

/** Every model of every record. */
export function candidatesOf(records: readonly RecordFile[]): Candidate[] {
  return records.flatMap(({ file, record }) =>
    record.models.map((result) => ({ name: result.name, file, result, record })),
  );
}

/**
 * Each result once, under a name of its own. Two records may hold the same model, one of them on fewer users: where
 * both hit the same on the common users, the one with more users stays. Different results under one name get the
 * name of their file.
 */
export function withUniqueNames(candidates: readonly Candidate[], common: readonly number[]): Candidate[] {
  const kept = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const { name, model, perUser, users } = candidate.result;
    const key = JSON.stringify([name, model, restrict(perUser, common).hitRanks]);
    const other = kept.get(key);
    if (other === undefined || users.evaluated > other.result.users.evaluated) kept.set(key, candidate);
  }
  const all = [...kept.values()];
  return all.map((candidate) => {
    const shared = all.filter(({ result }) => result.name === candidate.result.name).length > 1;
    if (!shared) return candidate;
    return { ...candidate, name: `${candidate.name} (${candidate.file.replace(/[.]json$/, '')})` };
  });
}

/** Released ids, ascending, of the users that every candidate was evaluated on. */
export function commonUsers(candidates: readonly Candidate[]): number[] {
  const sets = candidates.map(({ result }) => new Set(result.perUser.userIds));
  return (candidates[0]?.result.perUser.userIds ?? [])
    .filter((userId) => sets.every((set) => set.has(userId)))
    .sort((a, b) => a - b);
}

/** A candidate's hits, restricted to `userIds` and in that order. */
function restrict({ userIds, relevant, hitRanks }: PerUser, wanted: readonly number[]): PerUser {
  const rowOf = new Map(userIds.map((userId, row) => [userId, row]));
  const rows = wanted.map((userId) => rowOf.get(userId)!);
  return {
    userIds: [...wanted],
    relevant: rows.map((row) => relevant[row]!),
    hitRanks: rows.map((row) => hitRanks[row]!),
  };
}

/** Metrics and curve of one candidate over the common users. Its own record's metrics, where these are all users. */
export function compareModel(
  { name, file, result, record }: Candidate,
  common: readonly number[],
  costUsd: number | null,
): ComparedModel {
  const { k: cutoffs, seed } = record.protocol;
  const own = restrict(result.perUser, common);
  const all = common.length === result.users.evaluated;
  const largest = Math.max(...cutoffs);
  const ownLists = result.metrics[String(largest)]!;
  return {
    name,
    file,
    model: result.model,
    evaluated: result.users.evaluated,
    metrics: Object.fromEntries(
      cutoffs.map((k) => [k, all ? rankingOf(result, k) : estimated(own, k, seed)]),
    ),
    curve: Array.from({ length: largest }, (_, n) => {
      const { precision, recall } = perUserMetrics(own.hitRanks, own.relevant, n + 1);
      return { k: n + 1, precision: mean(precision), recall: mean(recall) };
    }),
    lists: byKey(listMetrics, (key) => ownLists[key] ?? null),
    costUsd,
  };
}

type Ranking = ComparedModel['metrics'][string];

function rankingOf({ metrics }: ModelResult, k: number): Ranking {
  const own = metrics[String(k)]!;
  return byKey(rankingMetrics, (key) => own[key]);
}

/** As the record's own metrics are computed, on fewer users. */
function estimated({ hitRanks, relevant }: PerUser, k: number, seed: number): Ranking {
  return rankingEstimates(perUserMetrics(hitRanks, relevant, k), new Rng(seed).derive('bootstrap'));
}

/**
 * Paired tests of F1 at the largest cut-off between every two models, which are given in descending order of F1, with
 * Holm's correction over all pairs. A model is called better only when the corrected p-value is below 0.05 and the
 * bootstrap interval leaves out 0.
 */
export function comparePairs(
  candidates: readonly Candidate[],
  common: readonly number[],
  { k, seed }: { k: number; seed: number },
): ComparedPair[] {
  const values = candidates.map(({ result }) => {
    const { relevant, hitRanks } = restrict(result.perUser, common);
    return perUserMetrics(hitRanks, relevant, k).f1;
  });
  const tested = candidates.flatMap(({ name: a }, i) =>
    candidates.slice(i + 1).map(({ name: b }, n) => {
      const rng = new Rng(seed).derive(`compare:${a}:${b}`);
      return { a, b, ...comparePaired(values[i]!, values[i + 1 + n]!, rng) };
    }),
  );
  const corrected = holm(tested.map(({ p }) => p));
  return tested.map((pair, n) => {
    const [low, high] = pair.ci95;
    const shown = corrected[n]! < SIGNIFICANCE && (low > 0 || high < 0);
    return { ...pair, pHolm: corrected[n]!, better: shown ? (pair.difference > 0 ? pair.a : pair.b) : null };
  });
}
