/** Which column of a table is what: by the names in its header, by --columns, or by position where only one reading is possible. */
import { DataError, UsageError } from '../../util/errors.ts';
import { nameOfPacking, type Content } from '../files/content.ts';
import { nameOfSeparator, normalizeName, type Dialect } from '../files/dialect.ts';
import { quoteField } from '../files/records.ts';
import { isTimeLike, ratingNumber, timeSeconds } from './values.ts';

/** What a column of ratings or of lists can hold. */
export const roles = ['user', 'item', 'rating', 'time', 'score', 'rank'] as const;
export type Role = (typeof roles)[number];
/** By role, the name of a column in the header or its number from 1. */
export type ColumnChoice = Partial<Record<Role, string>>;

/** The option that says which column is which, of ratings or of lists. */
export type ColumnFlag = '--columns' | '--list-columns';

/** Names in use for each role, normalized as `normalizeName` does. */
export const columnNames: Record<Role, readonly string[]> = {
  user: [
    'userid',
    'user',
    'uid',
    'users',
    'userindex',
    'useridx',
    'customerid',
    'customer',
    'reviewerid',
    'memberid',
    'visitorid',
    'personid',
    'accountid',
    'username',
    'userno',
    'clientid',
    'raterid',
    'viewerid',
  ],
  item: [
    'movieid',
    'movie',
    'itemid',
    'item',
    'iid',
    'items',
    'itemindex',
    'itemidx',
    'filmid',
    'film',
    'productid',
    'product',
    'asin',
    'parentasin',
    'bookid',
    'isbn',
    'animeid',
    'songid',
    'trackid',
    'artistid',
    'businessid',
    'contentid',
    'mid',
    'titleid',
    'showid',
    'videoid',
    'gameid',
    'appid',
    'recipeid',
    'articleid',
    'newsid',
    'jokeid',
  ],
  rating: [
    'rating',
    'ratings',
    'score',
    'stars',
    'star',
    'overall',
    'bookrating',
    'userrating',
    'preference',
    'grade',
    'vote',
  ],
  time: [
    'timestamp',
    'time',
    'ts',
    'unixreviewtime',
    'unixtime',
    'datetime',
    'date',
    'ratedat',
    'createdat',
    'reviewtime',
  ],
  score: ['score', 'prediction', 'predicted', 'predictedrating', 'pred', 'est', 'estimate'],
  rank: ['rank', 'position'],
};

/** Names that hardly stand for anything else, for headers in which none of `columnNames` does. */
const likelyNames: Partial<Record<Role, RegExp>> = {
  rating: /^(?!avg|average|mean|pred|imdb|total|max|min|num|critic).*(ratings?|stars|score)$/,
  time: /^(?!release|birth).*(timestamp(ms|s)?|datetime|date)$/,
};

/** Indices of the columns in a record; of rating and time only where there are such columns. */
export interface Order {
  user: number;
  item: number;
  rating: number | undefined;
  time: number | undefined;
}

/** `user=userId,item=2,rating=stars` to roles. Throws UsageError. */
export function parseColumns(text: string): ColumnChoice {
  const choice: ColumnChoice = {};
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const role = roles.find((role) => role === part.slice(0, at).trim());
    const column = part.slice(at + 1).trim();
    if (role === undefined || at === -1 || column === '' || choice[role] !== undefined) {
      throw new UsageError({
        place: '--columns',
        found: quoteField(part),
        wanted: `each of ${roles.join(', ')} at most once, with the name or number of a column: user=1,item=2,rating=3`,
      });
    }
    choice[role] = column;
  }
  return choice;
}

/**
 * The columns of ratings. Throws DataError, without a place, where they cannot be told, UsageError for what --columns has
 * amiss.
 */
export function orderOf(
  { header, sample }: Dialect,
  width: number,
  choice: ColumnChoice,
  isRelease: boolean,
): Order {
  if (choice.user !== undefined || choice.item !== undefined) return chosenOrder(header, width, choice);
  if (header === null) {
    const isAnyChosen = Object.keys(choice).length > 0;
    return isAnyChosen ? chosenOrder(header, width, choice) : headerlessOrder(sample, width, isRelease);
  }
  const [user, item] = [findColumn(header, 'user'), findColumn(header, 'item')];
  const rating = chosenRating(header, width, choice) ?? findColumn(header, 'rating');
  const time = chosenTime(header, width, choice) ?? findColumn(header, 'time');
  if (user === undefined || item === undefined) {
    throw new DataError({
      found: `no column '${user === undefined ? 'userId' : 'movieId'}' in the header ${quoteField(header.join(','))}`,
      wanted: 'userId,movieId,rating,timestamp, or other names in use for them',
      remedy: '`--columns user=NAME,item=NAME,rating=NAME` says which column is which.',
    });
  }
  const order = { user, item, rating, time };
  refuseShared(order);
  return order;
}

/** Throws UsageError where --columns names one column for two things. */
export function refuseShared(order: Partial<Record<Role, number | undefined>>): void {
  const named = roles.filter((role) => order[role] !== undefined);
  for (const role of named) {
    const other = named.find((first) => first !== role && order[first] === order[role]);
    if (other === undefined) continue;
    throw new UsageError({
      place: '--columns',
      found: `column ${order[role]! + 1} for both ${role} and ${other}`,
      wanted: 'a column for each',
      remedy: 'Name another column for one of them, or leave it out.',
    });
  }
}

/** The column of a role by its name. Throws DataError, without a place, where several could be it. */
export function findColumn(
  header: readonly string[],
  role: Role,
  flag: ColumnFlag = '--columns',
): number | undefined {
  const names = header.map(normalizeName);
  const exact = [...names.keys()].filter((at) => columnNames[role].includes(names[at]!));
  const likely = likelyNames[role];
  const found =
    exact.length > 0 || !likely ? exact : [...names.keys()].filter((at) => likely.test(names[at]!));
  if (found.length < 2) return found[0];
  if (role === 'time' && exact.length === 0) return undefined;
  const ids = found.filter((at) => names[at]!.endsWith('id'));
  if (ids.length === 1) return ids[0];
  if (role === 'time') return names.indexOf(columnNames.time.find((name) => names.includes(name))!);
  throw new DataError({
    found: `several columns that could hold the ${role}: ${found.map((at) => quoteField(header[at]!)).join(', ')}`,
    wanted: 'one',
    remedy: `\`${flag} ${role}=NAME\` says which.`,
  });
}

function chosenOrder(header: string[] | null, width: number, choice: ColumnChoice): Order {
  const find = (role: 'user' | 'item') => {
    if (choice[role] !== undefined) return chosenColumn(header, width, role, choice[role]);
    return header === null ? undefined : findColumn(header, role);
  };
  const [user, item] = [find('user'), find('item')];
  if (user === undefined || item === undefined) {
    throw new UsageError({
      place: '--columns',
      found: `no column for the ${user === undefined ? 'user' : 'item'}`,
      wanted: 'both user=... and item=...',
      remedy: `Add ${user === undefined ? 'user' : 'item'}= and the name or number of its column.`,
    });
  }
  const rating = chosenRating(header, width, choice);
  const order = { user, item, rating, time: chosenTime(header, width, choice) };
  refuseShared(order);
  return order;
}

/** The column that was chosen for the ratings, also as a score. Throws UsageError for both of them, and for a rank. */
function chosenRating(header: string[] | null, width: number, choice: ColumnChoice): number | undefined {
  const { rating, score, rank } = choice;
  if (rank !== undefined) {
    throw new UsageError({
      place: '--columns',
      found: `rank=${rank}`,
      wanted: 'columns of ratings',
      remedy: 'Leave it out; --list-columns takes it, for the lists of `recsys evaluate`.',
    });
  }
  if (rating !== undefined && score !== undefined) {
    throw new UsageError({
      place: '--columns',
      found: `both rating=${rating} and score=${score}`,
      wanted: 'one column of ratings',
      remedy: 'Leave out one of them.',
    });
  }
  if (rating !== undefined) return chosenColumn(header, width, 'rating', rating);
  return score === undefined ? undefined : chosenColumn(header, width, 'score', score);
}

function chosenTime(header: string[] | null, width: number, { time }: ColumnChoice): number | undefined {
  return time === undefined ? undefined : chosenColumn(header, width, 'time', time);
}

/** Index of a column by its name or its number from 1. Throws UsageError for none, and for a name that several columns have. */
export function chosenColumn(
  header: readonly string[] | null,
  width: number,
  role: Role,
  column: string,
): number {
  const same = [...(header ?? []).keys()].filter(
    (at) => normalizeName(header![at]!) === normalizeName(column),
  );
  if (same.length > 1) {
    throw new UsageError({
      place: '--columns',
      found: `${role}=${column}, a name of ${same.length} columns`,
      wanted: `the number of one of them: ${same.map((at) => at + 1).join(' or ')}`,
    });
  }
  if (same.length === 1) return same[0]!;
  if (/^[1-9]\d{0,3}$/.test(column) && Number(column) <= width) return Number(column) - 1;
  throw new UsageError({
    place: '--columns',
    found: `${role}=${column}`,
    wanted:
      header === null
        ? `a number from 1 to ${width}`
        : `a name in the header ${quoteField(header.join(','))}, or a number from 1 to ${width}`,
  });
}

/** Columns by position. Throws DataError, without a place, wherever another reading is as good. */
function headerlessOrder(sample: string[][], width: number, isRelease: boolean): Order {
  const column = (n: number) => sample.map((record) => record[n] ?? '');
  if (width < 2) throw headerlessError(`${width} ${width === 1 ? 'column' : 'columns'}`);
  const order = (rating?: number, time?: number) => ({ user: 0, item: 1, rating, time });
  if (isRelease && (width === 3 || width === 4)) return order(2, width === 4 ? 3 : undefined);
  if (countsRows(column(0))) throw headerlessError('a first column that counts the rows');
  if (width > 4) throw headerlessError(`${width} columns`);
  if (isMostly(column(0), isItemLike) && !isMostly(column(1), isItemLike)) {
    throw headerlessError('a first column that looks like ids of items');
  }
  const timed = [0, 1, 2].find((n) => column(n).every((text) => isTimeLike(text) && timeSeconds(text) > 0));
  if (timed === 2 || (timed !== undefined && !(width === 4 && column(3).every(isTimeLike)))) {
    throw headerlessError(`a ${ordinals[timed]} column that looks like times`);
  }
  if (width === 2) return order();
  const isRated = (text: string) => isFraction(text) && ratingNumber(text, text.includes(',')) <= 10;
  if (width === 4 && column(3).some(isRated))
    throw headerlessError('a fourth column that looks like ratings');
  const rated = [0, 1].find((n) => areRatingsRatherThan(column(n), column(2), n === 0));
  if (rated !== undefined) throw headerlessError(`a ${ordinals[rated]} column that looks like ratings`);
  return order(2, width === 4 ? 3 : undefined);
}

const ordinals = ['first', 'second', 'third'] as const;

function isMostly(column: string[], is: (text: string) => boolean): boolean {
  return column.filter(is).length * 2 > column.length;
}

/** Ids of IMDb and Amazon, and ISBNs. */
function isItemLike(text: string): boolean {
  return /^(tt\d{7,8}|B0[\dA-Z]{8}|97[89]\d{10})$/.test(text);
}

/** Rows from which whole numbers up to 10 may be ratings by more than chance. */
const MIN_ROWS_RATED = 20;

/**
 * Whether a column holds ratings and `third`, which should, does not: by fractions, or by numbers up to 10 beside larger ones. A
 * column that ascends is one of ids by which the table is sorted.
 */
function areRatingsRatherThan(column: string[], third: string[], maySort: boolean): boolean {
  if (column.some(isFraction) && !third.some(isFraction)) return true;
  const isStar = (text: string) => Math.abs(ratingNumber(text, text.includes(','))) <= 10;
  if (column.length < MIN_ROWS_RATED || !column.every(isStar) || third.every(isStar)) return false;
  return !maySort || column.some((text, row) => Number(text) < Number(column[row - 1] ?? text));
}

function isFraction(text: string): boolean {
  return /^\d+[.,]\d*[1-9]/.test(text);
}

/** Rows from which a column that counts them is more than chance. */
const MIN_ROWS_COUNTED = 3;

/** Whether a column counts the rows from 0 or 1, as the index of a data frame does. */
export function countsRows(column: string[]): boolean {
  const first = Number(column[0]);
  if (column.length < MIN_ROWS_COUNTED || (first !== 0 && first !== 1)) return false;
  return column.every((text, row) => text !== '' && Number(text) === first + row);
}

/** The error for a table of ratings without a header that can be read in more than one way. */
function headerlessError(what: string): DataError {
  return new DataError({
    found: `no header, and ${what}`,
    wanted: 'a first line with the names of the columns, such as userId,movieId,rating,timestamp',
    remedy: 'Or say which column is which by number: `--columns user=1,item=2,rating=3,time=4`.',
  });
}

const encodingNames = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16',
  'utf-16be': 'UTF-16',
  'windows-1252': 'Latin-1 (Windows-1252)',
} as const;

/** How a file is packed, encoded and separated, where that is not plain UTF-8 with commas, tabs or '::' between the fields. */
export function describeWriting({ packing, encoding }: Content, dialect: Dialect): string[] {
  const parts: string[] = [];
  if (packing !== 'none') parts.push(nameOfPacking(packing));
  if (encoding !== 'utf-8') parts.push(encodingNames[encoding]);
  if (packing !== 'parquet' && ![',', '\t', '::'].includes(dialect.separator)) {
    parts.push(`${nameOfSeparator(dialect.separator)} between fields`);
  }
  if (dialect.isCrOnly) parts.push('carriage returns as line ends');
  return parts;
}
