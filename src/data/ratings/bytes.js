/**
 * The byte parser of ratings files: lines of whole numbers and one rating, without quotes or surprises, straight from
 * bytes into columns. It makes no error message: at the first line it cannot prove right it stops, and the caller reads
 * on with the CSV library, which says what is wrong. Plain JavaScript because it also runs inside worker threads, from
 * `src/` as from `dist/`.
 */
import { readSync } from 'node:fs';

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
/** Ids of up to nine digits cannot overflow an int32; longer ones are a surprise. */
const ID_DIGITS = 9;
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
 * Parses the lines in `bytes` from `begin`, as long as they begin before `end`, into `columns` from `row` on. A newline
 * must stand at or behind `end - 1`, and SPARE more bytes of any kind after it. One function, since calls for single fields
 * cost a third of the speed.
 *
 * @param {Uint8Array} bytes
 * @param {number} begin
 * @param {number} end
 * @param {Layout} layout
 * @param {Columns} columns
 * @param {number} row
 * @returns {{ rows: number, offset: number }} How many lines were parsed, and where the first that was not begins.
 */
export function parseLines(bytes, begin, end, layout, columns, row) {
  const { separator, separatorLength, timestamps, stars } = layout;
  const { users, items, values, timestamps: times } = columns;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = row;
  let line = begin;
  while (line < end) {
    let at = line;
    let digit = 0;

    let user = fourDigits(view, at);
    if (user === -1) user = 0;
    else at += 4;
    while ((digit = digitAt(bytes, at)) >= 0 && digit <= 9) {
      user = (user * 10 + digit) | 0;
      at++;
    }
    let digits = at - line;
    if (digits === 0 || digits > ID_DIGITS || bytes[at++] !== separator) break;
    if (separatorLength === 2 && bytes[at++] !== separator) break;

    let field = at;
    let item = fourDigits(view, at);
    if (item === -1) item = 0;
    else at += 4;
    while ((digit = digitAt(bytes, at)) >= 0 && digit <= 9) {
      item = (item * 10 + digit) | 0;
      at++;
    }
    digits = at - field;
    if (digits === 0 || digits > ID_DIGITS || bytes[at++] !== separator) break;
    if (separatorLength === 2 && bytes[at++] !== separator) break;

    // One or two digits, perhaps a point and one more.
    let tenths = digitAt(bytes, at++);
    if (!(tenths >= 0 && tenths <= 9)) break;
    if ((digit = digitAt(bytes, at)) >= 0 && digit <= 9) {
      tenths = tenths * 10 + digit;
      at++;
    }
    tenths *= 10;
    if (bytes[at] === POINT) {
      digit = digitAt(bytes, at + 1);
      if (!(digit >= 0 && digit <= 9)) break;
      tenths += digit;
      at += 2;
    }
    const value = /** @type {number} */ (stars[tenths]);
    if (!(value >= 0)) break;

    let time = 0;
    if (timestamps) {
      if (bytes[at++] !== separator) break;
      if (separatorLength === 2 && bytes[at++] !== separator) break;
      field = at;
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
      while ((digit = digitAt(bytes, at)) >= 0 && digit <= 9) {
        time = time * 10 + digit;
        at++;
      }
      digits = at - field;
      if (digits === 0 || digits > 10 || time > MAX_INT32) break;
    }

    if (bytes[at] === RETURN) at++;
    if (bytes[at] !== NEWLINE) break;
    line = at + 1;
    users[row] = user;
    items[row] = item;
    values[row] = value;
    times[row] = time;
    row++;
  }
  return { rows: row - first, offset: line };
}

/** Bytes that may be looked at, though not used, behind the last newline. */
const SPARE = 8;

/** Bytes read past the end of a chunk to finish its last line; a longer line is a surprise. */
const LINE_BYTES = 256;

/**
 * @typedef {object} Source An open file and the part of it that holds lines.
 * @property {number} file Descriptor.
 * @property {number} dataBegin Where the first line begins, in bytes from the start of the file.
 * @property {number} size Of the file, in bytes.
 * @property {Layout} layout
 */

/**
 * A buffer for `parseChunk`.
 *
 * @param {number} chunkBytes
 */
export function chunkBuffer(chunkBytes) {
  return new Uint8Array(chunkBytes + LINE_BYTES + 2 + SPARE);
}

/**
 * Parses the lines that begin in [begin, end) into `columns` from row 0, reading no more than that and the rest of the
 * last line. Chunks are independent of each other: together they cover each line once, wherever the cuts fall.
 *
 * @param {Source} source
 * @param {number} begin In bytes from the start of the file, not before `dataBegin`.
 * @param {number} end Not behind `size`.
 * @param {Uint8Array} buffer Of `chunkBuffer(end - begin)`.
 * @param {Columns} columns
 * @returns {{ rows: number, surprise: number }} The offset in the file of the first line not parsed, or -1. When the
 *   surprise is that the file is shorter than `size`, the offset is where it should have gone on.
 */
export function parseChunk({ file, dataBegin, size, layout }, begin, end, buffer, columns) {
  // One byte earlier, to see whether a line begins exactly at `begin`.
  const from = begin > dataBegin ? begin - 1 : begin;
  const wanted = Math.min(end + LINE_BYTES, size) - from;
  let have = 0;
  while (have < wanted) {
    const got = readSync(file, buffer, have, wanted - have, from + have);
    if (got === 0) return { rows: 0, surprise: from + have };
    have += got;
  }
  let line = 0;
  if (from < begin) {
    line = buffer.subarray(0, have).indexOf(NEWLINE) + 1;
    const endless = line === 0 && from + have < size;
    if (endless || line === 0 || from + line >= end) return { rows: 0, surprise: endless ? begin : -1 };
  }
  const last = buffer[have - 1];
  if (from + have === size && last !== NEWLINE && last !== RETURN) buffer[have++] = NEWLINE;
  const complete = buffer.subarray(0, have).lastIndexOf(NEWLINE) + 1;
  const { rows, offset } = parseLines(buffer, line, Math.min(end - from, complete), layout, columns, 0);
  return { rows, surprise: from + offset < Math.min(end, size) ? from + offset : -1 };
}
