/**
 * The contract of a recommender, which every model implements; language models add `language-model.ts`, models that can
 * be saved and asked about people who are not in the data `saved.ts`.
 */
import type { TrainingSet } from '../data/training-set.ts';
import type { TensorData } from '../huggingface/named-tensors.ts';
import type { FitStore } from '../numeric/partial-fit.ts';
import type { Progress } from '../util/progress.ts';
import type { Rng } from '../util/rng.ts';

/** What long work is given. */
export interface FitContext {
  /** This model's own generator; derive named children from it. */
  rng: Rng;
  progress: Progress;
  /** Fires on Ctrl-C: stop between units of work (see `throwIfAborted`). */
  signal: AbortSignal;
  /** Worker threads that may be used, at least 1. Results must not depend on it. */
  threads: number;
  /** Where a stopped fit leaves what it has. */
  store?: FitStore;
}

/** Untrained. `fit` returns another type, so "used before trained" does not compile. */
export interface Recommender<F extends Fitted = Fitted> {
  readonly name: string;
  fit(train: TrainingSet, context: FitContext): Promise<F>;
}

export interface Fitted {
  /**
   * The best `k` items for each of `users` (user indices), best first; never an item the user rated in train, never
   * one outside the training catalogue; equal scores by ascending item index.
   */
  recommend(users: Int32Array, k: number): Promise<TopK>;
  /** Predicted stars for pairs of user and item index (explicit-rating models only); one per pair. */
  predict?(users: Int32Array, items: Int32Array): Float32Array;
  /** Facts about the fit that belong in the record and are the same from run to run (epochs run, final loss). */
  readonly facts?: Record<string, number | string | boolean>;
  /** What `load` of the model's entry in the registry makes the same model of; absent where it cannot be saved. */
  save?(): SavedState;
  /** Frees what `fit` holds beyond JavaScript memory (threads, sessions). The caller of `fit` disposes. */
  dispose?(): Promise<void>;
}

/** What a fit learned, as flat arrays by name, row-major. The model knows their shapes. */
export type SavedState = Record<string, TensorData>;

/** Lists for several users: row u of `items` and `scores` has k cells. */
export interface TopK {
  k: number;
  /** (users, k), row-major; -1 pads a list that came out short. */
  items: Int32Array;
  /** (users, k), row-major; higher is better; 0 beside a pad. */
  scores: Float32Array;
}
