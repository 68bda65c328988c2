/** Validation of item GPT-2 by what it is for: F1 of the lists for users some of whose ratings are held back. */
import { trainingSet, type TrainingSet } from '../../../data/training-set.ts';
import type { Ratings } from '../../../data/dataset.ts';
import type { Validation } from '../../../training/job.ts';
import type { Trainee } from '../../../training/trainee.ts';
import { range } from '../../../util/arrays.ts';
import type { Rng } from '../../../util/rng.ts';
import { rowLength } from '../../../util/sparse-rows.ts';
import type { FitContext } from '../../recommender.ts';
import type { Gpt2Config } from '../network/config.ts';
import type { ItemBatch, SampleOptions } from './batches.ts';
import type { ItemHistory, ItemVocabulary } from './histories.ts';
import { ItemPredictor } from './predictor.ts';
import { rankMovies } from './ranking.ts';

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

/**
 * A fifth of the ratings of a `share` of the users set apart, drawn at random or, where order counts, the latest. Users
 * who liked none of theirs are left out of `held`; the ratings stay hidden all the same.
 */
export function holdBack(
  train: TrainingSet,
  { share, ordered, threshold }: { share: number; ordered: boolean; threshold: number },
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
    for (const row of rows.slice(0, Math.round(HELD_SHARE * rows.length))) hidden[row] = 1;
  }
  const relevant = new Map<number, Set<number>>();
  for (let row = 0; row < users.length; row++) {
    if (hidden[row] === 0 || (threshold > 0 && values[row]! < threshold)) continue;
    const own = relevant.get(users[row]!) ?? new Set();
    relevant.set(users[row]!, own.add(items[row]!));
  }
  const evaluable = chosen.filter((user) => relevant.has(user));
  return {
    inner: trainingSet(train, rowsWhere(train.ratings, hidden, 0), rowsWhere(train.ratings, hidden, 1)),
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

interface ValidationParts {
  config: Gpt2Config;
  sampling: SampleOptions;
  vocabulary: ItemVocabulary;
  inner: TrainingSet;
  /** Of all users of the inner part, by user index. */
  histories: readonly ItemHistory[];
  listLength: number;
}

/** F1 of mean precision and mean recall at `listLength`; dispose of it. */
export class ItemValidation implements Validation<ItemBatch> {
  readonly better = 'higher';
  readonly #held: HeldRatings;
  readonly #parts: ValidationParts;
  readonly #context: FitContext;
  readonly #predictor: ItemPredictor;

  constructor(held: HeldRatings, parts: ValidationParts, context: FitContext) {
    this.#held = held;
    this.#parts = parts;
    this.#context = context;
    this.#predictor = new ItemPredictor(parts.config, context.threads);
  }

  async measure(trainee: Trainee<ItemBatch>): Promise<number> {
    const { vocabulary, inner, histories, sampling, listLength: k } = this.#parts;
    const { rng, signal, threads } = this.#context;
    const { users, relevant } = this.#held;
    const { weights } = await trainee.state();
    const own = Array.from(users, (user) => histories[user]!);
    const drawn = { rng: rng.derive('validation prompts'), signal };
    const states = await this.#predictor.states(weights, own, sampling, drawn);
    const { items } = await rankMovies(weights, vocabulary, states, inner, { users, k, threads, signal });
    let precision = 0;
    let recall = 0;
    for (const [row, wanted] of relevant.entries()) {
      const hits = items.subarray(row * k, (row + 1) * k).filter((item) => wanted.has(item)).length;
      precision += hits / k / users.length;
      recall += hits / wanted.size / users.length;
    }
    return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  }

  facts(f1: number): Record<string, number> {
    return { validationF1: f1 };
  }

  describe(f1: number): string {
    return `validation F1 ${f1.toFixed(4)}`;
  }

  dispose(): Promise<void> {
    return this.#predictor.dispose();
  }
}
