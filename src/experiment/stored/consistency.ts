/** What the numbers of a record say about each other: a record that contradicts itself was damaged or made up. */
import { rankingMetrics, userMetrics } from '../../evaluation/metric-keys.ts';
import { perUserMetrics } from '../../evaluation/per-user.ts';
import { mean } from '../../util/arrays.ts';
import { DataError } from '../../util/errors.ts';
import type { AnyRecord, ModelResult } from '../record.ts';

/** Means are stored to the digit; another order of additions may change the last ones. */
const TOLERANCE = 1e-9;

/** What one model came to, with one seed or over several. */
type Result = Pick<ModelResult, 'metrics' | 'perUser' | 'users'>;

/**
 * Throws DataError naming file and field when the per-user results of a model do not belong together, or when a mean of a
 * metric is not the mean over its users, or over its seeds. Metrics by another tool's conventions do not follow from hit
 * ranks alone.
 */
export function requireConsistent(path: string, { models, protocol }: AnyRecord): void {
  const check = (place: string, result: Result) => {
    requirePerUser(place, result);
    const isWhole = result.perUser.userIds.length === result.users.evaluated;
    if (isWhole && protocol.convention === undefined) requireMeans(place, result, protocol.k);
  };
  for (const [n, model] of models.entries()) {
    const place = `${path}: models.${n}`;
    const { seeds } = model;
    if (seeds?.length !== protocol.seeds?.length) {
      throw new DataError({
        place: `${place}.seeds`,
        found: `${seeds?.length ?? 0} seeds`,
        wanted: `the ${protocol.seeds?.length ?? 0} of the protocol`,
        remedy: 'Run the experiment again.',
      });
    }
    if (seeds === undefined) check(place, model);
    else {
      for (const [m, own] of seeds.entries()) check(`${place}.seeds.${m}`, own);
      requirePerUser(place, model);
      requireMeansOfSeeds(place, model.metrics, seeds, protocol.k);
    }
  }
}

function requireMeansOfSeeds(
  place: string,
  metrics: Result['metrics'],
  seeds: readonly Result[],
  cutoffs: readonly number[],
): void {
  for (const k of cutoffs.map(String)) {
    const recorded = metrics[k];
    if (recorded === undefined) continue;
    for (const key of rankingMetrics) {
      const found = mean(seeds.map((own) => own.metrics[k]?.[key].mean ?? NaN));
      requireMean(`${place}.metrics.${k}.${key}.mean`, recorded[key].mean, found, 'the seeds');
    }
  }
}

function requirePerUser(place: string, { perUser }: Result): void {
  const { userIds, relevant, hitRanks, hitItems, cold } = perUser;
  const fieldError = (field: string, found: string, wanted: string) =>
    new DataError({ place: `${place}.perUser.${field}`, found, wanted, remedy: 'Run the experiment again.' });
  const evaluated = userIds.length;
  const columns = {
    relevant,
    hitRanks,
    ...(hitItems && { hitItems }),
    ...(cold && { 'cold.relevant': cold.relevant, 'cold.hitRanks': cold.hitRanks }),
  };
  for (const [field, { length }] of Object.entries(columns)) {
    if (length !== evaluated)
      throw fieldError(field, `${length} entries`, `one for each of ${evaluated} users`);
  }
  if (new Set(userIds).size !== evaluated) throw fieldError('userIds', 'a user twice', 'each user once');
  for (let row = 0; row < evaluated; row++) {
    const ranks = hitRanks[row]!;
    if (relevant[row]! < 1) throw fieldError(`relevant.${row}`, String(relevant[row]), 'at least 1');
    if (ranks.length > relevant[row]!) {
      throw fieldError(
        `hitRanks.${row}`,
        `${ranks.length} hits`,
        `at most the ${relevant[row]} relevant movies`,
      );
    }
    const odd = ranks.findIndex((rank, i) => rank <= (ranks[i - 1] ?? 0));
    if (hitItems !== undefined && hitItems[row]!.length !== ranks.length) {
      throw fieldError(
        `hitItems.${row}`,
        `${hitItems[row]!.length} movies`,
        `one for each of ${ranks.length} hits`,
      );
    }
    const stray = cold?.hitRanks[row]!.find((rank) => !ranks.includes(rank));
    if (stray !== undefined) throw fieldError(`cold.hitRanks.${row}`, `rank ${stray}`, 'ranks of hits');
    if (odd !== -1)
      throw fieldError(`hitRanks.${row}.${odd}`, String(ranks[odd]), 'ranks from 1 that ascend');
  }
}

function requireMeans(place: string, { metrics, perUser }: Result, cutoffs: readonly number[]): void {
  for (const k of cutoffs) {
    const recorded = metrics[String(k)];
    if (recorded === undefined || perUser.userIds.length === 0) continue;
    const columns = perUserMetrics(perUser.hitRanks, perUser.relevant, k);
    for (const key of userMetrics) {
      requireMean(
        `${place}.metrics.${k}.${key}.mean`,
        recorded[key].mean,
        mean(columns[key]),
        "the users' hits",
      );
    }
  }
}

/** Throws DataError unless `recorded` is `found`, which `source` give. */
function requireMean(place: string, recorded: number, found: number, source: string): void {
  if (Math.abs(found - recorded) <= TOLERANCE * Math.max(1, Math.abs(found))) return;
  throw new DataError({
    place,
    found: `${recorded}, where ${source} give ${found}`,
    remedy: 'The record was changed or damaged: run the experiment again.',
  });
}
