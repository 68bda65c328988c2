/** Validation of item GPT-2 by what it is for: F1 of the lists for users some of whose ratings are held back. */
import type { TrainingSet } from '../../../../data/training-set.ts';
import type { Parameters } from '../../../../huggingface/tensors.ts';
import type { Validation } from '../../../../training/job.ts';
import type { FitContext } from '../../../recommender.ts';
import { validateF1, type HeldRatings } from '../../held-ratings.ts';
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
export function itemValidation<Batch>(
  held: HeldRatings,
  { config, sampling, vocabulary, inner, histories, listLength: k, merged }: ValidationParts,
  { rng, signal, threads }: FitContext,
): Validation<Batch> & { dispose(): Promise<void> } {
  const predictor = new ItemPredictor(config, threads);
  const { users } = held;
  const own = Array.from(users, (user) => histories[user]!);
  return {
    ...validateF1<Batch>(held, k, 'validationF1', async (trainee) => {
      const weights = merged((await trainee.state()).weights);
      const drawn = { rng: rng.derive('validation prompts'), signal };
      const states = await predictor.states(weights, own, sampling, drawn);
      return (await rankMovies(weights, vocabulary, states, inner, { users, k, threads, signal })).items;
    }),
    dispose: () => predictor.dispose(),
  };
}
