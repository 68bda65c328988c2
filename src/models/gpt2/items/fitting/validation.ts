/** Validation of item GPT-2 by what it is for: F1 of the lists for users some of whose ratings are held back. */
import type { TrainingSet } from '../../../../data/training-set.ts';
import type { Parameters } from '../../../../huggingface/tensors.ts';
import type { Validation } from '../../../../training/job.ts';
import type { Trainee } from '../../../../training/trainee.ts';
import type { FitContext } from '../../../recommender.ts';
import { f1OfMeans, type HeldRatings } from '../../held-ratings.ts';
import type { Gpt2Config } from '../../network/config.ts';
import type { PromptOptions } from '../batches.ts';
import type { ItemHistory, ItemVocabulary } from '../histories.ts';
import { ItemPredictor } from '../predictor.ts';
import { rankMovies } from '../ranking.ts';

export interface ValidationParts {
  config: Gpt2Config;
  sampling: PromptOptions;
  vocabulary: ItemVocabulary;
  inner: TrainingSet;
  /** Of all users of the inner part, by user index. */
  histories: readonly ItemHistory[];
  listLength: number;
  /** All parameters of the model from those that are trained. */
  merged: (trained: Parameters) => Parameters;
}

/** F1 of mean precision and mean recall at `listLength`; dispose of it. */
export class ItemValidation<Batch> implements Validation<Batch> {
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

  async measure(trainee: Trainee<Batch>): Promise<number> {
    const { vocabulary, inner, histories, sampling, listLength: k, merged } = this.#parts;
    const { rng, signal, threads } = this.#context;
    const { users } = this.#held;
    const weights = merged((await trainee.state()).weights);
    const own = Array.from(users, (user) => histories[user]!);
    const drawn = { rng: rng.derive('validation prompts'), signal };
    const states = await this.#predictor.states(weights, own, sampling, drawn);
    const { items } = await rankMovies(weights, vocabulary, states, inner, { users, k, threads, signal });
    return f1OfMeans(this.#held, items, k);
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
