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

const ZERO = 48;
const POINT = 46;
const RETURN = 13;
const NEWLINE = 10;
/** Ids of up to nine digits cannot overflow an int32; longer ones are left to the CSV library. */
const MAX_ID_DIGITS = 9;
const MAX_INT32 = 2147483647;

/**
 * The value of the four digits at `at`, or -1 where fewer stand. All four at once, as bytes of one word: each must be
 * 0x30 to 0x39; then neighbours are joined to pairs and the pairs to one number (Lemire 2018, "Quickly parsing eight
 * digits"). With it 39 million rows a second were parsed where 22 million were without.
 *
 * @param {DataView} view
 * @param {number} at
 */
function fourDigits(view, at) {
  const word = view.getInt32(at, true);
  const below = (word & 0xf0f0f0f0) ^ 0x30303030;
  const above = ((word + 0x06060606) & 0xf0f0f0f0) ^ 0x30303030;
  if ((below | above) !== 0) return -1;
  const pairs = Math.imul(word & 0x0f0f0f0f, 10 * 256 + 1) >>> 8;
  return Math.imul(pairs & 0x00ff00ff, 100 * 65536 + 1) >>> 16;
}

/**
 * The digit at `at`: 0 to 9, or any other number where none stands.
 *
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function digitAt(bytes, at) {
  return /** @type {number} */ (bytes[at]) - ZERO;
}

/**
 * The rating at `at`, one or two digits and perhaps a point and one more: its tenths times 8, plus the bytes it takes. A
 * negative number where none stands.
 *
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function tenthsAt(bytes, at) {
  let tenths = digitAt(bytes, at);
  if (!(tenths >= 0 && tenths <= 9)) return -1;
  let length = 1;
  let digit = digitAt(bytes, at + 1);
  if (digit >= 0 && digit <= 9) {
    tenths = tenths * 10 + digit;
    length = 2;
  }
  tenths *= 10;
  if (bytes[at + length] === POINT) {
    digit = digitAt(bytes, at + length + 1);
    if (!(digit >= 0 && digit <= 9)) return -1;
    tenths += digit;
    length += 2;
  }
  return (tenths << 3) | length;
}

/**
 * Parses the lines in `bytes` from `begin`, as long as they begin before `end`, into `columns` from `row` on. A newline
 * must stand at or behind `end - 1`, and SPARE_BYTES more bytes of any kind after it. Numbers of 32 bits are not read in a
 * function of their own, which would have to return where they end as well and costs a third of the speed. The loop is
 * compiled while it runs, from what has been executed: an operation that is rare at first, as for ids of four digits, or
 * that stands behind the loop would throw the compiled code away (a third of the time of a file of 1 million ratings).
 *
 * @param {Uint8Array} bytes
 * @param {number} begin
 * @param {number} end
 * @param {Layout} layout
 * @param {Columns} columns
 * @param {number} row
 * @param {Int32Array} reached Its one number becomes the place in `bytes` of the first line that was not parsed.
 * @returns {number} The row behind the last that was written.
 */
function parseLines(bytes, begin, end, layout, columns, row, reached) {
  const { separator, separatorLength, timestamps, stars } = layout;
  const { users, items, values, timestamps: times } = columns;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let line = begin;
  while (line < end) {
    let at = line;
    let digit = 0;

    let user = fourDigits(view, at);
    at += user === -1 ? 0 : 4;
    if (user === -1) user = 0;
    for (; (digit = digitAt(bytes, at)) >= 0 && digit <= 9; at++) user = (user * 10 + digit) | 0;
    if (at === line || at - line > MAX_ID_DIGITS || bytes[at++] !== separator) break;
    if (separatorLength === 2 && bytes[at++] !== separator) break;

    let from = at;
    let item = fourDigits(view, at);
    at += item === -1 ? 0 : 4;
    if (item === -1) item = 0;
    for (; (digit = digitAt(bytes, at)) >= 0 && digit <= 9; at++) item = (item * 10 + digit) | 0;
    if (at === from || at - from > MAX_ID_DIGITS || bytes[at++] !== separator) break;
    if (separatorLength === 2 && bytes[at++] !== separator) break;

    const rating = tenthsAt(bytes, at);
    const value = /** @type {number} */ (stars[rating >> 3]);
    if (!(value >= 0)) break;
    at += rating & 7;

    let time = 0;
    if (timestamps) {
      if (bytes[at++] !== separator) break;
      if (separatorLength === 2 && bytes[at++] !== separator) break;
      from = at;
      time = fourDigits(view, at);
      if (time === -1) time = 0;
      else {
        at += 4;
        const next = fourDigits(view, at);
        if (next !== -1) {
          time = time * 10_000 + next;
          at += 4;
        }
      }
      for (; (digit = digitAt(bytes, at)) >= 0 && digit <= 9; at++) time = time * 10 + digit;
      if (at === from || at - from > 10 || time > MAX_INT32) break;
    }
    if (bytes[at] === RETURN) at++;
    if (bytes[at] !== NEWLINE) break;
    line = at + 1;
    reached[0] = line;
    users[row] = user;
    items[row] = item;
    values[row] = value;
    times[row] = time;
    row++;
  }
  return row;
}

/** Bytes that may be looked at, though not used, behind the last newline. */
const SPARE_BYTES = 8;

/** Bytes read past the end of a chunk to finish its last line; a longer line is left to the CSV library. */
const MAX_LINE_BYTES = 256;

/**
 * @typedef {object} Source An open file and the part of it that holds lines.
 * @property {number} file Descriptor.
 * @property {number} dataBegin Where the first line begins, in bytes from the start of the file.
 * @property {number} size Of the file, in bytes.
 * @property {Layout} layout
 */

/**
 * Parses the lines that begin in [begin, end) into `columns` from `row` on, reading no more than that and the rest of the
 * last line. Chunks are independent of each other: together they cover each line once, wherever the cuts fall.
 *
 * @param {Source} source
 * @param {number} begin In bytes from the start of the file, not before `dataBegin`.
 * @param {number} end Not behind `size`.
 * @param {Uint8Array} buffer Of `end - begin + MAX_LINE_BYTES + 2 + SPARE_BYTES` bytes.
 * @param {Columns} columns
 * @param {number} row
 * @returns {{ rows: number, firstUnparsed: number }} The offset in the file of the first line not parsed, or -1. When the
 *   file is shorter than `size`, the offset is where it should have gone on.
 */
function parseChunk({ file, dataBegin, size, layout }, begin, end, buffer, columns, row) {
  // One byte earlier, to see whether a line begins exactly at `begin`.
  const from = begin > dataBegin ? begin - 1 : begin;
  const wanted = Math.min(end + MAX_LINE_BYTES, size) - from;
  let have = 0;
  while (have < wanted) {
    const got = readSync(file, buffer, have, wanted - have, from + have);
    if (got === 0) return { rows: 0, firstUnparsed: from + have };
    have += got;
  }
  let line = 0;
  if (from < begin) {
    line = buffer.subarray(0, have).indexOf(NEWLINE) + 1;
    const endless = line === 0 && from + have < size;
    if (endless || line === 0 || from + line >= end) return { rows: 0, firstUnparsed: endless ? begin : -1 };
  }
  const lastByte = buffer[have - 1];
  if (from + have === size && lastByte !== NEWLINE && lastByte !== RETURN) buffer[have++] = NEWLINE;
  const complete = buffer.subarray(0, have).lastIndexOf(NEWLINE) + 1;
  const reached = Int32Array.of(line);
  const last = Math.min(end - from, complete);
  const rows = parseLines(buffer, line, last, layout, columns, row, reached) - row;
  const offset = reached[0] ?? line;
  return { rows, firstUnparsed: from + offset < Math.min(end, size) ? from + offset : -1 };
}

/** Bytes read at a time. */
export const CHUNK_BYTES = 1 << 20;
/** No line of ratings is shorter: "1,1,1\n". */
export const MIN_LINE_BYTES = 6;

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
 * @property {Columns} columns In shared memory, with room for every row of the file.
 * @property {boolean} isShared Whether other threads parse as well. One alone parses straight into the columns.
 * @property {Int32Array} words In shared memory.
 * @property {Float64Array} firstUnparsed In shared memory: the offset of the first line that was not parsed, or -1.
 */

/**
 * Returns a function that parses the next chunk and tells whether there may be more. Each thread has its own. It throws
 * what reading throws, after it has stopped the others.
 *
 * @param {Job} job
 * @returns {() => boolean}
 */
export function chunkParser({ source, columns, isShared, words, firstUnparsed }) {
  const buffer = new Uint8Array(CHUNK_BYTES + MAX_LINE_BYTES + 2 + SPARE_BYTES);
  const own = isShared ? columnsOfChunk() : columns;

  return () => {
    const chunk = Atomics.add(words, WORD.NEXT_CHUNK, 1);
    const begin = source.dataBegin + chunk * CHUNK_BYTES;
    if (begin >= source.size || Atomics.load(words, WORD.RESERVING) === STOPPED) return false;
    const end = Math.min(begin + CHUNK_BYTES, source.size);
    const at = isShared ? 0 : Atomics.load(words, WORD.ROWS);
    const found = orStop(words, () => parseChunk(source, begin, end, buffer, own, at));
    if (!waitToReserve(words, chunk)) return false;
    const row = Atomics.add(words, WORD.ROWS, found.rows);
    if (found.firstUnparsed === -1) reserveNext(words, chunk);
    else {
      firstUnparsed[0] = found.firstUnparsed;
      stop(words);
    }
    if (isShared) {
      columns.users.set(own.users.subarray(0, found.rows), row);
      columns.items.set(own.items.subarray(0, found.rows), row);
      columns.values.set(own.values.subarray(0, found.rows), row);
      columns.timestamps.set(own.timestamps.subarray(0, found.rows), row);
    }
    return found.firstUnparsed === -1;
  };
}

/** @returns {Columns} Room for every row of a chunk. */
function columnsOfChunk() {
  const capacity = Math.ceil(CHUNK_BYTES / MIN_LINE_BYTES) + 1;
  return {
    users: new Int32Array(capacity),
    items: new Int32Array(capacity),
    values: new Float32Array(capacity),
    timestamps: new Int32Array(capacity),
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
