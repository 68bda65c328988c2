/** Single fields of a ratings file: ids, ratings, times. */
import type { Id } from '../dataset.ts';
import { DataError } from '../../util/errors.ts';
import { MAX_INT32, quoteField } from '../files/records.ts';

/**
 * A whole number from 0 to 2147483647, which may be written as a float ("1196.0", or "1.196000000000000000e+03" as NumPy
 * does); -1 for any other text.
 */
export function wholeNumber(text: string): number {
  const plain = digitsOnly(text);
  if (plain !== -1) return plain;
  if (!/^(\d{1,15}(\.0*)?|\d\.\d{6,}e[+-]?\d{1,2})$/i.test(text)) return -1;
  const value = Number(text);
  return Number.isInteger(value) && value <= MAX_INT32 ? value : -1;
}

/** Digits that cannot exceed an int32. */
const MAX_PLAIN_DIGITS = 9;

/** The number that up to nine digits are; -1 for any other text. A tenth of the time of a regular expression. */
function digitsOnly(text: string): number {
  if (text.length === 0 || text.length > MAX_PLAIN_DIGITS) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Whole numbers that an int32 does not hold, or that would lose a zero in front: kept as text from the first on. */
export function isLongId(text: string): boolean {
  if (text.length <= MAX_PLAIN_DIGITS && !text.startsWith('0')) return false;
  return /^(0\d+|\d{10,})$/.test(text) && (text.startsWith('0') || wholeNumber(text) === -1);
}

/** A whole number where the text is one that loses nothing, else the text. */
export function idOf(written: string): Id {
  const text = written.trim();
  const number = wholeNumber(text);
  return number === -1 || isLongId(text) ? text : number;
}

/** Numbers that are no ids, however they are kept: negative ones, fractions, "NaN". */
export function isBadId(text: string): boolean {
  return (
    text === '' ||
    /^[+-]?(\d+\.\d*[1-9]\d*|\.\d+|nan|inf(inity)?|null|none)$/i.test(text) ||
    /^-\d/.test(text)
  );
}

/** Whether a column of ids is text: by one number that is too long, or because most of the sample are no whole numbers. */
export function areTextIds(sample: readonly string[]): boolean {
  const odd = sample.filter((text) => wholeNumber(text) === -1 && !isBadId(text)).length;
  return sample.some(isLongId) || odd * 2 > sample.length;
}

/**
 * One column of ids while a file is read: whole numbers, or text by a number for each in the order of appearance. It
 * becomes text, if it was not, at the first number that is too long.
 */
export class IdColumn {
  ids: Int32Array;
  #codes: Map<string, number> | undefined;
  readonly #what: string;

  /** `ids` may hold whole numbers already, which are kept. */
  constructor(ids: Int32Array, what: string, isText: boolean) {
    this.ids = ids;
    this.#what = what;
    if (isText) this.#codes = new Map();
  }

  /** The text of each number, where the column is text. */
  get texts(): string[] | undefined {
    return this.#codes && [...this.#codes.keys()];
  }

  /** Throws DataError, without a place, for what is no id of this column. */
  set(row: number, text: string): void {
    if (isBadId(text)) throw this.#error(text);
    if (this.#codes === undefined) {
      const id = wholeNumber(text);
      if (id !== -1) {
        this.ids[row] = id;
        return;
      }
      if (!isLongId(text)) throw this.#error(text);
      this.#becomeText(row);
    }
    this.ids[row] = this.#codeOf(text);
  }

  #becomeText(rows: number): void {
    this.#codes = new Map();
    for (let row = 0; row < rows; row++) this.ids[row] = this.#codeOf(String(this.ids[row]));
  }

  #codeOf(text: string): number {
    const codes = this.#codes!;
    const code = codes.get(text) ?? codes.size;
    if (code === codes.size) codes.set(text, code);
    return code;
  }

  #error(text: string): DataError {
    return new DataError({
      found: `${this.#what} ${quoteField(text)}`,
      wanted: this.#codes ? 'an id' : `a whole number from 0 to ${MAX_INT32}`,
      ...(!this.#codes && text !== '' && { remedy: 'Ids may be text where most of them are.' }),
    });
  }
}

/** A rating as a number; `decimalComma` reads "4,5". NaN for any other text. */
export function ratingNumber(text: string, decimalComma: boolean): number {
  const plain = decimalComma ? text.replace(',', '.') : text;
  if (!/^[+-]?(\d{1,20}(\.\d{0,25})?|\.\d{1,25})(e[+-]?\d{1,3})?$/i.test(plain)) return NaN;
  const value = Math.fround(Number(plain)); // as the columns hold it
  return Number.isFinite(value) ? Number(plain) : NaN;
}

/** Whether a field can hardly be anything but a time: seconds since 1973 or a finer unit, or a date. */
export function isTimeLike(text: string): boolean {
  return (/^\d{9,20}(\.\d*)?$/.test(text) && Number(text) >= 1e8) || isDate(text);
}

const isoTime =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i;
/** As 20050216: as seconds these would be in 1970. */
const compactDate = /^((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/;

/** Whether a text is a date rather than a number of seconds. */
export function isDate(text: string): boolean {
  return isoTime.test(text) || compactDate.test(text);
}

/**
 * A time in seconds since 1970 UTC, from seconds, milliseconds, microseconds or nanoseconds (told by their size), or from ISO
 * 8601 or as 20050216, in UTC where it names no zone. -1 where it is empty or marked as unknown; NaN for any other text.
 */
export function timeSeconds(text: string): number {
  if (text === '' || /^(-1(\.0*)?|nan|nat|null|none|na|\\n)$/i.test(text)) return -1;
  const compact = compactDate.exec(text);
  if (compact !== null) return timeSeconds(compact.slice(1).join('-'));
  if (/^\d{1,20}(\.\d*)?(e\+?\d{1,2})?$/i.test(text)) {
    let value = Number(text);
    while (value >= 1e11) value /= 1000;
    return value <= MAX_INT32 ? Math.floor(value) : NaN;
  }
  const match = isoTime.exec(text);
  if (match === null) return NaN;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone = 'Z'] = match;
  const pad = (part: string) => part.padStart(2, '0');
  const offset = /^(z|utc)$/i.test(zone) ? 'Z' : zone.padEnd(5, '0').replace(/^(...):?/, '$1:');
  const iso = `${year}-${pad(month!)}-${pad(day!)}T${pad(hour)}:${minute}:${pad(second)}${offset}`;
  const milliseconds = Date.parse(iso);
  const seconds = Math.floor(milliseconds / 1000);
  return seconds >= 0 && seconds <= MAX_INT32 ? seconds : NaN;
}

/** Decimal digits that tell any two 32-bit numbers apart. */
const FLOAT32_DIGITS = 9;

/** A rating as it was written, where 32 bits were kept of it: the shortest decimal that they hold alike, -8.2 for -8.199999809265137. */
export function asWritten(rating: number): number {
  const kept = Math.fround(rating);
  for (let digits = 1; digits <= FLOAT32_DIGITS; digits++) {
    const shorter = Number(rating.toPrecision(digits));
    if (Math.fround(shorter) === kept) return shorter;
  }
  return kept;
}
