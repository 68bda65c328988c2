/** The last two steps of every experiment: lists to metrics with intervals, results to a record. */
import { coldHitsOf } from '../evaluation/cold.ts';
import { evaluateLists, type CutoffEvaluation, type Evaluation } from '../evaluation/evaluator.ts';
import { MAX_RESAMPLED_USERS } from '../evaluation/intervals.ts';
import { byKey, listMetrics } from '../evaluation/metric-keys.ts';
import type { ConventionName } from '../evaluation/metrics.ts';
import { rankingEstimates } from '../evaluation/per-user.ts';
import { ratingPrediction } from '../evaluation/rating-prediction.ts';
import type { Fitted, TopK } from '../models/recommender.ts';
import { Rng } from '../util/rng.ts';
import { environment, type Stopwatch } from './environment.ts';
import type { Prepared } from './prepare.ts';
import {
  describeDataset,
  SCHEMA_VERSION,
  type CutoffMetrics,
  type ModelResult,
  type ResultsRecord,
} from './record.ts';

/** The lists of `users`, row by row. */
export type Lists = TopK & { users: Int32Array };

/**
 * Scores one model's lists. `asked` are the users that count, ascending (default: all with test ratings): those
 * without a relevant test item are left out and counted, those without a list score 0. Where everybody who can be
 * evaluated is asked, those who cannot are counted too, whichever command asked.
 */
export function scoreLists(
  prepared: Prepared,
  model: Pick<ModelResult, 'name' | 'model' | 'hyperparameters'>,
  lists: Lists,
  {
    fitted,
    asked = prepared.tested,
    convention = 'recsys',
  }: { fitted?: Fitted; asked?: Int32Array; convention?: ConventionName } = {},
): ModelResult {
  const { k: cutoffs, seed, threshold } = prepared.protocol;
  const users = isSame(asked, prepared.evaluable) ? prepared.tested : asked;
  const options = { cutoffs, users, convention, threshold };
  const evaluation = evaluateLists(lists, prepared.relevant, prepared.facts, options);
  const ratings = fitted && !prepared.histories && predictedRatings(prepared, fitted);
  return {
    name: model.name,
    model: model.model,
    hyperparameters: model.hyperparameters,
    facts: fitted?.facts ?? {},
    metrics: metricsOf(evaluation.cutoffs, seed),
    intervals: evaluation.users.length > MAX_RESAMPLED_USERS ? 'normal' : 'bootstrap',
    ...(ratings && { ratingPrediction: ratings }),
    users: evaluation.counts,
    perUser: perUser(prepared, evaluation),
  };
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, n) => value === b[n]);
}

/** By cut-off, metrics in the table's order; null where a value is not defined. */
function metricsOf(cutoffs: CutoffEvaluation[], seed: number): Record<string, CutoffMetrics> {
  const columns = cutoffs.map(({ perUser }) => perUser);
  const ranking = rankingEstimates(columns, new Rng(seed).derive('bootstrap'));
  const described = cutoffs.map(({ k, lists }, n): [number, CutoffMetrics] => [
    k,
    { ...ranking[n]!, ...byKey(listMetrics, (key) => (Number.isNaN(lists[key]) ? null : lists[key])) },
  ]);
  return Object.fromEntries(described);
}

function predictedRatings(
  { split: { test }, train: { starUnit } }: Prepared,
  fitted: Fitted,
): ModelResult['ratingPrediction'] {
  if (fitted.predict === undefined) return undefined;
  const predicted = fitted.predict(test.users, test.items).map((stars) => stars * starUnit);
  return ratingPrediction(predicted, test.values);
}

function perUser({ dataset, relevant, facts }: Prepared, evaluation: Evaluation): ModelResult['perUser'] {
  return {
    userIds: Array.from(evaluation.users, (user) => dataset.userIds[user]!),
    relevant: [...evaluation.relevant],
    hitRanks: evaluation.hitRanks.map((ranks) => [...ranks]),
    hitItems: evaluation.hitItems.map((items) => Array.from(items, (item) => dataset.itemIds[item]!)),
    cold: coldHitsOf(evaluation, relevant, facts.usersWhoRated),
  };
}

/** The record of an experiment; `save` it with src/experiment/store.ts. */
export function buildRecord(
  experiment: string,
  { source, dataset, protocol }: Prepared,
  models: ModelResult[],
  watch: Stopwatch,
): ResultsRecord {
  return {
    schemaVersion: SCHEMA_VERSION,
    experiment,
    source,
    dataset: describeDataset(dataset),
    protocol,
    models,
    environment: environment(),
    timing: watch.seconds,
  };
}
