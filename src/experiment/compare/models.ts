/** One model on the users that it is compared on: metrics and curve; what its own record says of lists, time and cost. */
import type { Id } from '../../data/dataset.ts';
import { byKey, listMetrics, rankingMetrics } from '../../evaluation/metric-keys.ts';
import { hitTable, perUserMetrics, rankingEstimates } from '../../evaluation/per-user.ts';
import { mean } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { RecordedModel } from './recorded-models.ts';
import { restrict } from './populations.ts';
import type { ComparedModel, Comparison } from './record.ts';
import type { ModelResult, PerUser } from '../record.ts';
import { estimatesOverSeeds, perUserOfSeeds } from '../seeds/combine.ts';

/** Metrics and curve of one model over the common users. Its own record's metrics, where these are all users. */
export function compareModel(
  { name, file, result, record }: RecordedModel,
  common: readonly Id[],
): ComparedModel {
  const { k: cutoffs, seed } = record.protocol;
  const own = perUserOfSeeds(result).map((perUser) => restrict(perUser, common));
  const all = own.length === 1 && common.length === result.users.evaluated;
  const largest = Math.max(...cutoffs);
  const tables = own.map(({ hitRanks, relevant }) => ({ hits: hitTable(hitRanks), relevant }));
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
      const seeds = tables.map(({ hits, relevant }) => perUserMetrics(hits, relevant, n + 1));
      const overSeeds = (key: 'precision' | 'recall') => mean(seeds.map((columns) => mean(columns[key])));
      return { k: n + 1, precision: overSeeds('precision'), recall: overSeeds('recall') };
    }),
    lists: byKey(listMetrics, (key) => ownLists[key] ?? null),
  };
}

type Ranking = ComparedModel['metrics'][string];

function rankingOf({ metrics }: ModelResult, k: number): Ranking {
  const own = metrics[String(k)]!;
  return byKey(rankingMetrics, (key) => own[key]);
}

/** As the record's own metrics are computed, on fewer users. */
function estimated(seeds: readonly PerUser[], k: number, seed: number): Ranking {
  if (seeds.length > 1) return estimatesOverSeeds(seeds, k, seed);
  const { hitRanks, relevant } = seeds[0]!;
  return rankingEstimates([perUserMetrics(hitRanks, relevant, k)], new Rng(seed).derive('bootstrap'))[0]!;
}

/**
 * Seconds and spending of one model for one answer to each of its users, as its record has them; null where that is not
 * known. Answers that were replayed from a file took neither: reading a file is no model's time.
 */
export function priceOf({ result, record }: RecordedModel): Comparison['prices'][string] {
  const replayed = result.hyperparameters['replayed'] === true;
  const seconds = (phase: string) => (replayed ? null : (record.timing[`${result.name}.${phase}`] ?? null));
  // A record's first model is the one that wrote its texts; others were evaluated beside it.
  const details = record.models[0] === result && !replayed ? record.language?.details : undefined;
  const users = result.users.evaluated;
  // Its spending is for every answer: also for those to a hybrid's validation users and, of a noise budget, to asking again.
  const answers = details?.['answers'];
  const share = typeof answers === 'number' && answers > users ? users / answers : 1;
  const amount = (key: string) => {
    const value = details?.[key];
    return typeof value === 'number' ? share * value : null;
  };
  return {
    users,
    fitSeconds: seconds('fit'),
    recommendSeconds: seconds('recommend'),
    costUsd: amount('costUsd'),
    inputTokens: amount('inputTokens'),
    outputTokens: amount('outputTokens'),
  };
}
