/** Lists that another tool made, scored as our own. */
import { basename } from 'node:path';
import { has } from '../data/csr.ts';
import { readLists, type ListFile } from '../data/files/lists.ts';
import type { ConventionName } from '../evaluation/metrics.ts';
import type { Progress } from '../util/progress.ts';
import { Stopwatch } from './environment.ts';
import { prepare, type Prepared } from './prepare.ts';
import type { DataOptions, Protocol } from './protocol.ts';
import type { ResultsRecord } from './record.ts';
import { buildRecord, scoreLists, type Lists } from './score.ts';

export interface ExternalLists {
  /** File of recommendations; see src/data/files/lists.ts. */
  recommendations: string;
  data: DataOptions;
  protocol: Protocol;
  convention: ConventionName;
}

/**
 * Scores the lists in a file against a split. Rows about users that the split does not know are left out; movies it
 * does not know, and movies the user rated in train, keep their place as misses. All three, and repeated movies,
 * are counted in the result's `facts`. Throws DataError naming file and line.
 */
export async function evaluateFile(
  { recommendations, data, protocol, convention }: ExternalLists,
  context: { progress: Progress; signal: AbortSignal },
): Promise<ResultsRecord> {
  const watch = new Stopwatch();
  const prepared = await prepare(data, protocol, context, watch);
  const file = await watch.time('read', () => readLists(recommendations));
  const { lists, counts, widened } = align(file, prepared, Math.max(...protocol.k));
  const result = await watch.time('evaluate', () =>
    scoreLists(widened, { name: basename(recommendations), model: 'external', hyperparameters: {} }, lists, {
      convention,
    }),
  );
  result.facts = { orderedBy: file.orderedBy, repeatedMovies: file.repeated, ...counts };
  return {
    ...buildRecord('evaluate', prepared, [result], watch),
    protocol: { ...prepared.protocol, ...(convention !== 'recsys' && { convention }) },
  };
}

/** Ids to indices. Movies beyond the split's get indices after them, so that they take a place and hit nothing. */
function align({ userIds, movieIds }: ListFile, prepared: Prepared, k: number) {
  const { dataset, train, relevant, facts } = prepared;
  const userIndex = new Map(Array.from(dataset.userIds, (id, user) => [id, user]));
  const itemIndex = new Map(Array.from(dataset.itemIds, (id, item) => [id, item]));
  const known = itemIndex.size;
  const counts = { unknownUsers: 0, unknownMovies: 0, ratedInTrain: 0 };
  const users: number[] = [];
  const items: number[] = [];
  for (const [n, userId] of userIds.entries()) {
    const user = userIndex.get(userId);
    if (user === undefined) {
      counts.unknownUsers++;
      continue;
    }
    users.push(user);
    const list = movieIds[n]!.slice(0, k).map((movieId) => {
      if (!itemIndex.has(movieId)) itemIndex.set(movieId, itemIndex.size);
      return itemIndex.get(movieId)!;
    });
    counts.unknownMovies += list.filter((item) => item >= known).length;
    counts.ratedInTrain += list.filter((item) => item < known && has(train.byUser, user, item)).length;
    for (let rank = 0; rank < k; rank++) items.push(list[rank] ?? -1);
  }
  const extra = itemIndex.size - known;
  const usersWhoRated = new Int32Array(itemIndex.size);
  usersWhoRated.set(facts.usersWhoRated);
  const genres = [...facts.genres, ...Array.from({ length: extra }, (): string[] => [])];
  const lists: Lists = {
    k,
    users: Int32Array.from(users),
    items: Int32Array.from(items),
    scores: new Float32Array(items.length),
  };
  const widened: Prepared = {
    ...prepared,
    relevant: { ...relevant, columns: itemIndex.size },
    facts: { ...facts, usersWhoRated, genres },
  };
  return { lists, counts, widened };
}
