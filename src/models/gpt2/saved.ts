/** Saved GPT-2 models of both kinds, loaded for use. */
import type { TrainingSet } from '../../data/training-set.ts';
import type { Rng } from '../../util/rng.ts';
import type { SavedState } from '../recommender.ts';
import type { UsableModel } from '../saved.ts';

export interface SavedGpt2 {
  /** The Hugging Face folder, for the tokenizer of a model of texts. */
  folder: string;
  hyperparameters: Record<string, unknown>;
  state: SavedState;
  train: TrainingSet;
}

/** `rng` is the generator that the model was fitted with. Throws DataError when the arrays do not fit each other. */
export async function loadGpt2(
  { folder, hyperparameters, state, train }: SavedGpt2,
  { threads, rng }: { threads: number; rng: Rng },
): Promise<UsableModel> {
  const context = { threads, rng: rng.derive('prompts') };
  if (hyperparameters['tokens'] === 'items') {
    return (await import('./items/usable.ts')).loadItems(state, train, context);
  }
  return await (await import('./liked/usable.ts')).loadLiked(state, folder, train, context);
}
