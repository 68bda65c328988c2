/**
 * Reads one file of ratings, of any form, into columns of released ids. The byte parser goes first and makes no
 * message; from the first line that it does not take, the CSV library reads on and says what is wrong, so that the
 * message does not depend on the path.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { parse } from 'csv-parse';
import { DataError, throwIfAborted } from '../../util/errors.ts';
import { sha256OfFile } from '../../util/files.ts';
import { silentProgress, type Progress } from '../../util/progress.ts';
import { compileModule } from '../../util/webassembly/module.ts';
import type { Ratings, SourceFile } from '../dataset.ts';
import { decodeStream, EncodingError, openContent, packedError, type Content } from '../files/content.ts';
import { checkFields } from '../files/dialect.ts';
import { csvError, csvOptions, GET_AGAIN, MEND_LINE, recordTaker, withPlace } from '../files/records.ts';
import { openParquet, sampleRows } from '../files/parquet.ts';
import { planRatings, type Plan, type RatingForm, type Scale } from './form.ts';
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
import { RatingTable } from './table.ts';

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
  /** `users` and `items` are released ids here, not indices; where ids are text, positions in `texts`. */
  columns: Ratings;
  /** The ids by number, for those that are text. */
  texts: { users?: string[]; items?: string[] };
  /** Line of the first rating; that of rating r is `firstLine + r`, since no record may span or skip lines. */
  firstLine: number;
  hasTimestamps: boolean;
  /** False where there is no column of them: every value is 1. */
  hasRatings: boolean;
  /** Ratings whose time is empty or cannot be read, and stands as 0; 0 where there is no column of times. */
  withoutTime: number;
  /** The scale of the release; null where the data decide. */
  scale: Scale | null;
  /** What was detected, kept or repaired, each as a sentence. */
  notes: string[];
  source: SourceFile;
}

/** A worker takes 30 to 50 ms to start, in which a thread parses about this many bytes. */
const MIN_BYTES_FOR_THREADS = 32 << 20;

/**
 * Throws DataError naming file and line: no such file or none that can be read, columns that cannot be told, an id that is
 * none, a rating that is no number or off the scale, misplaced quotes, blank lines, no ratings.
 */
export async function readRatings(
  path: string,
  form: RatingForm,
  options: ReadOptions = {},
): Promise<RatingColumns> {
  const content = await openContent(path, form.file);
  if (content.bytes === 0)
    throw new DataError({ place: form.file, found: 'an empty file', wanted: 'ratings', remedy: GET_AGAIN });
  if (content.packing === 'parquet') return readParquetRatings(content, form);
  const plan = planAtFirstLine(content, form);
  try {
    return await readPlanned(content, plan, form, options);
  } catch (error) {
    if (!(error instanceof EncodingError) || content.encoding !== 'utf-8') throw error;
    const note = `${content.name}: not UTF-8; read as Latin-1 (Windows-1252).`;
    // From the start: ids that were read as UTF-8 are other ids now.
    const again = { ...plan, notes: [...plan.notes, note] };
    return await readWithLibrary({ ...content, encoding: 'windows-1252' }, again, form, options.signal);
  }
}

/** By the byte parser as far as it comes, if it knows the form, and the rest by the CSV library. */
async function readPlanned(
  content: Content,
  plan: Plan,
  form: RatingForm,
  { progress = silentProgress, signal, fast = true, threads = availableParallelism() }: ReadOptions,
): Promise<RatingColumns> {
  const { layout } = plan;
  if (!fast || layout === null) return readWithLibrary(content, plan, form, signal);
  const { path } = content;
  const label = `reading ${form.file}`;
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const dataBegin = dataBeginOf(content, plan);
    const isSmall = size < MIN_BYTES_FOR_THREADS;
    const parsers = isSmall ? 1 : threads;
    const columns = allocateColumns(size - dataBegin, plan.order.time !== undefined, parsers > 1);
    const source = { file, size, dataBegin, layout };
    const shown = isSmall ? silentProgress : progress;
    const header = content.head.subarray(0, dataBegin);
    const options = { label, parsers, header, progress: shown, signal };
    const parsed = await parseAll(path, source, columns, options);
    const table = new RatingTable(columns, plan, form, parsed.rows);
    if (parsed.firstUnparsed !== -1) await readOn(content, parsed.firstUnparsed, plan, table, signal);
    return table.finish(content, parsed.sha256, endOf(file, size));
  } finally {
    closeSync(file);
  }
}

/** Everything by the CSV library. */
async function readWithLibrary(
  content: Content,
  plan: Plan,
  form: RatingForm,
  signal: AbortSignal | undefined,
): Promise<RatingColumns> {
  const table = new RatingTable(emptyColumns(0), plan, form, 0);
  const { packing, encoding } = content;
  const isPlain = packing === 'none' && !encoding.startsWith('utf-16') && !plan.dialect.isCrOnly;
  await readOn(content, isPlain ? dataBeginOf(content, plan) : undefined, plan, table, signal);
  return table.finish(content, await sha256OfFile(content.path), undefined);
}

async function readParquetRatings(content: Content, form: RatingForm): Promise<RatingColumns> {
  const { names, rows } = await openParquet(content.path, form.file);
  const plan = planAtFirstLine(content, form, { names, sample: await sampleRows({ rows }) });
  const table = new RatingTable(emptyColumns(0), plan, form, 0);
  let row = 0;
  for await (const record of rows()) {
    row++;
    try {
      table.add(record, row);
    } catch (error) {
      throw error instanceof DataError && error.facts.place === undefined
        ? new DataError({ ...error.facts, place: `${form.file}, row ${row}` })
        : error;
    }
  }
  return table.finish(content, await sha256OfFile(content.path), undefined);
}

/** `planRatings` with the first line as the place of its errors. */
function planAtFirstLine(
  content: Content,
  form: RatingForm,
  table?: { names: string[]; sample: string[][] },
): Plan {
  try {
    return planRatings(content, form, table);
  } catch (error) {
    throw withPlace(error, form.file, 1);
  }
}

/** Offset of the first line of data in a file of plain UTF-8 or Latin-1. */
function dataBeginOf({ head }: Content, { firstLine }: Plan): number {
  let begin = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  for (let line = 1; line < firstLine; line++) {
    const newline = head.indexOf(10, begin);
    begin = newline === -1 ? head.length : newline + 1;
  }
  return begin;
}

/** The last byte of a file. */
function endOf(file: number, size: number): number | undefined {
  const last = Buffer.alloc(1);
  return readSync(file, last, 0, 1, size - 1) === 1 ? last[0] : undefined;
}

/** Room for every rating that so many bytes can hold. Pages that stay untouched cost nothing. */
function allocateColumns(bytes: number, timestamps: boolean, isShared: boolean): Ratings {
  const capacity = Math.floor(bytes / (MIN_LINE_BYTES + (timestamps ? 2 : 0))) + 1;
  const memory = () => (isShared ? new SharedArrayBuffer(4 * capacity) : new ArrayBuffer(4 * capacity));
  return {
    users: new Int32Array(memory()),
    items: new Int32Array(memory()),
    values: new Float32Array(memory()),
    timestamps: new Int32Array(memory()),
  };
}

interface ParseOptions {
  /** Threads that parse, this one included. */
  parsers: number;
  /** What stands before the first line. */
  header: Buffer;
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
 * Fills `columns`, which lie in shared memory where several threads parse, from an open file. Throws AbortedError when the
 * signal fires, and what reading throws.
 */
async function parseAll(
  path: string,
  source: Source,
  columns: Ratings,
  { parsers, header, progress, signal, label }: ParseOptions,
): Promise<Parsed> {
  const words = new Int32Array(new SharedArrayBuffer(4 * Object.keys(WORD).length));
  const firstUnparsed = new Float64Array(new SharedArrayBuffer(8)).fill(-1);
  const job: Job = { source, kernel: lineKernel(), columns, words, firstUnparsed };
  const isAlone = parsers === 1;
  const hash = createHash('sha256').update(header);
  const hashed = isAlone
    ? Promise.resolve(undefined)
    : runInWorker({ task: 'hash', file: source.file, to: source.size });
  const next = chunkParser(job, isAlone ? (bytes) => hash.update(bytes) : undefined);
  const others = Array.from({ length: parsers - 1 }, () => runInWorker({ task: 'parse ratings', job }));
  const everything = [parseHere(job, next, { progress, signal, label }), hashed, ...others] as const;
  try {
    const [, sha256] = await Promise.all(everything);
    const unparsed = firstUnparsed[0]!;
    const own = () => (unparsed === -1 ? hash.digest('hex') : sha256OfFile(path));
    return { rows: words[WORD.ROWS]!, firstUnparsed: unparsed, sha256: sha256 ?? (await own()) };
  } finally {
    stop(words);
    await Promise.allSettled(everything); // the file must stay open until all have stopped reading it
  }
}

let compiled: WebAssembly.Module | undefined;

/** The kernel that parses lines, compiled once per process. */
function lineKernel(): WebAssembly.Module {
  compiled ??= compileModule('data/lines.wasm');
  return compiled;
}

/** This thread's part, which also looks after progress and Ctrl-C. */
async function parseHere(
  job: Job,
  next: () => boolean,
  { progress, signal, label }: Pick<ParseOptions, 'progress' | 'signal' | 'label'>,
): Promise<void> {
  const { size, dataBegin } = job.source;
  const task = progress.start(label, Math.ceil((size - dataBegin) / CHUNK_BYTES), 'MB');
  let seen = 0;
  try {
    while (next()) {
      if (signal) throwIfAborted(signal);
      const taken = Atomics.load(job.words, WORD.NEXT_CHUNK);
      task.advance(taken - seen);
      seen = taken;
      await setImmediate(); // lets progress and signals through
    }
  } finally {
    task.finish();
  }
}

/**
 * Reads on from byte `begin`, or from the first line of data, to the end with the CSV library. Throws EncodingError for bytes
 * that are not in the content's encoding.
 */
async function readOn(
  content: Content,
  begin: number | undefined,
  { dialect, firstLine, width }: Plan,
  table: RatingTable,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { separator, isCrOnly } = dialect;
  let skip = begin === undefined ? firstLine - 1 : 0;
  const line = firstLine + table.rows;
  const take = recordTaker(content.name, line, (fields, line, endLine) => {
    if (fields.some((field) => field.includes('\0'))) throw zeroBytesError();
    checkFields(fields, width, dialect);
    if (line !== endLine)
      throw new DataError({ found: 'a line break inside a field', wanted: 'none', remedy: MEND_LINE });
    table.add(fields, line);
  });
  const stream = await content.stream(begin);
  const parser = parse({
    ...csvOptions,
    ...(isCrOnly && { record_delimiter: ['\r'] }),
    delimiter: separator,
    trim: separator === ',' || separator === ';',
    quote: separator === '::' ? null : '"',
  });
  const text = Readable.from(decodeStream(stream, content.encoding));
  text.on('error', (error) => parser.destroy(error));
  try {
    for await (const record of text.pipe(parser) as AsyncIterable<string[]>) {
      if (signal) throwIfAborted(signal);
      if (skip > 0) skip--;
      else take(withoutPadding(record, separator));
    }
  } catch (error) {
    if (signal) throwIfAborted(signal);
    throw packedError(csvError(error, content.name, line), content.name);
  } finally {
    text.destroy();
    stream.destroy();
  }
}

/** Fields without blanks around them; a record of empty fields, as spreadsheets leave at the end, is a blank line. */
function withoutPadding(record: string[], separator: string): string[] {
  const fields = record.map((field) => field.trim());
  const kept = separator === ' ' ? fields.filter((field) => field !== '') : fields;
  return kept.every((field) => field === '') ? [''] : kept;
}

function zeroBytesError(): DataError {
  return new DataError({
    found: 'bytes that are 0',
    wanted: 'text',
    remedy: 'The file is damaged, perhaps by a crash while it was written; copy or download it again.',
  });
}

function emptyColumns(rows: number): Ratings {
  return {
    users: new Int32Array(rows),
    items: new Int32Array(rows),
    values: new Float32Array(rows),
    timestamps: new Int32Array(rows),
  };
}
