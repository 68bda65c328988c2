/** Dividing ratings into train and test, and train again into train and validation. Every split is seeded. */
import { createHash, type Hash } from 'node:crypto';
import { endianness } from 'node:os';
import { extremes, range } from '../util/arrays.ts';
import { DataError } from '../util/errors.ts';
import type { Rng } from '../util/rng.ts';
import { toCsr, type Csr } from './csr.ts';
import type { Dataset, Id, Ids, Ratings, SplitKind } from './dataset.ts';
import { rowsAt } from './ratings/rows.ts';
import { trainingSet, type TrainingSet } from './training-set.ts';

export interface SplitOptions {
  kind: SplitKind;
  /** Share of ratings held out, 0 to 1 exclusive. Ignored by leave-last-one-out. */
  testShare: number;
}

/** Two disjoint parts of the ratings; rows keep the order that they had. */
export interface Split {
  train: Ratings;
  test: Ratings;
}

/**
 * Divides the ratings of a data set. With n ratings of a user (or of all users, for the global kinds):
 *
 * - `per-user-random`: round(share * n) of each user's ratings, at least one stays in train.
 * - `per-user-temporal`: each user's latest round(share * n), at least one stays in train.
 * - `leave-last-one-out`: the latest rating of every user who has at least two.
 * - `global-random`: round(share * n) of all ratings. A user may be left without training ratings.
 * - `global-temporal`: everything from one moment on, the moment at which share * n ratings are left; ratings of the
 *   same second stay together. Users who came later have no training ratings, movies may have none.
 *
 * Tied timestamps: where a user's last ratings share a second (415 of the 943 users of MovieLens 100K), `rng` draws
 * which of them are held out. File order or movie id would favour some movies.
 *
 * Throws DataError when a temporal split finds no timestamps, and when a part comes out empty.
 */
export function splitRatings(dataset: SplitSource, options: SplitOptions, rng: Rng): Split {
  const { kept, held } = partsOf(dataset.ratings, testMarks(dataset, options, rng));
  return { train: kept, test: held };
}

/** What is divided, and its name for errors. */
type SplitSource = Pick<Dataset, 'name' | 'ratings' | 'withoutTime'>;

/**
 * 1 for every rating that `splitRatings` puts into test, 0 for every other; throws as it does. `shuffled` may hand out what
 * `shuffledByUser` once made of the same ratings and of a generator in the same state.
 */
export function testMarks(
  dataset: SplitSource,
  options: SplitOptions,
  rng: Rng,
  shuffled?: () => RowsByUser,
): Uint8Array {
  if (isTemporal(options.kind)) requireTimestamps(dataset, options.kind);
  return heldMarks(dataset, options, rng, shuffled);
}

/**
 * Carves a validation part out of the training ratings, by the same rules as `splitRatings`. This is the only source of
 * validation data: it takes a `TrainingSet`, which holds no test rating, so hyper-parameters cannot be chosen on test.
 * Tags on validation pairs, and of temporal kinds those from the time of the validation part, are hidden from the inner
 * training set. Throws DataError as `splitRatings` does.
 */
export function carveValidation(
  train: TrainingSet,
  options: SplitOptions,
  rng: Rng,
): { train: TrainingSet; validation: Ratings } {
  const marks = testMarks({ ...train, name: 'training ratings' }, options, rng);
  const { kept, held } = partsOf(train.ratings, marks);
  return { train: trainingSet(train, kept, held, options.kind), validation: held };
}

/**
 * SHA-256 (hex) of what is in train and what is in test. For each part: the number of rows, then (user id, movie id,
 * rating) as little-endian int32, int32, float32 in ascending order of user and movie id, so the digest does not
 * depend on the order of rows in a file. An id that is text counts by the first four bytes of its own SHA-256.
 * `byUser` is train as rows, where the caller has it already.
 */
export function splitDigest(
  split: Split,
  { userIds, itemIds }: Pick<Dataset, 'userIds' | 'itemIds'>,
  byUser?: Csr,
): string {
  const asRows = ({ users, items, values }: Ratings) =>
    toCsr(users, items, values, userIds.length, itemIds.length);
  const hash = createHash('sha256');
  for (const rows of [byUser ?? asRows(split.train), asRows(split.test)]) {
    const count = new DataView(new ArrayBuffer(4));
    count.setInt32(0, rows.indices.length, true);
    hash.update(count);
    hashRows(hash, rows, numbersOf(userIds), numbersOf(itemIds));
  }
  return hash.digest('hex');
}

/** What the digest holds of an id. */
function numberOf(id: Id): number {
  return typeof id === 'number' ? id : createHash('sha256').update(id).digest().readInt32LE();
}

function numbersOf(ids: Ids): Int32Array {
  return ids instanceof Int32Array ? ids : Int32Array.from(ids, numberOf);
}

/** Ratings that are hashed at a time: 768 kB. */
const RATINGS_PER_HASH_UPDATE = 65_536;

/** Adds (user id, movie id, rating) of every entry, in order. */
function hashRows(hash: Hash, rows: Csr, userIds: Int32Array, itemIds: Int32Array): void {
  const bytes = Buffer.alloc(12 * RATINGS_PER_HASH_UPDATE);
  const ids = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const stars = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const add = (words: number) => {
    const filled = bytes.subarray(0, 4 * words);
    hash.update(endianness() === 'LE' ? filled : filled.swap32());
  };
  let at = 0;
  for (let row = 0; row < rows.rows; row++) {
    const end = rows.pointers[row + 1]!;
    for (let entry = rows.pointers[row]!; entry < end; entry++) {
      ids[at] = userIds[row]!;
      ids[at + 1] = itemIds[rows.indices[entry]!]!;
      stars[at + 2] = rows.values[entry]!;
      at += 3;
      if (at < ids.length) continue;
      add(at);
      at = 0;
    }
  }
  add(at);
}

/** 1 for every rating that is held out. Throws DataError where none is, and where all are. */
function heldMarks(
  { name, ratings }: SplitSource,
  { kind, testShare }: SplitOptions,
  rng: Rng,
  shuffled = () => shuffledByUser(ratings.users, rng),
): Uint8Array {
  const share = (n: number) => Math.round(testShare * n);
  const shareOfUser = (n: number) => Math.min(share(n), n - 1);
  const held = {
    'per-user-random': () => heldPerUser(ratings, shuffled(), shareOfUser),
    'per-user-temporal': () => heldPerUser(ratings, shuffled(), shareOfUser, true),
    'leave-last-one-out': () => heldPerUser(ratings, shuffled(), (n) => Math.min(1, n - 1), true),
    'global-random': () => heldAnywhere(ratings.users.length, share(ratings.users.length), rng),
    'global-temporal': () => heldFromMoment(ratings.timestamps, share(ratings.timestamps.length)),
  }[kind]();
  if (held.includes(0) && held.includes(1)) return held;
  throw new DataError({
    place: name,
    found: `a ${kind} split of ${ratings.users.length} ratings leaves one part empty`,
    remedy: 'Use more ratings, another kind of split, or another share.',
  });
}

/** Marks the first `count(n)` of each user's n rows, or the latest of which the first where times are tied. */
function heldPerUser(
  { users, timestamps }: Ratings,
  { pointers, rows }: RowsByUser,
  count: (n: number) => number,
  latest = false,
): Uint8Array {
  const held = new Uint8Array(users.length);
  for (let u = 0; u + 1 < pointers.length; u++) {
    const own = rows.subarray(pointers[u], pointers[u + 1]);
    if (own.length < 2) continue;
    const wanted = count(own.length);
    if (latest) markLatest(own, timestamps, wanted, held);
    else for (let n = 0; n < wanted; n++) held[own[n]!] = 1;
  }
  return held;
}

/** Marks the `wanted` latest rows; of those that share the second at which the rest is cut off, the first. */
function markLatest(rows: Int32Array, timestamps: Int32Array, wanted: number, held: Uint8Array): void {
  if (wanted === 0) return;
  const times = new Int32Array(rows.length);
  for (let n = 0; n < rows.length; n++) times[n] = timestamps[rows[n]!]!;
  const moment = wanted === 1 ? extremes(times).max : times.slice().sort()[times.length - wanted]!;
  let left = wanted;
  for (let n = 0; n < rows.length; n++) {
    if (times[n]! <= moment) continue;
    held[rows[n]!] = 1;
    left--;
  }
  for (let n = 0; left > 0; n++) {
    if (times[n] !== moment) continue;
    held[rows[n]!] = 1;
    left--;
  }
}

/** The time that `n` of the times reach, n from 1 to their number: those in its span of 2^16 seconds are sorted. */
function nthLatest(times: Int32Array, n: number): number {
  const spanOf = (time: number) => (time >> 16) + 32_768;
  const counts = new Int32Array(65_536);
  for (let row = 0; row < times.length; row++) counts[spanOf(times[row]!)]!++;
  let [span, later] = [65_535, 0];
  while (later + counts[span]! < n) later += counts[span--]!;
  const own = times.filter((time) => spanOf(time) === span).sort();
  return own[own.length - (n - later)]!;
}

function heldAnywhere(rowCount: number, wanted: number, rng: Rng): Uint8Array {
  const held = new Uint8Array(rowCount);
  const rows = new Int32Array(rowCount);
  for (let row = 0; row < rowCount; row++) rows[row] = row;
  rng.shuffle(rows);
  for (let n = 0; n < wanted; n++) held[rows[n]!] = 1;
  return held;
}

/** Marks the rows from the moment on at which `wanted` rows, or more if they share its second, are left. */
function heldFromMoment(timestamps: Int32Array, wanted: number): Uint8Array {
  const moment = wanted === 0 ? Infinity : nthLatest(timestamps, wanted);
  const held = new Uint8Array(timestamps.length);
  for (let row = 0; row < held.length; row++) held[row] = timestamps[row]! >= moment ? 1 : 0;
  return held;
}

/** Row numbers by user: those of user u from `pointers[u]` to `pointers[u + 1]`. */
interface RowsByUser {
  pointers: Int32Array;
  rows: Int32Array;
}

/** The rows of each user in an order drawn by `rng`. */
export function shuffledByUser(users: Int32Array, rng: Rng): RowsByUser {
  const { pointers, rows } = rowsByUser(users);
  for (let u = 0; u + 1 < pointers.length; u++) rng.shuffle(rows.subarray(pointers[u], pointers[u + 1]));
  return { pointers, rows };
}

/** In file order within a user, by counting. */
function rowsByUser(users: Int32Array): RowsByUser {
  let userCount = 0;
  let ascending = true;
  for (let row = 0; row < users.length; row++) {
    const user = users[row]!;
    if (user < userCount - 1) ascending = false;
    else userCount = user + 1;
  }
  const pointers = new Int32Array(userCount + 1);
  for (let row = 0; row < users.length; row++) pointers[users[row]! + 1]!++;
  for (let u = 0; u < userCount; u++) pointers[u + 1]! += pointers[u]!;
  if (ascending) return { pointers, rows: range(users.length) };
  const next = pointers.slice(0, userCount);
  const rows = new Int32Array(users.length);
  for (let row = 0; row < users.length; row++) rows[next[users[row]!]!++] = row;
  return { pointers, rows };
}

/** The rows whose mark is 0, and those whose mark is 1. */
function partsOf(ratings: Ratings, marks: Uint8Array): { kept: Ratings; held: Ratings } {
  let marked = 0;
  for (let row = 0; row < marks.length; row++) marked += marks[row]!;
  // Each row is written to both, and stays in one: marks are too irregular for a branch.
  const kept = new Int32Array(marks.length - marked + 1);
  const held = new Int32Array(marked + 1);
  for (let row = 0, k = 0, h = 0; row < marks.length; row++) {
    kept[k] = row;
    held[h] = row;
    const mark = marks[row]!;
    k += 1 - mark;
    h += mark;
  }
  return { kept: rowsAt(ratings, kept.subarray(0, -1)), held: rowsAt(ratings, held.subarray(0, -1)) };
}

/** Whether a split goes by the times of the ratings, which all of them must have then. */
export function isTemporal(kind: SplitKind): boolean {
  return kind.endsWith('temporal') || kind === 'leave-last-one-out';
}

/** Throws DataError where a rating has no time. */
function requireTimestamps({ name, ratings, withoutTime = 0 }: SplitSource, kind: SplitKind): void {
  if (withoutTime > 0) {
    throw new DataError({
      place: name,
      found: `${withoutTime} of ${ratings.users.length} ratings without a time, which a ${kind} split needs`,
      remedy: 'Delete them, or use --split per-user-random or global-random.',
    });
  }
  if (ratings.timestamps.some((time) => time !== 0)) return;
  throw new DataError({
    place: name,
    found: `no timestamps, which a ${kind} split needs`,
    remedy: 'Use --split per-user-random or global-random.',
  });
}
