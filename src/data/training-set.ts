/** What a model may see: the training ratings and what is known of the movies. Never a test rating. */
import { countsOf, range } from '../util/arrays.ts';
import { toCsr, type Csr } from './csr.ts';
import type { Dataset, Ids, Movies, Ratings, Tags } from './dataset.ts';
import { REFERENCE_STARS } from './rating-levels.ts';

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
  /** Without the tags a user gave to a movie that is in that user's test set: they would give the answer away. */
  tags?: Tags;
  /** In stars. */
  scale: Dataset['scale'];
}

/** Where nothing is held out. */
const NOTHING_HIDDEN = { users: new Int32Array(), items: new Int32Array() };

/**
 * The training side of a split, or all ratings. `hidden` lists the held-out ratings; only its (user, item) pairs are read,
 * to drop the tags that belong to them.
 */
export function trainingSet(
  dataset: Pick<Dataset, 'userIds' | 'itemIds' | 'movies' | 'tags' | 'scale'>,
  train: Ratings,
  hidden: Pick<Ratings, 'users' | 'items'> = NOTHING_HIDDEN,
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
    ...(dataset.tags && { tags: withoutPairs(dataset.tags, hidden, itemCount) }),
    scale: inStars(dataset.scale, starUnit),
  };
}

/** Stars of the highest rating. */
const MAX_STARS = 5;

/**
 * The highest rating of the scale counts as 5 stars. Where all training ratings are equal they say nothing but that
 * there is a rating, and count as `REFERENCE_STARS`: target and confidence of a rated cell are 1 then, as for implicit data.
 */
function starUnitOf(values: Float32Array, { max }: Dataset['scale']): number {
  const [first] = values;
  if (first !== undefined && first > 0 && values.every((value) => value === first)) {
    return first / REFERENCE_STARS;
  }
  return max > 0 ? max / MAX_STARS : 1;
}

function inStars({ min, max, step }: Dataset['scale'], starUnit: number): Dataset['scale'] {
  return { min: min / starUnit, max: max / starUnit, step: step / starUnit };
}

function withoutPairs(tags: Tags, hidden: Pick<Ratings, 'users' | 'items'>, itemCount: number): Tags {
  const pairs = new Set<number>();
  for (let n = 0; n < hidden.users.length; n++) pairs.add(hidden.users[n]! * itemCount + hidden.items[n]!);
  const kept: number[] = [];
  for (let n = 0; n < tags.texts.length; n++) {
    if (!pairs.has(tags.users[n]! * itemCount + tags.items[n]!)) kept.push(n);
  }
  return {
    users: Int32Array.from(kept, (n) => tags.users[n]!),
    items: Int32Array.from(kept, (n) => tags.items[n]!),
    texts: kept.map((n) => tags.texts[n]!),
    timestamps: Int32Array.from(kept, (n) => tags.timestamps[n]!),
  };
}
