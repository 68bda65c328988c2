/**
 * Reads one file of ratings, of any form, into columns of released ids. The byte parser goes first and makes no
 * message; from the first line that it does not take, the CSV library reads on and says what is wrong, so that the
 * message does not depend on the path.
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parse } from 'csv-parse';
import { DataError, throwIfAborted } from '../../util/errors.ts';
import { sha256OfFile } from '../../util/files.ts';
import { silentProgress, type Progress } from '../../util/progress.ts';
import type { Dataset, Ratings, SourceFile } from '../dataset.ts';
import type { Layout } from './bytes.js';
import { parseAll, type Parsed } from './threads.ts';
import { SHORTEST_LINE } from './chunks.js';
import {
  csvOptions,
  csvProblem,
  checkWidth,
  parseCount,
  placeOf,
  recordTaker,
  shown,
} from '../files/records.ts';

export type Scale = Dataset['scale'];

/** How a file of ratings is written. */
export interface RatingForm {
  /** What errors call the file. */
  file: string;
  /** 'detect': tab where the first line holds one, else comma. */
  delimiter: ',' | '\t' | '::' | 'detect';
  /** 'detect': there is one unless the first field of the first line is a number. */
  header: 'required' | 'none' | 'detect';
  /** Null takes any finite number. */
  scale: Scale | null;
}

export interface ReadOptions {
  progress?: Progress;
  signal?: AbortSignal;
  /** Threads that a large file may take; by default, all there are. */
  threads?: number;
  /** False leaves everything to the CSV library. For tests that hold both paths equal. */
  fast?: boolean;
}

/** Ratings by released ids, in the order of the file. */
export interface RatingColumns {
  /** `users` and `items` are released ids here, not indices. */
  columns: Ratings;
  /** Line of the first rating; that of rating r is `firstLine + r`, since no record may span or skip lines. */
  firstLine: number;
  hasTimestamps: boolean;
  source: SourceFile;
}

/** The first line must end within this. */
const HEAD = 1 << 16;

/**
 * Throws DataError naming file and line: no header or none of its columns, an id or a time that is not a whole number,
 * a rating off the scale, misplaced quotes, blank lines, no ratings. The file must exist.
 */
export async function readRatings(
  path: string,
  form: RatingForm,
  { progress = silentProgress, signal, fast = true, threads = availableParallelism() }: ReadOptions = {},
): Promise<RatingColumns> {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const plan = planOf(headOf(file, size, form), form);
    const columns = allocate(size - plan.dataBegin, plan.order.timestamp !== undefined);
    const { layout, dataBegin } = plan;
    const parsed =
      fast && layout !== null
        ? await parseAll(path, { file, size, dataBegin, layout }, columns, {
            label: `reading ${form.file}`,
            threads,
            progress,
            signal,
          })
        : { rows: 0, surprise: dataBegin, sha256: await sha256OfFile(path) };
    const rows =
      parsed.surprise === -1 ? parsed.rows : await readOn(path, parsed, plan, form, columns, signal);
    if (rows === 0) {
      throw new DataError({ place: form.file, found: 'no ratings', wanted: 'at least one' });
    }
    return {
      columns: trim(columns, rows),
      firstLine: plan.firstLine,
      hasTimestamps: plan.order.timestamp !== undefined,
      source: { name: form.file, sha256: parsed.sha256, bytes: size },
    };
  } finally {
    closeSync(file);
  }
}

/** Reads [begin, end) into the buffer and returns how many bytes there were. */
function fill(file: number, buffer: Uint8Array, begin: number, end: number): number {
  let have = 0;
  while (begin + have < end) {
    const got = readSync(file, buffer, have, end - begin - have, begin + have);
    if (got === 0) break;
    have += got;
  }
  return have;
}

/** The text of the first line, and the offset where the second begins. Throws DataError for an empty file. */
function headOf(file: number, size: number, form: RatingForm): { line: string; begin: number; next: number } {
  if (size === 0) throw new DataError({ place: form.file, found: 'an empty file', wanted: 'ratings' });
  const head = Buffer.alloc(Math.min(size, HEAD));
  const have = head.subarray(0, fill(file, head, 0, head.length));
  const begin = have[0] === 0xef && have[1] === 0xbb && have[2] === 0xbf ? 3 : 0;
  const newline = have.indexOf(10);
  const end = newline === -1 ? have.length : newline;
  return { line: have.toString('utf8', begin, end).replace(/\r$/, ''), begin, next: Math.min(end + 1, size) };
}

/** Where each column stands in a line. */
interface Order {
  user: number;
  item: number;
  rating: number;
  timestamp: number | undefined;
}

/** What the first line decided. */
interface Plan {
  delimiter: string;
  order: Order;
  /** Fields in every line. */
  width: number;
  /** Offset and line number of the first rating. */
  dataBegin: number;
  firstLine: number;
  /** For the byte parser; null when the columns stand in an order that it does not know. */
  layout: Layout | null;
}

function planOf(head: { line: string; begin: number; next: number }, form: RatingForm): Plan {
  const delimiter = form.delimiter === 'detect' ? (head.line.includes('\t') ? '\t' : ',') : form.delimiter;
  const fields = head.line.split(delimiter).map((field) => field.trim().replace(/^"(.*)"$/, '$1'));
  const numeric = /^\d+$/.test(fields[0]!);
  const header = form.header === 'required' || (form.header === 'detect' && !numeric);
  if (!header && fields.length < 3) checkWidth(fields, 3, form.file, 1);
  const order: Order = header
    ? orderOf(fields, form)
    : { user: 0, item: 1, rating: 2, timestamp: fields.length > 3 ? 3 : undefined };
  const plain =
    order.user === 0 &&
    order.item === 1 &&
    order.rating === 2 &&
    (order.timestamp ?? 3) === 3 &&
    fields.length === (order.timestamp === undefined ? 3 : 4);
  return {
    delimiter,
    order,
    width: fields.length,
    dataBegin: header ? head.next : head.begin,
    firstLine: header ? 2 : 1,
    layout: plain
      ? {
          separator: delimiter.charCodeAt(0),
          separatorLength: delimiter.length,
          timestamps: order.timestamp !== undefined,
          stars: starsByTenths(form.scale),
        }
      : null,
  };
}

const columnNames: Record<keyof Order, string[]> = {
  user: ['userid', 'user'],
  item: ['movieid', 'movie', 'itemid', 'item'],
  rating: ['rating'],
  timestamp: ['timestamp'],
};

/** Columns by the names in the header; case and underscores do not count. */
function orderOf(header: string[], form: RatingForm): Order {
  const names = header.map((name) => name.toLowerCase().replaceAll('_', ''));
  const find = (column: keyof Order) => {
    const at = names.findIndex((name) => columnNames[column].includes(name));
    return at === -1 ? undefined : at;
  };
  const [user, item, rating, timestamp] = [find('user'), find('item'), find('rating'), find('timestamp')];
  if (user === undefined || item === undefined || rating === undefined) {
    const missing = user === undefined ? 'userId' : item === undefined ? 'movieId' : 'rating';
    throw new DataError({
      place: placeOf(form.file, 1),
      found: `no column '${missing}' in the header ${shown(header.join(','))}`,
      wanted: 'userId,movieId,rating,timestamp',
    });
  }
  return { user, item, rating, timestamp };
}

/** The rating that each count of tenths stands for; NaN off the scale. */
function starsByTenths(scale: Scale | null): Float32Array {
  return Float32Array.from({ length: 1000 }, (_, tenths) =>
    onScale(tenths / 10, scale) ? tenths / 10 : NaN,
  );
}

function onScale(value: number, scale: Scale | null): boolean {
  if (scale === null) return Number.isFinite(value);
  return value >= scale.min && value <= scale.max && Number.isInteger((value - scale.min) / scale.step);
}

/**
 * Room for every rating that so many bytes can hold, in memory that threads can share. Pages that stay untouched cost
 * nothing.
 */
function allocate(bytes: number, timestamps: boolean): Ratings {
  const capacity = Math.floor(bytes / (SHORTEST_LINE + (timestamps ? 2 : 0))) + 1;
  const memory = () => new SharedArrayBuffer(4 * capacity);
  return {
    users: new Int32Array(memory()),
    items: new Int32Array(memory()),
    values: new Float32Array(memory()),
    timestamps: new Int32Array(memory()),
  };
}

/** Up to this many rows, columns are copied to their exact length. */
const EXACT = 1 << 21;

function trim({ users, items, values, timestamps }: Ratings, rows: number): Ratings {
  return rows <= EXACT
    ? {
        users: users.slice(0, rows),
        items: items.slice(0, rows),
        values: values.slice(0, rows),
        timestamps: timestamps.slice(0, rows),
      }
    : {
        users: users.subarray(0, rows),
        items: items.subarray(0, rows),
        values: values.subarray(0, rows),
        timestamps: timestamps.subarray(0, rows),
      };
}

/** Reads on from the surprise to the end with the CSV library. Returns the number of rows in all. */
async function readOn(
  path: string,
  { surprise: offset, rows: before }: Pick<Parsed, 'surprise' | 'rows'>,
  { delimiter, order, width, firstLine }: Plan,
  { file, scale }: RatingForm,
  columns: Ratings,
  signal: AbortSignal | undefined,
): Promise<number> {
  let rows = before;
  const line = firstLine + rows;
  const take = recordTaker(file, line, (fields, line, endLine) => {
    checkWidth(fields, width, file, line);
    if (line !== endLine) {
      throw new DataError({
        place: placeOf(file, line),
        found: 'a line break inside a field',
        wanted: 'none',
      });
    }
    columns.users[rows] = parseCount(fields[order.user]!, 'user id', file, line);
    columns.items[rows] = parseCount(fields[order.item]!, 'movie id', file, line);
    columns.values[rows] = parseRating(fields[order.rating]!, scale, file, line);
    if (order.timestamp !== undefined) {
      columns.timestamps[rows] = parseCount(fields[order.timestamp]!, 'timestamp', file, line);
    }
    rows++;
  });
  const input = createReadStream(path, { start: offset, ...(signal && { signal }) });
  const parser = parse({ ...csvOptions, delimiter, quote: delimiter === ',' ? '"' : null });
  input.on('error', (error) => parser.destroy(error));
  try {
    for await (const record of input.pipe(parser) as AsyncIterable<string[]>) take(record);
  } catch (error) {
    if (signal) throwIfAborted(signal);
    throw csvProblem(error, file, line);
  } finally {
    input.destroy();
  }
  return rows;
}

function parseRating(text: string, scale: Scale | null, file: string, line: number): number {
  if (/^-?\d{1,20}(\.\d{1,20})?$/.test(text)) {
    const value = Number(text);
    if (onScale(value, scale)) return value;
  }
  throw new DataError({
    place: placeOf(file, line),
    found: `rating ${shown(text)}`,
    wanted:
      scale === null
        ? 'a number'
        : `${scale.min} to ${scale.max} ${scale.step === 1 ? 'in whole stars' : 'by halves'}`,
  });
}
