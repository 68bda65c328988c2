/** What a model may see: the training ratings and what is known of the movies. Never a test rating. */
import { range } from '../util/arrays.ts';
import { rowLength } from '../util/sparse-rows.ts';
import { toCsr, transposed, type Csr } from './csr.ts';
import type { Dataset, Movies, Ratings, Tags } from './dataset.ts';

export interface TrainingSet {
  userCount: number;
  itemCount: number;
  /** Released ids, for prompts and error messages. */
  userIds: Int32Array;
  itemIds: Int32Array;
  ratings: Ratings;
  /** users x items, values are stars. */
  byUser: Csr;
  /** items x users, values are stars. */
  byItem: Csr;
  /** Items with at least one training rating, ascending: the only candidates for recommendation. */
  catalogue: Int32Array;
  movies: Movies;
  /** Without the tags a user gave to a movie that is in that user's test set: they would give the answer away. */
  tags?: Tags;
  scale: Dataset['scale'];
}

/**
 * The training side of a split. `hidden` lists the held-out ratings; only its (user, item) pairs are read, to drop
 * the tags that belong to them.
 */
export function trainingSet(
  dataset: Pick<Dataset, 'userIds' | 'itemIds' | 'movies' | 'tags' | 'scale'>,
  train: Ratings,
  hidden: Pick<Ratings, 'users' | 'items'>,
): TrainingSet {
  const userCount = dataset.userIds.length;
  const itemCount = dataset.itemIds.length;
  const byUser = toCsr(train.users, train.items, train.values, userCount, itemCount);
  const byItem = transposed(byUser);
  return {
    userCount,
    itemCount,
    userIds: dataset.userIds,
    itemIds: dataset.itemIds,
    ratings: train,
    byUser,
    byItem,
    catalogue: range(itemCount).filter((item) => rowLength(byItem, item) > 0),
    movies: dataset.movies,
    ...(dataset.tags && { tags: withoutPairs(dataset.tags, hidden, itemCount) }),
    scale: dataset.scale,
  };
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
