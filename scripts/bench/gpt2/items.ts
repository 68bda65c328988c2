/** The model of item tokens that is measured: the size of `finetune-gpt2 --tokens items` on MovieLens 1M in the order of time. */
import { gpt2ConfigSchema } from '../../../src/models/gpt2/network/config.ts';
import { itemSizes } from '../../../src/models/gpt2/item-options.ts';
import {
  sequenceStart,
  sequenceTrainable,
  type SequenceBatch,
} from '../../../src/models/gpt2/items/sequences.ts';
import { wholeModel } from '../../../src/models/gpt2/items/weights.ts';
import type { Trainable } from '../../../src/training/trainable.ts';
import { Rng } from '../../../src/util/rng.ts';

/** Movies of MovieLens 1M that have five ratings or more. */
const MOVIES = 3416;

/** Random weights, and a batch of full histories in which every movie is asked for. */
export function itemModel(rows: number, length: number): [Trainable<SequenceBatch>, SequenceBatch] {
  const noDropout = { resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 };
  const sizes = { ...itemSizes.next.mini, n_positions: length };
  const config = gpt2ConfigSchema.parse({ model_type: 'gpt2', ...sizes, ...noDropout, vocab_size: MOVIES });
  const vocabulary = {
    catalogue: Int32Array.from({ length: MOVIES }, (_, item) => item),
    stars: Float32Array.of(1, 2, 3, 4, 5),
  };
  const token = (at: number) => (at * 7919) % MOVIES;
  const cells = rows * length;
  const batch: SequenceBatch = {
    rows,
    length,
    tokens: Int32Array.from({ length: cells }, (_, at) => token(at)),
    levels: Int32Array.from({ length: cells }, (_, at) => at % 5),
    next: Int32Array.from({ length: cells }, (_, at) => token(at + 1)),
  };
  const parameters = sequenceStart(config, vocabulary, undefined, new Rng(1));
  return [sequenceTrainable(config, wholeModel(parameters), false), batch];
}
