/** Validation by what a model is for: some of the training ratings of some users set apart, and F1 of lists on them. */
import { trainingSet, type TrainingSet } from '../../data/training-set.ts';
import type { Ratings } from '../../data/dataset.ts';
import { range } from '../../util/arrays.ts';
import type { Validation } from '../../training/job.ts';
import type { Trainee } from '../../training/trainee.ts';
import type { Rng } from '../../util/rng.ts';
import { rowLength } from '../../util/sparse-rows.ts';

/** Share of a validation user's ratings that is held back. */
const HELD_SHARE = 0.2;
/** Fewer ratings than this are too few to hold any back. */
const LEAST_RATINGS = 5;

export interface HeldRatings {
  /** User indices, ascending. */
  users: Int32Array;
  /** Liked items of each of them that the inner training part does not have. */
  relevant: Set<number>[];
}

/** How validation ratings are carved from train. */
interface HoldBackOptions {
  /** Of the users. */
  share: number;
  /** The latest ratings, not random ones. */
  ordered: boolean;
  /** One rating a user in place of a fifth. */
  single?: boolean;
  threshold: number;
}

/**
 * A fifth of the ratings of a `share` of the users set apart, drawn at random or, where order counts, the latest. Users
 * who liked none of theirs are left out of `held`; the ratings stay hidden all the same.
 */
export function holdBack(
  train: TrainingSet,
  { share, ordered, single = false, threshold }: HoldBackOptions,
  rng: Rng,
): { inner: TrainingSet; held: HeldRatings } {
  const eligible = range(train.userCount).filter((user) => rowLength(train.byUser, user) >= LEAST_RATINGS);
  const chosen = rng
    .shuffle(eligible.slice())
    .slice(0, Math.round(share * eligible.length))
    .sort();
  if (chosen.length === 0) return { inner: train, held: { users: chosen, relevant: [] } };
  const { users, items, values, timestamps } = train.ratings;
  const rowsOf = new Map<number, number[]>(Array.from(chosen, (user) => [user, []]));
  for (let row = 0; row < users.length; row++) rowsOf.get(users[row]!)?.push(row);
  const hidden = new Uint8Array(users.length);
  for (const rows of rowsOf.values()) {
    rng.shuffle(rows);
    if (ordered) rows.sort((a, b) => timestamps[b]! - timestamps[a]!);
    const count = single ? 1 : Math.round(HELD_SHARE * rows.length);
    for (const row of rows.slice(0, count)) hidden[row] = 1;
  }
  const relevant = new Map<number, Set<number>>();
  for (let row = 0; row < users.length; row++) {
    if (hidden[row] === 0 || (threshold > 0 && values[row]! < threshold)) continue;
    const own = relevant.get(users[row]!) ?? new Set();
    relevant.set(users[row]!, own.add(items[row]!));
  }
  const evaluable = chosen.filter((user) => relevant.has(user));
  const [kept, heldBack] = [rowsWhere(train.ratings, hidden, 0), rowsWhere(train.ratings, hidden, 1)];
  return {
    inner: trainingSet(train, kept, heldBack, ordered ? 'per-user-temporal' : 'per-user-random'),
    held: { users: evaluable, relevant: Array.from(evaluable, (user) => relevant.get(user)!) },
  };
}

function rowsWhere({ users, items, values, timestamps }: Ratings, marks: Uint8Array, mark: 0 | 1): Ratings {
  const keep = (_: number, row: number) => marks[row] === mark;
  return {
    users: users.filter(keep),
    items: items.filter(keep),
    values: values.filter(keep),
    timestamps: timestamps.filter(keep),
  };
}

/**
 * Validation by the F1 at `k` of lists for the users held, whose items `itemsOf` returns, (users, k). `fact` is its name
 * in log and record.
 */
export function validateF1<Batch>(
  held: HeldRatings,
  k: number,
  fact: string,
  itemsOf: (trainee: Trainee<Batch>) => Promise<Int32Array>,
): Validation<Batch> {
  return {
    better: 'higher',
    measure: async (trainee) => f1OfMeans(held, await itemsOf(trainee), k),
    facts: (f1) => ({ [fact]: f1 }),
    describe: (f1) => `validation F1 ${f1.toFixed(4)}`,
  };
}

/** F1 of mean precision and mean recall at `k` of `items` (users, k), in the order of the users held. */
export function f1OfMeans({ users, relevant }: HeldRatings, items: Int32Array, k: number): number {
  let precision = 0;
  let recall = 0;
  for (const [row, wanted] of relevant.entries()) {
    const hits = items.subarray(row * k, (row + 1) * k).filter((item) => wanted.has(item)).length;
    precision += hits / k / users.length;
    recall += hits / wanted.size / users.length;
  }
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}
