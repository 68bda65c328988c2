/** Columns of ratings while the CSV library or Parquet fills them, and what is counted on the way. */
import { DataError } from '../../util/errors.ts';
import type { Ratings } from '../dataset.ts';
import type { Content } from '../files/content.ts';
import { GET_AGAIN, LEAVE_OUT_STRICT, MEND_LINE, placeOf, quoteField } from '../files/records.ts';
import type { RatingColumns } from './file.ts';
import { isOnScale, type Plan, type RatingForm, type Scale } from './form.ts';
import { asWritten, IdColumn, ratingNumber, timeSeconds } from './values.ts';

/** Rows for which there is room at first. */
const FIRST_CAPACITY = 1 << 16;
/** No time of a rating on the web is earlier: 3 March 1973. */
const EARLIEST_SECONDS = 100_000_000;
const NEWLINE = 10;
const RETURN = 13;

export class RatingTable {
  rows: number;
  readonly #users: IdColumn;
  readonly #items: IdColumn;
  #values: Float32Array;
  #times: Int32Array;
  readonly #plan: Plan;
  readonly #form: RatingForm;
  #unknownTimes = 0;
  #oddTimes: { count: number; line: number; text: string } = { count: 0, line: 0, text: '' };

  /** `columns` hold `rows` ratings already, with whole numbers as ids. */
  constructor({ users, items, values, timestamps }: Ratings, plan: Plan, form: RatingForm, rows: number) {
    this.rows = rows;
    this.#users = new IdColumn(users, 'user id', plan.textIds.user);
    this.#items = new IdColumn(items, 'movie id', plan.textIds.item);
    this.#values = values;
    this.#times = timestamps;
    this.#plan = plan;
    this.#form = form;
  }

  /** Adds a record. Throws DataError, without a place, for an id or a rating that is none; an odd time is counted. */
  add(fields: readonly string[], line: number): void {
    const row = this.rows;
    if (row >= this.#values.length) this.#grow();
    const { order, scale, decimalComma } = this.#plan;
    this.#users.set(row, fields[order.user] ?? '');
    this.#items.set(row, fields[order.item] ?? '');
    this.#values[row] =
      order.rating === undefined ? 1 : readRating(fields[order.rating] ?? '', decimalComma, scale);
    this.#times[row] = order.time === undefined ? 0 : this.#readTime(fields[order.time] ?? '', line);
    this.rows++;
  }

  #readTime(text: string, line: number): number {
    const seconds = timeSeconds(text);
    if (seconds >= 0) return seconds;
    if (seconds === -1) {
      this.#unknownTimes++;
      return 0;
    }
    if (this.#form.strict) {
      throw new DataError({
        found: `timestamp ${quoteField(text)}`,
        wanted: 'seconds or milliseconds since 1970, or a date as 2005-02-16 00:22:38',
        remedy: LEAVE_OUT_STRICT,
      });
    }
    if (this.#oddTimes.count++ === 0) Object.assign(this.#oddTimes, { line, text });
    return 0;
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, 2 * this.#values.length);
    const grown = <T extends Int32Array | Float32Array>(column: T, larger: T): T => {
      larger.set(column);
      return larger;
    };
    this.#users.ids = grown(this.#users.ids, new Int32Array(capacity));
    this.#items.ids = grown(this.#items.ids, new Int32Array(capacity));
    this.#values = grown(this.#values, new Float32Array(capacity));
    this.#times = grown(this.#times, new Int32Array(capacity));
  }

  /** Throws DataError when there are no ratings. `lastByte` is that of a plain file. */
  finish({ name, bytes }: Content, sha256: string, lastByte: number | undefined): RatingColumns {
    if (this.rows === 0)
      throw new DataError({ place: name, found: 'no ratings', wanted: 'at least one', remedy: GET_AGAIN });
    const columns = trim(
      { users: this.#users.ids, items: this.#items.ids, values: this.#values, timestamps: this.#times },
      this.rows,
    );
    const { order, firstLine, scale, notes } = this.#plan;
    if (scale === null) refuseNotRated(columns.values, (row) => placeOf(name, firstLine + row));
    const areAllZero = order.time !== undefined && !columns.timestamps.some((time) => time !== 0);
    const withoutTime = areAllZero ? this.rows : this.#unknownTimes + this.#oddTimes.count;
    const hasTimestamps = order.time !== undefined && withoutTime < this.rows;
    const [users, items] = [this.#users.texts, this.#items.texts];
    const all = [...notes, ...this.#timeNotes(name, hasTimestamps)];
    if (lastByte !== undefined && lastByte !== NEWLINE && lastByte !== RETURN) {
      const cut = cutOffError(columns.timestamps, placeOf(name, firstLine + this.rows - 1));
      if (cut !== undefined && this.#form.strict) throw cut;
      if (cut !== undefined) all.push(cut.message);
    }
    return {
      columns,
      texts: { ...(users && { users }), ...(items && { items }) },
      firstLine,
      hasTimestamps,
      hasRatings: order.rating !== undefined,
      withoutTime,
      scale,
      notes: all,
      source: { name, sha256, bytes },
    };
  }

  #timeNotes(name: string, hasTimestamps: boolean): string[] {
    const { count, line, text } = this.#oddTimes;
    const notes: string[] = [];
    if (this.#plan.order.time === undefined) return notes;
    if (!hasTimestamps) notes.push(`${name}: no rating has a time that can be read; all times are 0.`);
    else if (this.#unknownTimes > 0) notes.push(`${name}: ${this.#unknownTimes} ratings without a time.`);
    if (count > 0) {
      const times =
        count === 1 ? 'a time that cannot be read counts' : `${count} times that cannot be read count`;
      notes.push(`${name}: ${times} as unknown, first ${quoteField(text)} on line ${line}.`);
    }
    return notes;
  }
}

/** Throws DataError, without a place. */
function readRating(text: string, decimalComma: boolean, scale: RatingColumns['scale']): number {
  const value = ratingNumber(text, decimalComma);
  if (isOnScale(value, scale)) return value;
  throw new DataError({
    found: `rating ${quoteField(text)}`,
    wanted: scale === null ? 'a number' : describeScale(scale),
    remedy: MEND_LINE,
  });
}

function describeScale({ min, max, step }: Scale): string {
  const range = `${asWritten(min)} to ${asWritten(max)}`;
  return step === 0 ? range : `${range} ${step === 1 ? 'in whole stars' : 'by halves'}`;
}

/** Jester's ratings go from -10 to 10, and 99 means that there is none: as a rating it would be the best. */
function refuseNotRated(values: Float32Array, placeOfRow: (row: number) => string): void {
  const row = values.indexOf(99);
  if (row === -1 || !values.every((value) => value === 99 || Math.abs(value) <= 10)) return;
  throw new DataError({
    place: placeOfRow(row),
    found: 'rating 99 among ratings from -10 to 10, which is how Jester marks a joke that was not rated',
    wanted: 'ratings',
    remedy: 'Delete these lines.',
  });
}

/** A file whose last line has no end and a time that has lost digits, as downloads that broke off do. */
function cutOffError(times: Int32Array, place: string): DataError | undefined {
  const last = times.at(-1)!;
  if (last === 0 || last >= EARLIEST_SECONDS || times.length < 2) return undefined;
  if (times.subarray(0, -1).some((time) => time < EARLIEST_SECONDS)) return undefined;
  return new DataError({
    place,
    found: `a last line without an end and with the time ${last}, far before all others; the file may be cut off`,
    remedy: GET_AGAIN,
  });
}

function trim({ users, items, values, timestamps }: Ratings, rows: number): Ratings {
  const cut = <T extends Int32Array | Float32Array>(column: T) => column.subarray(0, rows) as T;
  return { users: cut(users), items: cut(items), values: cut(values), timestamps: cut(timestamps) };
}
