/** What the numbers of a record say about each other: a record that contradicts itself was damaged or made up. */
import { userMetrics } from '../evaluation/metric-keys.ts';
import { perUserMetrics } from '../evaluation/per-user.ts';
import { mean } from '../util/arrays.ts';
import { DataError } from '../util/errors.ts';
import type { AnyRecord, ModelResult } from './record.ts';

/** Means are stored to the digit; another order of additions may change the last ones. */
const TOLERANCE = 1e-9;

/**
 * Throws DataError naming file and field when the per-user results of a model do not belong together, or when a mean of a
 * metric is not the mean over its users. Metrics by another tool's conventions do not follow from hit ranks alone.
 */
export function requireConsistent(path: string, { models, protocol }: AnyRecord): void {
  for (const [n, model] of models.entries()) {
    const place = `${path}: models.${n}`;
    requirePerUser(place, model);
    const isWhole = model.perUser.userIds.length === model.users.evaluated;
    if (isWhole && protocol.convention === undefined) requireMeans(place, model, protocol.k);
  }
}

function requirePerUser(place: string, { perUser }: ModelResult): void {
  const { userIds, relevant, hitRanks, hitItems, cold } = perUser;
  const bad = (field: string, found: string, wanted: string) =>
    new DataError({ place: `${place}.perUser.${field}`, found, wanted, remedy: 'Run the experiment again.' });
  const evaluated = userIds.length;
  const columns = {
    relevant,
    hitRanks,
    ...(hitItems && { hitItems }),
    ...(cold && { 'cold.relevant': cold.relevant, 'cold.hitRanks': cold.hitRanks }),
  };
  for (const [field, { length }] of Object.entries(columns)) {
    if (length !== evaluated) throw bad(field, `${length} entries`, `one for each of ${evaluated} users`);
  }
  if (new Set(userIds).size !== evaluated) throw bad('userIds', 'a user twice', 'each user once');
  for (let row = 0; row < evaluated; row++) {
    const ranks = hitRanks[row]!;
    if (relevant[row]! < 1) throw bad(`relevant.${row}`, String(relevant[row]), 'at least 1');
    if (ranks.length > relevant[row]!) {
      throw bad(`hitRanks.${row}`, `${ranks.length} hits`, `at most the ${relevant[row]} relevant movies`);
    }
    const odd = ranks.findIndex((rank, i) => rank <= (ranks[i - 1] ?? 0));
    if (hitItems !== undefined && hitItems[row]!.length !== ranks.length) {
      throw bad(`hitItems.${row}`, `${hitItems[row]!.length} movies`, `one for each of ${ranks.length} hits`);
    }
    const stray = cold?.hitRanks[row]!.find((rank) => !ranks.includes(rank));
    if (stray !== undefined) throw bad(`cold.hitRanks.${row}`, `rank ${stray}`, 'ranks of hits');
    if (odd !== -1) throw bad(`hitRanks.${row}.${odd}`, String(ranks[odd]), 'ranks from 1 that ascend');
  }
}

function requireMeans(place: string, { metrics, perUser }: ModelResult, cutoffs: readonly number[]): void {
  for (const k of cutoffs) {
    const recorded = metrics[String(k)];
    if (recorded === undefined || perUser.userIds.length === 0) continue;
    const columns = perUserMetrics(perUser.hitRanks, perUser.relevant, k);
    for (const key of userMetrics) {
      const found = mean(columns[key]);
      if (Math.abs(found - recorded[key].mean) <= TOLERANCE * Math.max(1, Math.abs(found))) continue;
      throw new DataError({
        place: `${place}.metrics.${k}.${key}.mean`,
        found: `${recorded[key].mean}, where the users' hits give ${found}`,
        remedy: 'The record was changed or damaged: run the experiment again.',
      });
    }
  }
}
