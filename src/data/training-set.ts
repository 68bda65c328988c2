/** What a model may see: the training ratings and what is known of the movies. Never a test rating. */
import { countsOf, range } from '../util/arrays.ts';
import { toCsr, type Csr } from './csr.ts';
import type { Dataset, Ids, Movies, Ratings, SplitKind, Tags } from './dataset.ts';
import { REFERENCE_STARS } from './rating-levels.ts';
import { countWithoutTime } from './ratings/rows.ts';

export interface TrainingSet {
  userCount: number;
  itemCount: number;
  /** Released ids, for prompts and error messages. */
  userIds: Ids;
  itemIds: Ids;
  /** Values are stars, see `starUnit`. */
  ratings: Ratings;
  /**
   * Of the data's own rating units, how many are one star. Models get every scale as MovieLens', whose highest rating is 5
   * stars, so that options which count in stars mean the same on any scale: 1 on MovieLens, 20 on percentages.
   */
  starUnit: number;
  /** users x items, values are stars. */
  byUser: Csr;
  /** Training ratings of each item. */
  ratingCounts: Int32Array;
  /** Items with at least one training rating, ascending: the only candidates for recommendation. */
  catalogue: Int32Array;
  movies: Movies;
  /**
   * Without the tags a user gave to a movie that is in that user's test set: they would give the answer away. Nor are
   * there, of a temporal split, those that come from the time of the test part, see `trainingSet`.
   */
  tags?: Tags;
  /** Training ratings whose time is unknown, while others of the data have one. */
  withoutTime: number;
  /** In stars. */
  scale: Dataset['scale'];
}

/** Where nothing is held out. */
const NOTHING_HIDDEN = { users: new Int32Array(), items: new Int32Array(), timestamps: new Int32Array() };

/** Held-out ratings, without their values. */
type Hidden = Pick<Ratings, 'users' | 'items' | 'timestamps'>;

/**
 * The training side of a split, or all ratings. `hidden` lists the held-out ratings, whose values are not read: tags on
 * its (user, item) pairs are dropped. `kind` is the split that held them out, undefined where that is not known. Where it
 * is temporal, tags are divided as it divides ratings, and only earlier ones are kept:
 *
 * - `global-temporal`: those from before its moment, of all users;
 * - `per-user-temporal`, `leave-last-one-out`: those that a user gave before the first held-out rating of that user.
 *
 * A tag without a time may come from later, and is dropped where there is such a moment.
 */
export function trainingSet(
  dataset: Pick<Dataset, 'userIds' | 'itemIds' | 'movies' | 'tags' | 'scale' | 'withoutTime'>,
  train: Ratings,
  hidden: Hidden = NOTHING_HIDDEN,
  kind?: SplitKind,
): TrainingSet {
  const userCount = dataset.userIds.length;
  const itemCount = dataset.itemIds.length;
  const starUnit = starUnitOf(train.values, dataset.scale);
  const values = starUnit === 1 ? train.values : train.values.map((value) => value / starUnit);
  const byUser = toCsr(train.users, train.items, values, userCount, itemCount);
  const ratingCounts = countsOf(train.items, itemCount);
  return {
    userCount,
    itemCount,
    userIds: dataset.userIds,
    itemIds: dataset.itemIds,
    ratings: { ...train, values },
    starUnit,
    byUser,
    ratingCounts,
    catalogue: range(itemCount).filter((item) => ratingCounts[item]! > 0),
    movies: dataset.movies,
    ...(dataset.tags && { tags: shownTags(dataset, dataset.tags, hidden, kind) }),
    withoutTime: countWithoutTime(train, dataset),
    scale: inStars(dataset.scale, starUnit),
  };
}

/** Stars of the highest rating. */
export const MAX_STARS = 5;

/**
 * The highest rating of the scale counts as 5 stars. Where all training ratings are equal they say nothing but that
 * there is a rating, and count as `REFERENCE_STARS`: target and confidence of a rated cell are 1 then, as for implicit data.
 */
function starUnitOf(values: Float32Array, { max }: Dataset['scale']): number {
  const [first] = values;
  if (first !== undefined && first > 0 && areAllEqual(values)) return first / REFERENCE_STARS;
  return max > 0 ? max / MAX_STARS : 1;
}

/** Whether ratings say nothing but that there is one: without a scale in the data, by `--binarize`, or by chance. */
export function areAllEqual(values: Float32Array): boolean {
  return values.every((value) => value === values[0]);
}

/**
 * A threshold in the unit of the data, in stars: rounded as the ratings are, so that it compares with them as `threshold` does
 * with the ratings of the data.
 */
export function thresholdInStars(threshold: number, { starUnit }: Pick<TrainingSet, 'starUnit'>): number {
  return starUnit === 1 ? threshold : Math.fround(threshold / starUnit);
}

function inStars({ min, max, step }: Dataset['scale'], starUnit: number): Dataset['scale'] {
  return { min: min / starUnit, max: max / starUnit, step: step / starUnit };
}

function shownTags(
  { userIds, itemIds }: Pick<Dataset, 'userIds' | 'itemIds'>,
  tags: Tags,
  hidden: Hidden,
  kind: SplitKind | undefined,
): Tags {
  const pairs = new Set<number>();
  for (let n = 0; n < hidden.users.length; n++) {
    pairs.add(hidden.users[n]! * itemIds.length + hidden.items[n]!);
  }
  const moments = hiddenFrom(hidden, kind, userIds.length);
  const kept: number[] = [];
  for (let n = 0; n < tags.texts.length; n++) {
    const [user, time] = [tags.users[n]!, tags.timestamps[n]!];
    const moment = moments[user]!;
    if (pairs.has(user * itemIds.length + tags.items[n]!)) continue;
    if (moment === Infinity || (time !== 0 && time < moment)) kept.push(n);
  }
  return {
    users: Int32Array.from(kept, (n) => tags.users[n]!),
    items: Int32Array.from(kept, (n) => tags.items[n]!),
    texts: kept.map((n) => tags.texts[n]!),
    timestamps: Int32Array.from(kept, (n) => tags.timestamps[n]!),
  };
}

/** The second from which on what each user did is held out; Infinity where time does not decide. */
function hiddenFrom(
  { users, timestamps }: Hidden,
  kind: SplitKind | undefined,
  userCount: number,
): Float64Array {
  const moments = new Float64Array(userCount).fill(Infinity);
  if (kind === 'global-temporal') {
    return moments.fill(timestamps.reduce((least, time) => Math.min(least, time), Infinity));
  }
  if (kind !== 'per-user-temporal' && kind !== 'leave-last-one-out') return moments;
  for (let n = 0; n < users.length; n++) {
    moments[users[n]!] = Math.min(moments[users[n]!]!, timestamps[n]!);
  }
  return moments;
}
