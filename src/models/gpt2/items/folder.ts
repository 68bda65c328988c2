/** Item GPT-2 as a Hugging Face folder: GPT-2's vocabulary, then a token per movie, per rating, and two marks. */
import type { TrainingSet } from '../../../data/training-set.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { bundledTokenizer } from '../../../huggingface/tokenizer.ts';
import { writeCheckpoint } from '../network/checkpoint.ts';
import type { Gpt2Config } from '../network/config.ts';
import type { ItemVocabulary } from './histories.ts';
import { MARKS, MOVIES, POSITIONS } from './network.ts';

/** Text of the token at the asking position, and of the mark of a position without a rating. */
const ASK_TOKEN = '<|ask|>';
const UNRATED_TOKEN = '<|unrated|>';

/** Added tokens in the order of their ids, from the end of GPT-2's own vocabulary on. */
function addedTokens(
  { catalogue, stars }: ItemVocabulary,
  { itemIds }: Pick<TrainingSet, 'itemIds'>,
): string[] {
  const movies = Array.from(catalogue, (item) => `<|movie:${itemIds[item]}|>`);
  const ratings = Array.from(stars, (value) => `<|rating:${value}|>`);
  return [...movies, ...ratings, ASK_TOKEN, UNRATED_TOKEN];
}

/**
 * Writes what `GPT2LMHeadModel.from_pretrained` loads. It computes the same logits from `input_ids` of movie tokens with
 * `<|ask|>` at the end and `token_type_ids` of rating tokens with `<|unrated|>` at the end, whose row is 0; where order
 * counts, with `position_ids` that end at n_positions - 1. Rows of GPT-2's text tokens are 0: they were not trained.
 */
export async function saveItems(
  folder: string,
  config: Gpt2Config,
  parameters: Parameters,
  vocabulary: ItemVocabulary,
  train: Pick<TrainingSet, 'itemIds'>,
): Promise<void> {
  const tokenizer = await bundledTokenizer();
  const added = addedTokens(vocabulary, train);
  const C = config.n_embd;
  const vocabularySize = tokenizer.vocabularySize + added.length;
  const rows = new Float32Array(vocabularySize * C);
  const { [MOVIES]: movies, [MARKS]: marks, ...others } = Object.fromEntries(parameters);
  rows.set(movies!.data, tokenizer.vocabularySize * C);
  rows.set(marks!.data, tokenizer.vocabularySize * C + movies!.data.length);
  const positions = { shape: [config.n_positions, C], data: new Float32Array(config.n_positions * C) };
  const whole: Parameters = new Map([
    ['transformer.wte.weight', { shape: [vocabularySize, C], data: rows }],
    [POSITIONS, positions],
    ...Object.entries(others),
  ]);
  await tokenizer.save(folder, added);
  await writeCheckpoint(folder, { ...config, vocab_size: vocabularySize }, whole);
}
