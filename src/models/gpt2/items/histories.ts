/** Users' training ratings in item tokens: a token per movie of the training catalogue, a level per rating. */
import { ratingLevels } from '../../../data/rating-levels.ts';
import type { TrainingSet } from '../../../data/training-set.ts';
import { range } from '../../../util/arrays.ts';
import { rowLength } from '../../../util/sparse-rows.ts';

/** What the tokens of movies and ratings mean. */
export interface ItemVocabulary {
  /** Item index of each movie token, ascending: the training catalogue. */
  catalogue: Int32Array;
  /** Stars of each rating level, ascending. */
  stars: Float32Array;
}

/** One user's training ratings, as columns of equal length. */
export interface ItemHistory {
  user: number;
  /** Movie tokens, 0 to catalogue - 1; oldest first. */
  tokens: Int32Array;
  levels: Uint8Array;
  /** 1 where the rating reaches the threshold. */
  liked: Uint8Array;
}

export function itemVocabulary(train: TrainingSet): ItemVocabulary {
  return { catalogue: train.catalogue, stars: ratingLevels(train.byUser).stars };
}

/**
 * The histories of `users`, in their order, oldest rating first; equal times by item index. A rating counts as liked from
 * `threshold` stars; 0 makes every rating liked, also where ratings are not stars.
 */
export function itemHistories(
  train: TrainingSet,
  { catalogue, stars }: ItemVocabulary,
  users: Int32Array,
  threshold: number,
): ItemHistory[] {
  const tokenOf = new Int32Array(train.itemCount).fill(-1);
  for (const [token, item] of catalogue.entries()) tokenOf[item] = token;
  const levelOf = new Map([...stars].map((value, level) => [value, level]));
  const rowsOf = rowsByUser(train);
  const { items, values, timestamps } = train.ratings;
  return Array.from(users, (user) => {
    const rows = rowsOf(user).sort((a, b) => timestamps[a]! - timestamps[b]! || items[a]! - items[b]!);
    return {
      user,
      tokens: rows.map((row) => tokenOf[items[row]!]!),
      levels: Uint8Array.from(rows, (row) => levelOf.get(values[row]!)!),
      liked: Uint8Array.from(rows, (row) => Number(threshold === 0 || values[row]! >= threshold)),
    };
  });
}

/** Row numbers of a user's training ratings, in the order of the columns. */
function rowsByUser({ ratings, byUser, userCount }: TrainingSet): (user: number) => Int32Array {
  const next = byUser.pointers.slice(0, userCount);
  const rows = new Int32Array(ratings.users.length);
  for (const row of range(ratings.users.length)) rows[next[ratings.users[row]!]!++] = row;
  return (user) => {
    const from = byUser.pointers[user]!;
    return rows.slice(from, from + rowLength(byUser, user));
  };
}
