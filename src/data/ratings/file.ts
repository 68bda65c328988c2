/**
 * Reads one file of ratings, of any form, into columns of released ids. The byte parser goes first and makes no
 * message; from the first line that it does not take, the CSV library reads on and says what is wrong, so that the
 * message does not depend on the path.
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { parse } from 'csv-parse';
import { DataError, throwIfAborted } from '../../util/errors.ts';
import { sha256OfFile } from '../../util/files.ts';
import { silentProgress, type Progress } from '../../util/progress.ts';
import type { Ratings, SourceFile } from '../dataset.ts';
import {
  csvOptions,
  csvError,
  checkWidth,
  parseCount,
  recordTaker,
  quoteField,
  withPlace,
} from '../files/records.ts';
import { onScale, planOf, type FirstLine, type Plan, type RatingForm, type Scale } from './form.ts';
import {
  CHUNK_BYTES,
  chunkParser,
  MIN_LINE_BYTES,
  runInWorker,
  stop,
  WORD,
  type Job,
  type Source,
} from './parser.js';

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
const MAX_FIRST_LINE_BYTES = 1 << 16;
/** A worker takes 30 to 50 ms to start, in which a thread parses about this many bytes. */
const MIN_BYTES_FOR_THREADS = 32 << 20;

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
    const plan = planAtFirstLine(headOf(file, size, form), form);
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
        : { rows: 0, firstUnparsed: dataBegin, sha256: await sha256OfFile(path) };
    const rows =
      parsed.firstUnparsed === -1 ? parsed.rows : await readOn(path, parsed, plan, form, columns, signal);
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

/** `planOf` with the first line as the place of its errors. */
function planAtFirstLine(head: FirstLine, form: RatingForm): Plan {
  try {
    return planOf(head, form);
  } catch (error) {
    throw withPlace(error, form.file, 1);
  }
}

/** Reads [begin, end) into the buffer and returns how many bytes there were. */
function readInto(file: number, buffer: Uint8Array, begin: number, end: number): number {
  let have = 0;
  while (begin + have < end) {
    const got = readSync(file, buffer, have, end - begin - have, begin + have);
    if (got === 0) break;
    have += got;
  }
  return have;
}

/** Throws DataError for an empty file. */
function headOf(file: number, size: number, form: RatingForm): FirstLine {
  if (size === 0) throw new DataError({ place: form.file, found: 'an empty file', wanted: 'ratings' });
  const head = Buffer.alloc(Math.min(size, MAX_FIRST_LINE_BYTES));
  const have = head.subarray(0, readInto(file, head, 0, head.length));
  const begin = have[0] === 0xef && have[1] === 0xbb && have[2] === 0xbf ? 3 : 0;
  const newline = have.indexOf(10);
  const end = newline === -1 ? have.length : newline;
  return { line: have.toString('utf8', begin, end).replace(/\r$/, ''), begin, next: Math.min(end + 1, size) };
}

/**
 * Room for every rating that so many bytes can hold, in memory that threads can share. Pages that stay untouched cost
 * nothing.
 */
function allocate(bytes: number, timestamps: boolean): Ratings {
  const capacity = Math.floor(bytes / (MIN_LINE_BYTES + (timestamps ? 2 : 0))) + 1;
  const memory = () => new SharedArrayBuffer(4 * capacity);
  return {
    users: new Int32Array(memory()),
    items: new Int32Array(memory()),
    values: new Float32Array(memory()),
    timestamps: new Int32Array(memory()),
  };
}

/** Up to this many rows, columns are copied to their exact length. */
const MAX_ROWS_COPIED = 1 << 21;

function trim({ users, items, values, timestamps }: Ratings, rows: number): Ratings {
  return rows <= MAX_ROWS_COPIED
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

interface ParseOptions {
  threads: number;
  progress: Progress;
  signal: AbortSignal | undefined;
  /** What progress calls the file. */
  label: string;
}

interface Parsed {
  rows: number;
  /** Offset of the first line that the byte parser did not take, or -1. */
  firstUnparsed: number;
  /** Of the whole file, in hex. */
  sha256: string;
}

/**
 * Fills `columns`, which lie in shared memory, from an open file. With more than one thread, another beside them computes
 * the hash. Throws AbortedError when the signal fires, and what reading throws.
 */
async function parseAll(
  path: string,
  source: Source,
  columns: Ratings,
  { threads, progress, signal, label }: ParseOptions,
): Promise<Parsed> {
  const words = new Int32Array(new SharedArrayBuffer(4 * Object.keys(WORD).length));
  const firstUnparsed = new Float64Array(new SharedArrayBuffer(8)).fill(-1);
  const job: Job = { source, columns, words, firstUnparsed };
  const helpers = source.size < MIN_BYTES_FOR_THREADS ? 0 : threads - 1;
  const hash =
    helpers === 0 ? sha256OfFile(path) : runInWorker({ task: 'hash', file: source.file, to: source.size });
  const others = Array.from({ length: helpers }, () => runInWorker({ task: 'parse ratings', job }));
  const everything = [parseHere(job, { progress, signal, label }), hash, ...others] as const;
  try {
    const [, sha256] = await Promise.all(everything);
    return { rows: words[WORD.ROWS]!, firstUnparsed: firstUnparsed[0]!, sha256 };
  } finally {
    stop(words);
    await Promise.allSettled(everything); // the file must stay open until all have stopped reading it
  }
}

/** This thread's part, which also looks after progress and Ctrl-C. */
async function parseHere(
  job: Job,
  { progress, signal, label }: Omit<ParseOptions, 'threads'>,
): Promise<void> {
  const { size, dataBegin } = job.source;
  const task = progress.start(label, Math.ceil((size - dataBegin) / CHUNK_BYTES), 'MB');
  let seen = 0;
  for (const next = chunkParser(job); next();) {
    if (signal) throwIfAborted(signal);
    const taken = Atomics.load(job.words, WORD.NEXT_CHUNK);
    task.advance(taken - seen);
    seen = taken;
    await setImmediate(); // lets progress and signals through
  }
  task.finish();
}

/** Reads on from the first line that was not parsed to the end, with the CSV library. Returns the number of rows in all. */
async function readOn(
  path: string,
  { firstUnparsed: offset, rows: before }: Pick<Parsed, 'firstUnparsed' | 'rows'>,
  { delimiter, order, width, firstLine }: Plan,
  { file, scale }: RatingForm,
  columns: Ratings,
  signal: AbortSignal | undefined,
): Promise<number> {
  let rows = before;
  const line = firstLine + rows;
  const take = recordTaker(file, line, (fields, line, endLine) => {
    checkWidth(fields, width);
    if (line !== endLine) {
      throw new DataError({
        found: 'a line break inside a field',
        wanted: 'none',
      });
    }
    columns.users[rows] = parseCount(fields[order.user]!, 'user id');
    columns.items[rows] = parseCount(fields[order.item]!, 'movie id');
    columns.values[rows] = parseRating(fields[order.rating]!, scale);
    if (order.timestamp !== undefined) {
      columns.timestamps[rows] = parseCount(fields[order.timestamp]!, 'timestamp');
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
    throw csvError(error, file, line);
  } finally {
    input.destroy();
  }
  return rows;
}

function parseRating(text: string, scale: Scale | null): number {
  if (/^-?\d{1,20}(\.\d{1,20})?$/.test(text)) {
    const value = Number(text);
    if (onScale(value, scale)) return value;
  }
  throw new DataError({
    found: `rating ${quoteField(text)}`,
    wanted:
      scale === null
        ? 'a number'
        : `${scale.min} to ${scale.max} ${scale.step === 1 ? 'in whole stars' : 'by halves'}`,
  });
}
