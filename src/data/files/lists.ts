/** Recommendation lists that some tool wrote: rows of user, movie and rank or score. */
import { DataError, UsageError } from '../../util/errors.ts';
import { textOfCell } from '../../util/process/terminal.ts';
import type { Id } from '../dataset.ts';
import { byId } from '../ids.ts';
import {
  chosenColumn,
  columnNames,
  countsRows,
  describeWriting,
  findColumn,
  refuseShared,
  type ColumnChoice,
} from '../ratings/columns.ts';
import { areTextIds, idOf, isBadId, isLongId, isTimeLike, ratingNumber } from '../ratings/values.ts';
import { headText, openContent, packingNotes, readText } from './content.ts';
import { checkFields, detectDialect, normalizeName, widthOf, type Dialect } from './dialect.ts';
import { openParquet, sampleRows } from './parquet.ts';
import { GET_AGAIN, MEND_LINE, quoteField, readCsv, withPlace } from './records.ts';

export interface ListFile {
  /** Released user ids, ascending. */
  userIds: Id[];
  /** Released movie ids per user, best first. */
  movieIds: Id[][];
  /** What the column that orders the lists was taken for. */
  orderedBy: 'rank' | 'score';
  /** Rows dropped because their movie already stands higher in the same list. */
  repeated: number;
  /** Rows dropped because their score is no number, as Spark writes NaN for users it does not know. */
  withoutScore: number;
  /** What was detected, each as a sentence. */
  notes: string[];
}

interface Row {
  movieId: Id;
  value: number;
}

/** A table with its columns' positions. */
interface Table {
  rows: AsyncGenerator<{ record: readonly string[]; line: number }>;
  dialect: Dialect;
  notes: string[];
}

/**
 * Reads lists from a table of text, packed or not, or Parquet. A header names the columns in any order; without one they are user,
 * movie and a rank where every user's values are 1 to n, else a score. `columns` says otherwise. Best is the lowest rank
 * or the highest score, equal scores by ascending movie id. Throws DataError naming file and line: columns that cannot be
 * told or could be read in two ways, an id or rank that is none, an empty file.
 */
export async function readLists(path: string, chosen: ColumnChoice = {}): Promise<ListFile> {
  const { rows, dialect, notes } = await openTable(path, chosen);
  const columns = atFirstLine(path, () => columnsOf(dialect, chosen));
  const sampled = (at: number) => dialect.sample.map((record) => record[at] ?? '');
  const isText = { user: areTextIds(sampled(columns.user)), movie: areTextIds(sampled(columns.movie)) };
  const lists = new Map<Id, Row[]>();
  let withoutScore = 0;
  for await (const { record, line } of rows) {
    try {
      const [user, movie] = [
        readId(textOfCell(record[columns.user] ?? ''), 'user id', isText.user),
        readId(textOfCell(record[columns.movie] ?? ''), 'movie id', isText.movie),
      ];
      const value = readValue(record[columns.value], columns.orderedBy);
      if (value === undefined) withoutScore++;
      else {
        const list = lists.get(user);
        if (list) list.push({ movieId: movie, value });
        else lists.set(user, [{ movieId: movie, value }]);
      }
    } catch (error) {
      throw withPlace(error, path, line);
    }
  }
  if (lists.size === 0) {
    throw new DataError({
      place: path,
      found: 'no recommendation',
      wanted: 'rows of user, movie, rank',
      remedy: 'Let the tool write its lists again.',
    });
  }
  const orderedBy = columns.orderedBy ?? atFirstLine(path, () => guessOrder(lists));
  if (columns.note !== undefined) notes.push(`${path}: ${columns.note}.`);
  if (withoutScore > 0) notes.push(`${path}: ${withoutScore} rows without a score are left out.`);
  const tied = orderedBy === 'rank' ? [...lists.values()].filter(hasTies).length : 0;
  if (tied > 0)
    notes.push(
      `${path}: in ${tied} lists several movies have one rank; these stand in the order of their ids.`,
    );
  return { ...inOrder(lists, orderedBy), withoutScore, notes };
}

function atFirstLine<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withPlace(error, path, 1);
  }
}

const roles = ['user', 'item', 'rank', 'score', 'rating'] as const;

async function openTable(path: string, chosen: ColumnChoice): Promise<Table> {
  const content = await openContent(path, path);
  if (content.bytes === 0)
    throw new DataError({
      place: path,
      found: 'an empty file',
      wanted: 'recommendations',
      remedy: GET_AGAIN,
    });
  if (content.packing === 'parquet') {
    const { names, rows } = await openParquet(path, path);
    const sample = await sampleRows({ rows });
    const dialect: Dialect = { separator: ',', skippedLines: 0, isCrOnly: false, header: names, sample };
    const numbered = async function* () {
      let line = 0;
      for await (const record of rows()) yield { record, line: ++line };
    };
    return { rows: numbered(), dialect, notes: packingNotes(content) };
  }
  const known = new Set<string>([
    ...roles.flatMap((role) => columnNames[role]),
    ...Object.values(chosen)
      .filter((name) => !/^\d+$/.test(name))
      .map(normalizeName),
  ]);
  const dialect = detectDialect(headText(content), (field) => known.has(normalizeName(field)));
  const { text } = await readText(content);
  const records: { record: string[]; line: number }[] = [];
  const first = dialect.skippedLines + (dialect.header === null ? 1 : 2);
  const width = dialect.header?.length ?? Math.max(0, ...dialect.sample.map(widthOf));
  readCsv(text, path, { ...dialect, areEmptyBlank: true }, (fields, line) => {
    if (line < first) return;
    const record = fields.map((field) => field.trim());
    const own = dialect.separator === ' ' ? record.filter((field) => field !== '') : record;
    checkFields(own, width, dialect);
    records.push({ record: own, line });
  });
  const writing = describeWriting(content, dialect);
  const rows = (async function* () {
    yield* records;
  })();
  return { rows, dialect, notes: writing.length === 0 ? [] : [`${path}: detected ${writing.join(', ')}.`] };
}

interface Columns {
  user: number;
  movie: number;
  value: number;
  orderedBy: 'rank' | 'score' | undefined;
  /** Which column orders the lists, where that is not plain. */
  note?: string;
}

/** What orders lists: rank before score; a rating, which may be the true one, only where there is neither. */
const orders = ['rank', 'score', 'rating'] as const;
type OrderRole = (typeof orders)[number];

/** The one that was chosen. Throws UsageError for several, and for a time. */
function chosenOrderOf(chosen: ColumnChoice): OrderRole | undefined {
  if (chosen.time !== undefined) {
    throw new UsageError({
      place: '--columns',
      found: `time=${chosen.time}`,
      wanted: 'columns of lists, which have no times',
      remedy: 'Leave it out.',
    });
  }
  const [first, second] = orders.filter((role) => chosen[role] !== undefined);
  if (second === undefined) return first;
  throw new UsageError({
    place: '--columns',
    found: `both ${first}=${chosen[first!]} and ${second}=${chosen[second]}`,
    wanted: 'the one that orders the lists',
    remedy: 'Leave out the other.',
  });
}

/** Throws DataError, without a place, where the columns cannot be told, UsageError for what was chosen amiss. */
function columnsOf({ header, sample }: Dialect, chosen: ColumnChoice): Columns {
  const chosenOrder = chosenOrderOf(chosen);
  const width = header?.length ?? Math.max(0, ...sample.map(widthOf));
  const find = (role: (typeof roles)[number]) =>
    chosen[role] !== undefined
      ? chosenColumn(header, width, role, chosen[role])
      : header === null
        ? undefined
        : findColumn(header, role, '--list-columns');
  if (header === null && chosen.user === undefined && chosen.item === undefined)
    return headerlessColumns(sample, width, chosen, chosenOrder);
  const [user, movie] = [find('user'), find('item')];
  const value = valueColumn(find, chosenOrder);
  if (user === undefined || movie === undefined || value === undefined) {
    throw new DataError({
      found: `columns ${header === null ? `1 to ${width}` : quoteField(header.join(','))}`,
      wanted: 'userId, movieId and rank or score',
      remedy:
        width < 3
          ? ONE_ROW_PER_MOVIE
          : '`--list-columns user=NAME,item=NAME,score=NAME` says which column is which.',
    });
  }
  refuseShared({ user, item: movie, [value.orderedBy]: value.at });
  const name = header?.[value.at] ?? `column ${value.at + 1}`;
  const isRating = (own: string, at: number) =>
    at !== value.at && columnNames.rating.includes(normalizeName(own));
  const isPlain = ['rank', 'score'].includes(normalizeName(name)) && !(header ?? []).some(isRating);
  return {
    user,
    movie,
    value: value.at,
    orderedBy: value.orderedBy,
    ...(!isPlain && { note: `lists are ordered by the ${value.orderedBy} in ${quoteField(name)}` }),
  };
}

function valueColumn(
  find: (role: (typeof roles)[number]) => number | undefined,
  chosenOrder: OrderRole | undefined,
): { at: number; orderedBy: 'rank' | 'score' } | undefined {
  const order = chosenOrder === undefined ? orders : [chosenOrder];
  for (const role of order) {
    const at = find(role);
    if (at !== undefined) return { at, orderedBy: role === 'rank' ? 'rank' : 'score' };
  }
  return undefined;
}

function headerlessColumns(
  sample: string[][],
  width: number,
  chosen: ColumnChoice,
  chosenOrder: OrderRole | undefined,
): Columns {
  const column = (n: number) => sample.map((record) => record[n] ?? '');
  if (width < 3) {
    throw new DataError({
      found: `no header, and ${width} ${width === 1 ? 'column' : 'columns'}`,
      wanted: 'user, movie and rank or score',
      remedy: ONE_ROW_PER_MOVIE,
    });
  }
  if (column(0)[0] === '0' && countsRows(column(0)))
    throw headerlessError('a first column that counts the rows', 2);
  if (width > 3) throw headerlessError(`${width} columns`);
  if (column(2).every(isTimeLike)) throw headerlessError('a third column that looks like times');
  const columns = { user: 0, movie: 1, value: 2 };
  if (chosenOrder === undefined) return { ...columns, orderedBy: undefined };
  const value = chosenColumn(null, width, chosenOrder, chosen[chosenOrder]!);
  refuseShared({ user: 0, item: 1, [chosenOrder]: value });
  return { ...columns, orderedBy: chosenOrder === 'rank' ? 'rank' : 'score' };
}

/** Ranks, when every user's values are exactly 1 to n. Throws DataError where ranks of another kind are as likely as scores. */
function guessOrder(rows: Map<Id, Row[]>): 'rank' | 'score' {
  let areRanks = true;
  let mayBeRanks = true;
  for (const list of rows.values()) {
    const values = list.map(({ value }) => value).sort((a, b) => a - b);
    if (values.some((value, n) => value !== n + 1)) areRanks = false;
    const isRepeated = values.some((value, n) => value === values[n - 1]);
    if (isRepeated || values.some((value) => !Number.isInteger(value) || value < 0)) mayBeRanks = false;
  }
  if (areRanks) return 'rank';
  if (!mayBeRanks) return 'score';
  throw headerlessError('a third column of whole numbers, which may be ranks or scores');
}

/** What to do about lists that stand in one cell each. */
const ONE_ROW_PER_MOVIE = 'Write a row for each movie of a list: user, movie, and its rank from 1 on.';

/** The error for lists without a header that can be read in more than one way. */
function headerlessError(what: string, first = 1): DataError {
  return new DataError({
    found: `no header, and ${what}`,
    wanted: 'a first line with the names of the columns, such as userId,movieId,score',
    remedy:
      `Or say which column is which by number: \`--list-columns user=${first},item=${first + 1},score=${first + 2}\`, ` +
      `or rank=${first + 2} in place of score=${first + 2}.`,
  });
}

/** Do several movies share a value? A movie that is there twice does not count. */
function hasTies(list: Row[]): boolean {
  const movies = new Map(list.map(({ movieId, value }) => [value, movieId]));
  return list.some(({ movieId, value }) => movies.get(value) !== movieId);
}

function inOrder(
  rows: Map<Id, Row[]>,
  orderedBy: 'rank' | 'score',
): Pick<ListFile, 'userIds' | 'movieIds' | 'orderedBy' | 'repeated'> {
  const userIds = [...rows.keys()].sort(byId);
  const sign = orderedBy === 'rank' ? 1 : -1;
  let repeated = 0;
  const movieIds = userIds.map((userId) => {
    const list = rows.get(userId)!.sort((a, b) => sign * (a.value - b.value) || byId(a.movieId, b.movieId));
    const distinct = [...new Set(list.map(({ movieId }) => movieId))];
    repeated += list.length - distinct.length;
    return distinct;
  });
  return { userIds, movieIds, orderedBy, repeated };
}

/** Throws DataError, without a place, for an empty field and for numbers that are no ids. */
function readId(field: string, what: string, isText: boolean): Id {
  const id = isBadId(field) ? undefined : idOf(field);
  if (id !== undefined && (isText || typeof id === 'number' || isLongId(id))) return id;
  throw new DataError({
    found: `${what} ${quoteField(field)}`,
    wanted: isText ? 'an id' : 'a whole number',
    remedy: MEND_LINE,
  });
}

/** Undefined for a score that is NaN or empty; throws DataError, without a place, for other text. */
function readValue(field: string | undefined, orderedBy: 'rank' | 'score' | undefined): number | undefined {
  const value = ratingNumber(field ?? '', /^[+-]?\d+,\d+$/.test(field ?? ''));
  if (Number.isFinite(value)) return value;
  if (orderedBy !== 'rank' && field !== undefined && /^(nan|null|none|)$/i.test(field)) return undefined;
  throw new DataError({
    found: `rank or score ${quoteField(field ?? '')}`,
    wanted: 'a number',
    remedy: MEND_LINE,
  });
}
