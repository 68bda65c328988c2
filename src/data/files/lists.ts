/** Recommendation lists that some tool wrote: rows of user, movie and rank or score. */
import { readFile } from 'node:fs/promises';
import { DataError } from '../../util/errors.ts';
import { decodeUtf8, placeOf, readLines } from './records.ts';

export interface ListFile {
  /** Released user ids, ascending. */
  userIds: number[];
  /** Released movie ids per user, best first. */
  movieIds: number[][];
  /** What the third column was taken for. */
  orderedBy: 'rank' | 'score';
  /** Rows dropped because their movie already stands higher in the same list. */
  repeated: number;
}

interface Row {
  movieId: number;
  value: number;
}

const columnNames = {
  user: ['userid', 'user_id', 'user', 'uid'],
  movie: ['movieid', 'movie_id', 'itemid', 'item_id', 'item', 'iid'],
  rank: ['rank'],
  score: ['score', 'prediction', 'rating'],
};

/**
 * Reads comma- or tab-separated lists. A header names the columns in any order; without one they are user, movie and a
 * rank where every user's values are 1 to n, else a score. Best is the lowest rank or the highest score, equal
 * scores by ascending movie id. Throws DataError naming file and line: too few columns, an id or value that is no
 * number, an empty file.
 */
export async function readLists(path: string): Promise<ListFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new DataError({
      place: path,
      found: 'no such file',
      wanted: 'recommendations as CSV or TSV',
      cause,
    });
  });
  const rows = new Map<number, Row[]>();
  let columns: Columns | undefined;
  readLines(decodeUtf8(bytes, path), path, (line, number) => {
    const delimiter = line.includes('\t') ? '\t' : ',';
    const fields = line.split(delimiter).map((field) => field.trim());
    if (columns === undefined) {
      columns = columnsOf(fields, path);
      if (columns.header) return;
    }
    const { user, movie, value } = columns;
    const place = placeOf(path, number);
    const userId = wholeNumber(fields[user], 'user id', place);
    const row = {
      movieId: wholeNumber(fields[movie], 'movie id', place),
      value: finite(fields[value], place),
    };
    const list = rows.get(userId);
    if (list) list.push(row);
    else rows.set(userId, [row]);
  });
  if (rows.size === 0)
    throw new DataError({ place: path, found: 'no recommendation', wanted: 'rows of user, movie, rank' });
  return inOrder(rows, columns!.orderedBy ?? guessOrder(rows));
}

interface Columns {
  user: number;
  movie: number;
  value: number;
  orderedBy?: 'rank' | 'score';
  header: boolean;
}

function columnsOf(fields: string[], path: string): Columns {
  if (/^\d+$/.test(fields[0] ?? '')) return { user: 0, movie: 1, value: 2, header: false };
  const find = (names: string[]) => fields.findIndex((field) => names.includes(field.toLowerCase()));
  const [user, movie, rank, score] = [
    find(columnNames.user),
    find(columnNames.movie),
    find(columnNames.rank),
    find(columnNames.score),
  ];
  const value = rank >= 0 ? rank : score;
  if (user < 0 || movie < 0 || value < 0) {
    throw new DataError({
      place: placeOf(path, 1),
      found: `columns ${fields.join(', ')}`,
      wanted: 'userId, movieId and rank or score',
    });
  }
  return { user, movie, value, orderedBy: rank >= 0 ? 'rank' : 'score', header: true };
}

/** Ranks, when every user's values are exactly 1 to n. */
function guessOrder(rows: Map<number, Row[]>): 'rank' | 'score' {
  for (const list of rows.values()) {
    const values = list.map(({ value }) => value).sort((a, b) => a - b);
    if (values.some((value, n) => value !== n + 1)) return 'score';
  }
  return 'rank';
}

function inOrder(rows: Map<number, Row[]>, orderedBy: 'rank' | 'score'): ListFile {
  const userIds = [...rows.keys()].sort((a, b) => a - b);
  const sign = orderedBy === 'rank' ? 1 : -1;
  let repeated = 0;
  const movieIds = userIds.map((userId) => {
    const list = rows.get(userId)!.sort((a, b) => sign * (a.value - b.value) || a.movieId - b.movieId);
    const distinct = [...new Set(list.map(({ movieId }) => movieId))];
    repeated += list.length - distinct.length;
    return distinct;
  });
  return { userIds, movieIds, orderedBy, repeated };
}

function wholeNumber(field: string | undefined, what: string, place: string): number {
  if (field !== undefined && /^\d{1,10}$/.test(field)) return Number(field);
  throw new DataError({
    place,
    found: field === undefined ? `no ${what}` : `${what} '${field}'`,
    wanted: 'a whole number',
  });
}

function finite(field: string | undefined, place: string): number {
  const value = field === undefined || field === '' ? NaN : Number(field);
  if (Number.isFinite(value)) return value;
  throw new DataError({ place, found: `rank or score '${field ?? ''}'`, wanted: 'a number' });
}
