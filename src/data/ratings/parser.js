/**
 * The threads' part of reading a ratings file: lines of whole numbers and one rating, without quotes or anything unusual,
 * straight from bytes into columns. Each thread takes the next chunk of the file, parses it on its own, and then, in the
 * order of the chunks, reserves rows for it, so that the columns come out in the order of the file whatever the number
 * of threads. It makes no error message: at the first line that it cannot prove right it stops, and the caller reads on
 * with the CSV library, which says what is wrong.
 *
 * Plain JavaScript, because a Worker under Node 20 cannot load a .ts file and the tests run from `src/`.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readSync } from 'node:fs';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/**
 * @typedef {object} Layout How a line looks.
 * @property {number} separator The byte between fields.
 * @property {number} separatorLength How often it stands there: 2 for "::".
 * @property {boolean} timestamps Whether a fourth field follows the rating.
 * @property {Float32Array} stars The rating written "4.5" or "4", by its tenths (45, 40); NaN off the scale.
 */

/**
 * @typedef {object} Columns Released ids, ratings and seconds; the four arrays are equally long.
 * @property {Int32Array} users
 * @property {Int32Array} items
 * @property {Float32Array} values
 * @property {Int32Array} timestamps
 */

const RETURN = 13;
const NEWLINE = 10;

/** Bytes read past the end of a chunk to finish its last line; a longer line is left to the CSV library. */
const MAX_LINE_BYTES = 256;
/** Bytes read at a time. */
export const CHUNK_BYTES = 1 << 20;
/** No line of ratings is shorter: "1,1,1\n". */
export const MIN_LINE_BYTES = 6;
/** Rows that a chunk can have. */
const CHUNK_ROWS = Math.ceil(CHUNK_BYTES / MIN_LINE_BYTES) + 1;
/** Bytes around those of a chunk: the last of the chunk before, a newline that the file lacks, what is looked at behind it. */
const SPARE_BYTES = 16;

/** Where things lie in a parser's memory, in bytes: ratings by their tenths, bytes of a chunk, and its rows by column. */
const STARS_AT = 0;
const BYTES_AT = 4 * 1000;
const COLUMNS_AT = BYTES_AT + CHUNK_BYTES + MAX_LINE_BYTES + SPARE_BYTES;
const PAGE_BYTES = 1 << 16;
const PAGES = Math.ceil((COLUMNS_AT + 4 * 4 * CHUNK_ROWS) / PAGE_BYTES);

/**
 * @typedef {object} LineParser One thread's kernel (src/data/ratings/wasm/lines.ts) and the memory that it works in.
 * @property {Uint8Array} bytes Room for a chunk.
 * @property {Columns} columns Room for its rows.
 * @property {(begin: number, end: number) => { rows: number, reached: number }} parse Parses the lines of `bytes` from
 *   `begin`, as long as they begin before `end`, into `columns`. `reached`: where the first line begins that was not taken.
 */

/**
 * @typedef {object} LineKernel
 * @property {(line: number, end: number, separator: number, separatorLength: number, timestamps: number, stars: number,
 *   columns: number, capacity: number) => number} parseLines
 * @property {() => number} firstUnparsed
 */

/**
 * @param {WebAssembly.Module} kernel
 * @param {Layout} layout
 * @returns {LineParser}
 */
function lineParser(kernel, { separator, separatorLength, timestamps, stars }) {
  const memory = new WebAssembly.Memory({ initial: PAGES });
  const instance = new WebAssembly.Instance(kernel, { env: { memory } });
  const { parseLines, firstUnparsed } = /** @type {LineKernel} */ (/** @type {unknown} */ (instance.exports));
  const { buffer } = memory;
  new Float32Array(buffer, STARS_AT, stars.length).set(stars);
  const columnAt = (/** @type {number} */ n) => COLUMNS_AT + 4 * n * CHUNK_ROWS;
  return {
    bytes: new Uint8Array(buffer, BYTES_AT, COLUMNS_AT - BYTES_AT),
    columns: {
      users: new Int32Array(buffer, columnAt(0), CHUNK_ROWS),
      items: new Int32Array(buffer, columnAt(1), CHUNK_ROWS),
      values: new Float32Array(buffer, columnAt(2), CHUNK_ROWS),
      timestamps: new Int32Array(buffer, columnAt(3), CHUNK_ROWS),
    },
    parse(begin, end) {
      const [from, to] = [BYTES_AT + begin, BYTES_AT + end];
      const withTime = Number(timestamps);
      const rows = parseLines(
        from,
        to,
        separator,
        separatorLength,
        withTime,
        STARS_AT,
        COLUMNS_AT,
        CHUNK_ROWS,
      );
      return { rows, reached: firstUnparsed() - BYTES_AT };
    },
  };
}

/**
 * @typedef {object} Source An open file and the part of it that holds lines.
 * @property {number} file Descriptor.
 * @property {number} dataBegin Where the first line begins, in bytes from the start of the file.
 * @property {number} size Of the file, in bytes.
 * @property {Layout} layout
 */

/**
 * Parses the lines that begin in [begin, end) into the parser's columns, reading no more than that and the rest of the last
 * line. Chunks are independent of each other: together they cover each line once, wherever the cuts fall.
 *
 * @param {Source} source
 * @param {number} begin In bytes from the start of the file, not before `dataBegin`.
 * @param {number} end Not behind `size`, and CHUNK_BYTES behind `begin` at most.
 * @param {LineParser} parser
 * @param {((bytes: Uint8Array) => void) | undefined} take Gets the bytes from `begin` to `end`.
 * @returns {{ rows: number, firstUnparsed: number }} The offset in the file of the first line not parsed, or -1. When the
 *   file is shorter than `size`, the offset is where it should have gone on.
 */
function parseChunk({ file, dataBegin, size }, begin, end, { bytes, parse }, take) {
  // One byte earlier, to see whether a line begins exactly at `begin`.
  const from = begin > dataBegin ? begin - 1 : begin;
  const wanted = Math.min(end + MAX_LINE_BYTES, size) - from;
  let have = 0;
  while (have < wanted) {
    const got = readSync(file, bytes, have, wanted - have, from + have);
    if (got === 0) return { rows: 0, firstUnparsed: from + have };
    have += got;
  }
  take?.(bytes.subarray(begin - from, end - from));
  let line = 0;
  if (from < begin) {
    line = bytes.subarray(0, have).indexOf(NEWLINE) + 1;
    const endless = line === 0 && from + have < size;
    if (endless || line === 0 || from + line >= end) return { rows: 0, firstUnparsed: endless ? begin : -1 };
  }
  const lastByte = bytes[have - 1];
  if (from + have === size && lastByte !== NEWLINE && lastByte !== RETURN) bytes[have++] = NEWLINE;
  const complete = bytes.subarray(0, have).lastIndexOf(NEWLINE) + 1;
  const { rows, reached } = parse(line, Math.min(end - from, complete));
  return { rows, firstUnparsed: from + reached < Math.min(end, size) ? from + reached : -1 };
}

/** Indices of the words that the threads share. */
export const WORD = {
  /** The next chunk to be taken. */
  NEXT_CHUNK: 0,
  /** The next chunk to reserve rows, or STOPPED: no chunk may reserve rows any more. */
  RESERVING: 1,
  /** Rows reserved so far. Written only by the thread of the reserving chunk. */
  ROWS: 2,
};
const STOPPED = -1;

/**
 * @typedef {object} Job What all threads of one file share.
 * @property {Source} source
 * @property {WebAssembly.Module} kernel What `compileModule` made of src/data/ratings/wasm.
 * @property {Columns} columns With room for every row of the file; in shared memory where several threads parse.
 * @property {Int32Array} words In shared memory.
 * @property {Float64Array} firstUnparsed In shared memory: the offset of the first line that was not parsed, or -1.
 */

/**
 * Returns a function that parses the next chunk and tells whether there may be more. Each thread has its own. It throws
 * what reading throws, after it has stopped the others.
 *
 * @param {Job} job
 * @param {(bytes: Uint8Array) => void} [take] Gets the bytes of each chunk: in order, where one thread parses alone.
 * @returns {() => boolean}
 */
export function chunkParser({ source, kernel, columns, words, firstUnparsed }, take) {
  const parser = lineParser(kernel, source.layout);
  const own = parser.columns;

  return () => {
    const chunk = Atomics.add(words, WORD.NEXT_CHUNK, 1);
    const begin = source.dataBegin + chunk * CHUNK_BYTES;
    if (begin >= source.size || Atomics.load(words, WORD.RESERVING) === STOPPED) return false;
    const end = Math.min(begin + CHUNK_BYTES, source.size);
    const found = orStop(words, () => parseChunk(source, begin, end, parser, take));
    if (!waitToReserve(words, chunk)) return false;
    const row = Atomics.add(words, WORD.ROWS, found.rows);
    if (found.firstUnparsed === -1) reserveNext(words, chunk);
    else {
      firstUnparsed[0] = found.firstUnparsed;
      stop(words);
    }
    columns.users.set(own.users.subarray(0, found.rows), row);
    columns.items.set(own.items.subarray(0, found.rows), row);
    columns.values.set(own.values.subarray(0, found.rows), row);
    columns.timestamps.set(own.timestamps.subarray(0, found.rows), row);
    return found.firstUnparsed === -1;
  };
}

/**
 * Lets no thread reserve rows any more: after a line that was not parsed, an error, or Ctrl-C.
 *
 * @param {Int32Array} words
 */
export function stop(words) {
  Atomics.store(words, WORD.RESERVING, STOPPED);
  Atomics.notify(words, WORD.RESERVING);
}

/**
 * @template T
 * @param {Int32Array} words
 * @param {() => T} work
 * @returns {T}
 */
function orStop(words, work) {
  try {
    return work();
  } catch (error) {
    stop(words);
    throw error;
  }
}

/**
 * Sleeps until this chunk may reserve rows. Returns false when it never will.
 *
 * @param {Int32Array} words
 * @param {number} chunk
 */
function waitToReserve(words, chunk) {
  for (;;) {
    const reserving = Atomics.load(words, WORD.RESERVING);
    if (reserving === chunk) return true;
    if (reserving === STOPPED) return false;
    Atomics.wait(words, WORD.RESERVING, reserving);
  }
}

/**
 * Lets the next chunk reserve rows, unless everything was stopped.
 *
 * @param {Int32Array} words
 * @param {number} chunk The one that has reserved its rows.
 */
function reserveNext(words, chunk) {
  Atomics.compareExchange(words, WORD.RESERVING, chunk, chunk + 1);
  Atomics.notify(words, WORD.RESERVING);
}

/**
 * @typedef {{ task: 'parse ratings', job: Job } | { task: 'hash', file: number, to: number }} Task What a worker does:
 *   it parses chunks of a file, or computes SHA-256 of an open file's first `to` bytes.
 */

/**
 * Runs a task in a worker thread and returns its answer, of 'hash' the hex digest. Rejects when it fails.
 *
 * @param {Task} task
 * @returns {Promise<string>}
 */
export async function runInWorker(task) {
  const worker = new Worker(new URL(import.meta.url), { workerData: task, execArgv: [] });
  try {
    const [message] = /** @type {[string]} */ (await once(worker, 'message'));
    return message;
  } finally {
    await worker.terminate();
  }
}

/**
 * @param {Task} task
 * @returns {string}
 */
function perform(task) {
  if (task.task === 'hash') return hashOf(task.file, task.to);
  const next = chunkParser(task.job);
  while (next());
  return 'done';
}

/**
 * @param {number} file
 * @param {number} to
 */
function hashOf(file, to) {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let at = 0, got = 0; at < to; at += got) {
    got = readSync(file, buffer, 0, Math.min(CHUNK_BYTES, to - at), at);
    if (got === 0) break;
    hash.update(buffer.subarray(0, got));
  }
  return hash.digest('hex');
}

// The body of a worker that `runInWorker` started.
const task = /** @type {Task | null} */ (workerData);
if (task?.task === 'parse ratings' || task?.task === 'hash') {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- meant for windows; a worker's port has none
  parentPort?.postMessage(perform(task));
}
