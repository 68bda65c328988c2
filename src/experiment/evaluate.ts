/** Lists that another tool made, scored as our own. */
import { basename } from 'node:path';
import { has } from '../data/csr.ts';
import type { Id } from '../data/dataset.ts';
import { readLists, type ListFile } from '../data/files/lists.ts';
import { idIndexer } from '../data/ids.ts';
import { parseColumns } from '../data/ratings/columns.ts';
import type { ConventionName } from '../evaluation/metrics.ts';
import type { Progress } from '../util/progress.ts';
import { DataError, UsageError } from '../util/errors.ts';
import { Stopwatch } from './environment.ts';
import { prepare, refuseHeldOutUsers, type Prepared } from './prepare.ts';
import type { DataOptions, Protocol } from './protocol.ts';
import type { ResultsRecord } from './record.ts';
import { buildRecord, scoreLists, type Lists } from './score.ts';

export interface ExternalLists {
  /** File of recommendations; see src/data/files/lists.ts. */
  recommendations: string;
  data: DataOptions;
  protocol: Protocol;
  convention: ConventionName;
  /** `--list-columns`, else `--columns` where it names a rank or score: which column of the lists is what. */
  listColumns?: string | undefined;
}

/**
 * Scores the lists in a file against a split. Rows about users that the split does not know are left out; movies it
 * does not know, and movies the user rated in train, keep their place as misses. All three, and repeated movies,
 * are counted in the result's `facts`. Throws DataError naming file and line.
 */
export async function evaluateFile(
  { recommendations, data, protocol, convention, listColumns }: ExternalLists,
  context: { progress: Progress; signal: AbortSignal },
): Promise<ResultsRecord> {
  const watch = new Stopwatch();
  const { columns, ...others } = data;
  const areOfLists = listColumns === undefined && columns !== undefined && /\b(rank|score)=/.test(columns);
  const chosen = listColumns ?? (areOfLists ? columns : undefined);
  const prepared = await prepare(areOfLists ? others : data, protocol, context, watch);
  refuseHeldOutUsers(prepared, '`recsys evaluate`');
  const file = await watch.time('read', () => readChosen(recommendations, chosen, listColumns !== undefined));
  for (const note of file.notes) context.progress.note(`note: ${note}`);
  const { lists, counts, widened } = align(recommendations, file, prepared, Math.max(...protocol.k));
  const result = await watch.time('evaluate', () =>
    scoreLists(widened, { name: basename(recommendations), model: 'external', hyperparameters: {} }, lists, {
      convention,
    }),
  );
  result.facts = {
    orderedBy: file.orderedBy,
    repeatedMovies: file.repeated,
    ...(file.withoutScore > 0 && { withoutScore: file.withoutScore }),
    ...counts,
  };
  return {
    ...buildRecord('evaluate', prepared, [result], watch),
    protocol: { ...prepared.protocol, ...(convention !== 'recsys' && { convention }) },
  };
}

/** The lists, with the columns of `chosen`. What is amiss with them is said of the flag that was typed. */
async function readChosen(
  path: string,
  chosen: string | undefined,
  isListColumns: boolean,
): Promise<ListFile> {
  try {
    return await readLists(path, chosen === undefined ? {} : parseColumns(chosen));
  } catch (error) {
    if (!isListColumns || !(error instanceof UsageError)) throw error;
    throw new UsageError({ ...error.facts, place: '--list-columns' });
  }
}

/**
 * Ids to indices. Movies beyond the split's get indices after them, so that they take a place and hit nothing. Throws
 * DataError where no list is of a known user.
 */
function align(place: string, { userIds, movieIds }: ListFile, prepared: Prepared, k: number) {
  const { dataset, train, relevant, facts } = prepared;
  const userIndex = idIndexer(dataset.userIds);
  const itemIndex = idIndexer(dataset.itemIds);
  const known = dataset.itemIds.length;
  const others = new Map<Id, number>();
  const counts = { unknownUsers: 0, unknownMovies: 0, ratedInTrain: 0 };
  const users: number[] = [];
  const items: number[] = [];
  for (const [n, userId] of userIds.entries()) {
    const user = userIndex(userId);
    if (user === -1) {
      counts.unknownUsers++;
      continue;
    }
    users.push(user);
    const list = movieIds[n]!.slice(0, k).map((movieId) => {
      const item = itemIndex(movieId);
      if (item !== -1) return item;
      const other = others.get(movieId) ?? known + others.size;
      others.set(movieId, other);
      return other;
    });
    counts.unknownMovies += list.filter((item) => item >= known).length;
    counts.ratedInTrain += list.filter((item) => item < known && has(train.byUser, user, item)).length;
    for (let rank = 0; rank < k; rank++) items.push(list[rank] ?? -1);
  }
  if (users.length === 0) {
    throw new DataError({
      place,
      found: `lists of ${userIds.length} users, none of them in the data, first user ${userIds[0]}`,
      wanted: `ids as the ratings have them, such as ${dataset.userIds[0]}`,
      remedy:
        'Use the data that the lists were made from, or say with --list-columns which column is the user.',
    });
  }
  const extra = others.size;
  const usersWhoRated = new Int32Array(known + extra);
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
    relevant: { ...relevant, columns: known + extra },
    facts: { ...facts, usersWhoRated, genres },
  };
  return { lists, counts, widened };
}
