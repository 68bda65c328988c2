/**
 * Users who are held out of training (strong generalization, Marlin 2003; Liang et al. 2018): the model never sees them, is
 * told a part of their ratings afterwards, and is to find the rest.
 */
import { toCsr, type Csr } from '../../data/csr.ts';
import type { Dataset, Ids, Ratings, Tags } from '../../data/dataset.ts';
import { concatenate, countWithoutTime, rowsAt } from '../../data/ratings/rows.ts';
import { splitRatings, type Split, type SplitOptions } from '../../data/split.ts';
import { trainingSet, type TrainingSet } from '../../data/training-set.ts';
import { countsOf, range } from '../../util/arrays.ts';
import { DataError } from '../../util/errors.ts';
import type { Rng } from '../../util/rng.ts';

/** What is needed of a data set, or of a training set that is divided again. */
export type Divisible = Pick<
  Dataset,
  'name' | 'userIds' | 'itemIds' | 'movies' | 'tags' | 'scale' | 'ratings' | 'withoutTime'
>;

export interface HeldOut {
  /** Of the other users alone, indexed among themselves. */
  train: TrainingSet;
  /** users x items of the whole, stars: what the model is told of the users held out; other rows are empty. */
  histories: Csr;
  /** In indices of the whole: train and histories; what is to be found. */
  split: Split;
}

/**
 * Draws `tested` users and `unused` further ones, neither of whom is in training. The ratings of those tested are divided by
 * `options`, within what the other users rated. Throws DataError when no user is left to train on, and what the split throws.
 */
export function holdOutUsers(
  whole: Divisible,
  options: SplitOptions,
  { tested, unused }: { tested: number; unused: number },
  rng: Rng,
): HeldOut {
  const { userIds, itemIds, ratings } = whole;
  const counts = countsOf(ratings.users, userIds.length);
  const order = range(userIds.length).filter((user) => counts[user]! > 0);
  if (tested + unused >= order.length) {
    throw new DataError({
      place: whole.name,
      found: `${order.length} users`,
      wanted: `more than the ${tested + unused} that are held out`,
      remedy: 'Hold out fewer users.',
    });
  }
  rng.derive('users').shuffle(order);
  const isTested = flags(userIds.length, order.subarray(0, tested));
  const isLeftOut = flags(userIds.length, order.subarray(0, tested + unused));
  const others = rowsOf(ratings, (row) => isLeftOut[ratings.users[row]!] === 0);
  const known = countsOf(others.items, itemIds.length);
  const own = rowsOf(
    ratings,
    (row) => isTested[ratings.users[row]!] === 1 && known[ratings.items[row]!]! > 0,
  );
  const divided = { name: whole.name, ratings: own, withoutTime: countWithoutTime(own, whole) };
  const { train: told, test } = splitRatings(divided, options, rng);
  const { train, starUnit } = trainOf(whole, others, isLeftOut);
  const stars = starUnit === 1 ? told.values : told.values.map((value) => value / starUnit);
  return {
    train,
    histories: toCsr(told.users, told.items, stars, userIds.length, itemIds.length),
    split: { train: concatenate(others, told), test },
  };
}

function trainOf(whole: Divisible, others: Ratings, isLeftOut: Uint8Array) {
  const { train } = withoutUsers(
    { dataset: whole, split: { train: others, test: rowsOf(others, () => false) } },
    (user) => isLeftOut[user] === 1,
  );
  return { train, starUnit: train.starUnit };
}

/** 1 at each of `users`. */
function flags(length: number, users: Int32Array): Uint8Array {
  const marks = new Uint8Array(length);
  for (const user of users) marks[user] = 1;
  return marks;
}

/**
 * The training set of the users that are not held out, as if the others had never been. `indexOfKept` has the index there of
 * each user, -1 for those held out.
 */
export function withoutUsers(
  { dataset, split }: { dataset: Omit<Divisible, 'name' | 'ratings'>; split: Split },
  isHeldOut: (user: number) => boolean,
): { train: TrainingSet; indexOfKept: Int32Array } {
  const kept = range(dataset.userIds.length).filter((user) => !isHeldOut(user));
  const indexOfKept = new Int32Array(dataset.userIds.length).fill(-1);
  kept.forEach((user, index) => (indexOfKept[user] = index));
  const rest = {
    userIds: idsOf(dataset.userIds, kept),
    itemIds: dataset.itemIds,
    movies: dataset.movies,
    scale: dataset.scale,
    ...(dataset.withoutTime !== undefined && { withoutTime: dataset.withoutTime }),
    ...(dataset.tags && { tags: tagsOf(dataset.tags, indexOfKept) }),
  };
  const train = trainingSet(rest, moved(split.train, indexOfKept), moved(split.test, indexOfKept));
  return { train, indexOfKept };
}

function idsOf(ids: Ids, users: Int32Array): Ids {
  return ids instanceof Int32Array
    ? users.map((user) => ids[user]!)
    : Array.from(users, (user) => ids[user]!);
}

/** The ratings of users who have a place, under it. */
function moved(ratings: Ratings, indexOfKept: Int32Array): Ratings {
  const kept = rowsOf(ratings, (row) => indexOfKept[ratings.users[row]!]! >= 0);
  return { ...kept, users: kept.users.map((user) => indexOfKept[user]!) };
}

function tagsOf(tags: Tags, indexOfKept: Int32Array): Tags {
  const kept = range(tags.users.length).filter((n) => indexOfKept[tags.users[n]!]! >= 0);
  return {
    users: kept.map((n) => indexOfKept[tags.users[n]!]!),
    items: kept.map((n) => tags.items[n]!),
    texts: Array.from(kept, (n) => tags.texts[n]!),
    timestamps: kept.map((n) => tags.timestamps[n]!),
  };
}

/** The rows that are kept, in their order. */
export function rowsOf(ratings: Ratings, isKept: (row: number) => boolean): Ratings {
  return rowsAt(ratings, range(ratings.users.length).filter(isKept));
}
