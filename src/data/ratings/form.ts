/** What the beginning of a ratings file decides: which column is what, and how its fields are written. */
import { DataError } from '../../util/errors.ts';
import type { Dataset } from '../dataset.ts';
import { headText, type Content } from '../files/content.ts';
import { detectDialect, normalizeName, widthOf, type Dialect } from '../files/dialect.ts';
import { GET_AGAIN, quoteField } from '../files/records.ts';
import { columnNames, describeWriting, orderOf, type ColumnChoice, type Order } from './columns.ts';
import type { Layout } from './parser.js';
import { areTextIds, asWritten, isDate, isTimeLike, ratingNumber } from './values.ts';

export type Scale = Dataset['scale'];

/** What is known of a file of ratings before it is opened. */
export interface RatingForm {
  /** What errors call the file. */
  file: string;
  /** Of the release; where many ratings lie off it, it is taken from the data. Null takes any finite number. */
  scale: Scale | null;
  /** A release's own file: without a header, its columns are user, item, rating, time. */
  isRelease?: boolean;
  /** Names or numbers of columns, from --columns. */
  columns?: ColumnChoice;
  /** Refuses what would else be noted and counted. */
  strict?: boolean;
}

/** What the beginning of a file decided. */
export interface Plan {
  dialect: Dialect;
  order: Order;
  /** Fields in every line. */
  width: number;
  decimalComma: boolean;
  textIds: { user: boolean; item: boolean };
  scale: Scale | null;
  /** Line of the first rating. */
  firstLine: number;
  /** For the byte parser; null where it does not know the form. */
  layout: Layout | null;
  notes: string[];
}

/**
 * What a file of text, or a table with names of columns, is. Throws DataError, without a place, where the columns cannot
 * be told, or can be read in two ways.
 */
export function planRatings(
  content: Content,
  form: RatingForm,
  table?: { names: string[]; sample: string[][] },
): Plan {
  const known = new Set((['user', 'item', 'rating', 'time'] as const).flatMap((role) => columnNames[role]));
  const chosen = new Set(Object.values(form.columns ?? {}).map(normalizeName));
  const isName = (field: string) => {
    const name = normalizeName(field);
    return known.has(name) || (chosen.has(name) && !/^\d+$/.test(name));
  };
  const dialect: Dialect =
    table === undefined
      ? detectDialect(headText(content), isName)
      : { separator: ',', skippedLines: 0, isCrOnly: false, header: table.names, sample: table.sample };
  const { header, sample } = dialect;
  if (header === null && sample.length === 0)
    throw new DataError({ found: 'no line of text', wanted: 'ratings', remedy: GET_AGAIN });
  const width = header?.length ?? Math.max(0, ...sample.map(widthOf));
  const order = orderOf(dialect, width, form.columns ?? {}, form.isRelease ?? false);
  const column = (at: number | undefined) =>
    at === undefined ? [] : sample.map((record) => record[at] ?? '').filter((field) => field !== '');
  const ratings = column(order.rating);
  const decimalComma =
    ratings.some((text) => /^[+-]?\d+,\d+$/.test(text)) && !ratings.some((text) => text.includes('.'));
  const numbers = ratings.map((text) => ratingNumber(text, decimalComma));
  const scale = form.scale !== null && fitsScale(numbers, form.scale) ? form.scale : null;
  const plan = {
    dialect,
    order,
    width,
    decimalComma,
    textIds: { user: areTextIds(column(order.user)), item: areTextIds(column(order.item)) },
    scale,
    firstLine: dialect.skippedLines + (header === null ? 1 : 2),
  };
  return { ...plan, layout: layoutOf(plan, content), notes: notesOf(plan, content, form) };
}

/** So many ratings of the sample, and this share of them, must lie off the release's scale before another is assumed. */
const MIN_OFF_SCALE = 10;
const MIN_SHARE_OFF_SCALE = 0.05;

function fitsScale(ratings: number[], scale: Scale): boolean {
  const off = ratings.filter((value) => !isOnScale(value, scale)).length;
  if (scale.step === 0) return off === 0; // a range that was seen in other data
  return off < MIN_OFF_SCALE || off < MIN_SHARE_OFF_SCALE * ratings.length;
}

export function isOnScale(value: number, scale: Scale | null): boolean {
  if (scale === null) return Number.isFinite(value);
  const { min, max, step } = scale;
  if (step === 0) return Math.fround(value) >= min && Math.fround(value) <= max; // which are 32-bit numbers
  return value >= min && value <= max && Number.isInteger((value - min) / step);
}

/** MovieLens' scales where the values fit one; else from the lowest to the highest, step 0 standing for any. */
export function scaleOf(values: Float32Array): Scale {
  let [min, max, step] = [Infinity, -Infinity, 1];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    if (step > 0 && !Number.isInteger(value / step)) step = Number.isInteger(value * 2) ? 0.5 : 0;
  }
  if (step === 1 && min >= 1 && max <= 5) return { min: 1, max: 5, step };
  if (step === 0.5 && min >= 0.5 && max <= 5) return { min: 0.5, max: 5, step };
  return { min, max, step };
}

function layoutOf(plan: Omit<Plan, 'layout' | 'notes'>, content: Content): Layout | null {
  const { dialect, order, width, scale, textIds } = plan;
  const isPlain =
    content.packing === 'none' &&
    content.encoding === 'utf-8' &&
    !dialect.isCrOnly &&
    dialect.skippedLines === 0 &&
    dialect.separator !== ' ' &&
    !textIds.user &&
    !textIds.item &&
    order.user === 0 &&
    order.item === 1 &&
    !dialect.sample.some((record) => isDate(record[order.time ?? -1] ?? '')) &&
    order.rating === 2 &&
    (order.time ?? 3) === 3 &&
    width === (order.time === undefined ? 3 : 4);
  if (!isPlain) return null;
  return {
    separator: dialect.separator.charCodeAt(0),
    separatorLength: dialect.separator.length,
    timestamps: order.time !== undefined,
    stars: starsByTenths(scale),
  };
}

/** The rating that each count of tenths stands for; NaN off the scale. */
function starsByTenths(scale: Scale | null): Float32Array {
  return Float32Array.from({ length: 1000 }, (_, tenths) =>
    isOnScale(tenths / 10, scale) ? tenths / 10 : NaN,
  );
}

/** What was detected, in one line; nothing for MovieLens' own forms. */
function notesOf(plan: Omit<Plan, 'layout' | 'notes'>, content: Content, form: RatingForm): string[] {
  const { dialect, order, decimalComma, scale } = plan;
  const parts = describeWriting(content, dialect);
  if (decimalComma) parts.push('decimal comma');
  const columns = describeColumns(dialect, order, form);
  if (columns !== undefined) parts.push(columns);
  const times = timesOf(plan.dialect.sample, order.time);
  if (times !== undefined) parts.push(times);
  if (plan.textIds.user || plan.textIds.item) parts.push(`ids as text`);
  const notes = parts.length === 0 ? [] : [`${form.file}: detected ${parts.join(', ')}.`];
  if (order.rating === undefined) {
    const unread = unreadNumbers(dialect, order).map(quoteField).join(', ');
    const columns =
      unread === '' ? '' : ` (\`--columns rating=NAME\` takes one of those not read: ${unread})`;
    notes.push(
      `${form.file}: no column of ratings${columns}; every row counts as relevant, as a rating of 1.`,
    );
  }
  if (form.scale !== null && scale === null) {
    notes.push(
      `${form.file}: ratings off the scale from ${asWritten(form.scale.min)} to ${asWritten(form.scale.max)}; the scale is taken from the data.`,
    );
  }
  return notes;
}

/** Names of the columns of numbers, not all of them equal, that no role has; a first one without a name counts rows. */
function unreadNumbers({ header, sample }: Dialect, order: Order): string[] {
  const taken = new Set(Object.values(order));
  return (header ?? []).filter((name, at) => {
    const column = sample.map((record) => record[at] ?? '');
    const areNumbers = column.every((text) => Number.isFinite(ratingNumber(text, text.includes(','))));
    return name !== '' && !taken.has(at) && areNumbers && new Set(column).size > 1;
  });
}

/** How times are written, where that is not in seconds. */
function timesOf(sample: string[][], column: number | undefined): string | undefined {
  const first =
    column === undefined ? undefined : sample.map((record) => record[column] ?? '').find(isTimeLike);
  if (first === undefined) return undefined;
  if (isDate(first)) return 'times as dates';
  return Number(first) >= 1e11 ? 'times in milliseconds or finer' : undefined;
}

const releasedNames = {
  user: ['userid', 'user'],
  item: ['movieid', 'itemid', 'item', 'movie'],
  rating: ['rating'],
  time: ['timestamp'],
};

function describeColumns(
  { header, separator }: Dialect,
  order: Order,
  { columns, isRelease }: RatingForm,
): string | undefined {
  const present = (['user', 'item', 'rating', 'time'] as const).filter((role) => order[role] !== undefined);
  if (header !== null) {
    const usual = present.every((role) => releasedNames[role].includes(normalizeName(header[order[role]!]!)));
    if (usual && columns === undefined) return undefined;
    return present.map((role) => `${role} = ${quoteField(header[order[role]!]!)}`).join(', ');
  }
  if (columns !== undefined) return present.map((role) => `${role} = column ${order[role]! + 1}`).join(', ');
  const isUsual = present.length === 4 && ['\t', '::'].includes(separator); // as u1.base and r1.train are
  if (isRelease || isUsual) return undefined;
  return `no header: columns are ${present.join(', ')}`;
}
