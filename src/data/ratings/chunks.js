/**
 * How threads share the parsing of one file: each takes the next chunk, parses it on its own, and then, in the order of
 * the chunks, claims rows for it. So the columns come out in the order of the file whatever the number of threads.
 * Plain JavaScript, because the worker loads it from `src/` under the tests as well as from `dist/`.
 */
import { chunkBuffer, parseChunk } from './bytes.js';

/** Bytes read at a time. */
export const CHUNK = 1 << 20;
/** No line of ratings is shorter: "1,1,1\n". */
export const SHORTEST_LINE = 6;

/** Indices of the words that the threads share. */
export const WORD = {
  /** The next chunk that nobody has taken. */
  NEXT: 0,
  /** The chunk whose turn it is to claim rows, or STOPPED: no chunk may claim rows any more. */
  TURN: 1,
  /** Rows claimed so far. Written only by the thread whose turn it is. */
  ROWS: 2,
};
const STOPPED = -1;

/**
 * @typedef {object} Job What all threads of one file share.
 * @property {import('./bytes.js').Source} source
 * @property {import('./bytes.js').Columns} columns In shared memory, with room for every row of the file.
 * @property {Int32Array} words In shared memory.
 * @property {Float64Array} surprise In shared memory: the offset of the first line that was not parsed, or -1.
 */

/**
 * Returns a function that parses the next chunk and tells whether there may be more. Each thread has its own. It throws
 * what reading throws, after it has stopped the others.
 *
 * @param {Job} job
 * @returns {() => boolean}
 */
export function chunkParser({ source, columns, words, surprise }) {
  const buffer = chunkBuffer(CHUNK);
  const capacity = Math.ceil(CHUNK / SHORTEST_LINE) + 1;
  const own = {
    users: new Int32Array(capacity),
    items: new Int32Array(capacity),
    values: new Float32Array(capacity),
    timestamps: new Int32Array(capacity),
  };

  return () => {
    const chunk = Atomics.add(words, WORD.NEXT, 1);
    const begin = source.dataBegin + chunk * CHUNK;
    if (begin >= source.size || Atomics.load(words, WORD.TURN) === STOPPED) return false;
    const end = Math.min(begin + CHUNK, source.size);
    const found = orStop(words, () => parseChunk(source, begin, end, buffer, own));
    if (!awaitTurn(words, chunk)) return false;
    const row = Atomics.add(words, WORD.ROWS, found.rows);
    if (found.surprise === -1) passTurn(words, chunk);
    else {
      surprise[0] = found.surprise;
      stop(words);
    }
    columns.users.set(own.users.subarray(0, found.rows), row);
    columns.items.set(own.items.subarray(0, found.rows), row);
    columns.values.set(own.values.subarray(0, found.rows), row);
    columns.timestamps.set(own.timestamps.subarray(0, found.rows), row);
    return found.surprise === -1;
  };
}

/**
 * Lets no thread claim rows any more: after a surprise, an error, or Ctrl-C.
 *
 * @param {Int32Array} words
 */
export function stop(words) {
  Atomics.store(words, WORD.TURN, STOPPED);
  Atomics.notify(words, WORD.TURN);
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
 * Sleeps until it is this chunk's turn. Returns false when there will be none.
 *
 * @param {Int32Array} words
 * @param {number} chunk
 */
function awaitTurn(words, chunk) {
  for (;;) {
    const turn = Atomics.load(words, WORD.TURN);
    if (turn === chunk) return true;
    if (turn === STOPPED) return false;
    Atomics.wait(words, WORD.TURN, turn);
  }
}

/**
 * @param {Int32Array} words
 * @param {number} chunk Whose turn it is, unless somebody has stopped everything.
 */
function passTurn(words, chunk) {
  Atomics.compareExchange(words, WORD.TURN, chunk, chunk + 1);
  Atomics.notify(words, WORD.TURN);
}
