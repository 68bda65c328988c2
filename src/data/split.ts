/** Dividing ratings into train and test, and train again into train and validation. Every split is seeded. */
import { createHash } from 'node:crypto';
import { DataError } from '../util/errors.ts';
import type { Rng } from '../util/rng.ts';
import { toCsr } from './csr.ts';
import type { Dataset, Id, Ratings } from './dataset.ts';
import { trainingSet, type TrainingSet } from './training-set.ts';

/** The kinds of split that are drawn here; files that hold one already are read by predefined.ts. */
export const splitKinds = [
  'per-user-random',
  'global-random',
  'per-user-temporal',
  'global-temporal',
  'leave-last-one-out',
] as const;
export type SplitKind = (typeof splitKinds)[number];

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
export function splitRatings(
  dataset: Pick<Dataset, 'name' | 'ratings' | 'withoutTime'>,
  options: SplitOptions,
  rng: Rng,
): Split {
  const { ratings, name, withoutTime } = dataset;
  if (withoutTime && isTemporal(options.kind)) {
    throw new DataError({
      place: name,
      found: `${withoutTime} of ${ratings.users.length} ratings without a time, which a ${options.kind} split needs`,
      remedy: 'Delete them, or use --split per-user-random or global-random.',
    });
  }
  const { kept, held } = divide(ratings, options, rng, name);
  return { train: kept, test: held };
}

/**
 * Carves a validation part out of the training ratings, by the same rules as `splitRatings`. This is the only source of
 * validation data: it takes a `TrainingSet`, which holds no test rating, so hyper-parameters cannot be chosen on test.
 * Tags on validation pairs are hidden from the inner training set. Throws DataError as `splitRatings` does.
 */
export function carveValidation(
  train: TrainingSet,
  options: SplitOptions,
  rng: Rng,
): { train: TrainingSet; validation: Ratings } {
  const { kept, held } = divide(train.ratings, options, rng, 'training ratings');
  return { train: trainingSet(train, kept, held), validation: held };
}

/**
 * SHA-256 (hex) of what is in train and what is in test. For each part: the number of rows, then (user id, movie id,
 * rating) as little-endian int32, int32, float32 in ascending order of user and movie id, so the digest does not
 * depend on the order of rows in a file. An id that is text counts by the first four bytes of its own SHA-256.
 */
export function splitDigest(split: Split, dataset: Pick<Dataset, 'userIds' | 'itemIds'>): string {
  const hash = createHash('sha256');
  const { userIds, itemIds } = dataset;
  for (const part of [split.train, split.test]) {
    const rows = toCsr(part.users, part.items, part.values, userIds.length, itemIds.length);
    const count = new DataView(new ArrayBuffer(4));
    count.setInt32(0, part.users.length, true);
    hash.update(count);
    for (let u = 0; u < rows.rows; u++) {
      const from = rows.pointers[u]!;
      const to = rows.pointers[u + 1]!;
      if (from === to) continue;
      const bytes = new DataView(new ArrayBuffer(12 * (to - from)));
      for (let e = from, at = 0; e < to; e++, at += 12) {
        bytes.setInt32(at, numberOf(userIds[u]!), true);
        bytes.setInt32(at + 4, numberOf(itemIds[rows.indices[e]!]!), true);
        bytes.setFloat32(at + 8, rows.values[e]!, true);
      }
      hash.update(bytes);
    }
  }
  return hash.digest('hex');
}

/** What the digest holds of an id. */
function numberOf(id: Id): number {
  return typeof id === 'number' ? id : createHash('sha256').update(id).digest().readInt32LE();
}

function divide(
  ratings: Ratings,
  { kind, testShare }: SplitOptions,
  rng: Rng,
  source: string,
): { kept: Ratings; held: Ratings } {
  if (isTemporal(kind)) requireTimestamps(ratings, kind, source);
  const share = (n: number) => Math.round(testShare * n);
  const shareOfUser = (n: number) => Math.min(share(n), n - 1);
  const held = {
    'per-user-random': () => heldPerUser(ratings, shareOfUser, false, rng),
    'per-user-temporal': () => heldPerUser(ratings, shareOfUser, true, rng),
    'leave-last-one-out': () => heldPerUser(ratings, (n) => Math.min(1, n - 1), true, rng),
    'global-random': () => heldAnywhere(ratings.users.length, share(ratings.users.length), rng),
    'global-temporal': () => heldFromMoment(ratings.timestamps, share(ratings.timestamps.length)),
  }[kind]();
  const parts = { kept: rowsWhere(ratings, held, 0), held: rowsWhere(ratings, held, 1) };
  if (parts.kept.users.length === 0 || parts.held.users.length === 0) {
    throw new DataError({
      place: source,
      found: `a ${kind} split of ${ratings.users.length} ratings leaves one part empty`,
      remedy: 'Use more ratings, another kind of split, or another share.',
    });
  }
  return parts;
}

/** Marks `count(n)` of each user's n rows: drawn at random, or the latest with ties drawn. One byte per row. */
function heldPerUser(ratings: Ratings, count: (n: number) => number, latest: boolean, rng: Rng): Uint8Array {
  const { users, timestamps } = ratings;
  const held = new Uint8Array(users.length);
  const { pointers, rows } = rowsByUser(users);
  for (let u = 0; u + 1 < pointers.length; u++) {
    const own = rows.subarray(pointers[u], pointers[u + 1]);
    if (own.length < 2) continue;
    const wanted = count(own.length);
    rng.shuffle(own);
    if (latest) own.sort((a, b) => timestamps[b]! - timestamps[a]!); // stable: ties stay as drawn
    for (let n = 0; n < wanted; n++) held[own[n]!] = 1;
  }
  return held;
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
  const moment = timestamps.slice().sort()[timestamps.length - wanted] ?? Infinity;
  const held = new Uint8Array(timestamps.length);
  for (let row = 0; row < held.length; row++) held[row] = timestamps[row]! >= moment ? 1 : 0;
  return held;
}

/** Row numbers grouped by user, in file order within a user, by counting. */
function rowsByUser(users: Int32Array): { pointers: Int32Array; rows: Int32Array } {
  let userCount = 0;
  for (const user of users) if (user >= userCount) userCount = user + 1;
  const pointers = new Int32Array(userCount + 1);
  for (const user of users) pointers[user + 1]!++;
  for (let u = 0; u < userCount; u++) pointers[u + 1]! += pointers[u]!;
  const next = pointers.slice(0, userCount);
  const rows = new Int32Array(users.length);
  for (let row = 0; row < users.length; row++) rows[next[users[row]!]!++] = row;
  return { pointers, rows };
}

function rowsWhere(ratings: Ratings, marks: Uint8Array, mark: 0 | 1): Ratings {
  let count = 0;
  for (const own of marks) if (own === mark) count++;
  const part: Ratings = {
    users: new Int32Array(count),
    items: new Int32Array(count),
    values: new Float32Array(count),
    timestamps: new Int32Array(count),
    ...(ratings.negative && { negative: ratings.negative }),
  };
  for (let row = 0, at = 0; row < marks.length; row++) {
    if (marks[row] !== mark) continue;
    part.users[at] = ratings.users[row]!;
    part.items[at] = ratings.items[row]!;
    part.values[at] = ratings.values[row]!;
    part.timestamps[at] = ratings.timestamps[row]!;
    at++;
  }
  return part;
}

function isTemporal(kind: SplitKind): boolean {
  return kind.endsWith('temporal') || kind === 'leave-last-one-out';
}

function requireTimestamps(ratings: Ratings, kind: SplitKind, source: string): void {
  if (ratings.timestamps.some((time) => time !== 0)) return;
  throw new DataError({
    place: source,
    found: `no timestamps, which a ${kind} split needs`,
    remedy: 'Use --split per-user-random or global-random.',
  });
}
