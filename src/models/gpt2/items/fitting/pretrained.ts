/** Item GPT-2 that starts from one of words: its blocks and positions stay, a movie begins as what its title says. */
import type { Movies } from '../../../../data/dataset.ts';
import type { HostTensor, Parameters } from '../../../../huggingface/tensors.ts';
import { toNaturalTitle } from '../../../../language/titles.ts';
import type { Rng } from '../../../../util/rng.ts';
import type { BaseModel } from '../../network/base.ts';
import type { Gpt2Config } from '../../network/config.ts';
import type { ItemVocabulary } from '../histories.ts';
import { MARKS, MOVIES, POSITIONS } from '../network.ts';

/**
 * Blocks and the last norm of `base`, and where order counts its first `n_positions` positions. A movie's row is the mean of
 * the rows of its title's tokens, and normal with deviation `initializer_range` where there is no title; ratings start from
 * 0, and the asking position as the end of a text.
 */
export function pretrainedStart(
  { parameters, tokenizer }: BaseModel,
  { n_embd: C, n_positions, initializer_range }: Gpt2Config,
  { titles }: Movies,
  { catalogue, stars }: ItemVocabulary,
  ordered: boolean,
  rng: Rng,
): Parameters {
  const words = parameters.get('transformer.wte.weight')!.data;
  const rowOf = (token: number) => words.subarray(token * C, (token + 1) * C);
  const movies = new Float32Array(catalogue.length * C);
  for (const [movie, item] of catalogue.entries()) {
    const row = movies.subarray(movie * C, (movie + 1) * C);
    const tokens = tokenizer.encode(toNaturalTitle(titles[item]!));
    if (tokens.length === 0) row.forEach((_, f) => (row[f] = initializer_range * rng.normal()));
    for (const token of tokens) {
      const word = rowOf(token);
      for (let f = 0; f < C; f++) row[f]! += word[f]! / tokens.length;
    }
  }
  const marks = new Float32Array((stars.length + 1) * C);
  marks.set(rowOf(tokenizer.endOfText), stars.length * C);
  const kept = [...parameters].filter(([name]) => /^transformer\.(h|ln_f)\./.test(name));
  return new Map<string, HostTensor>([
    ...kept,
    ...(ordered ? ([[POSITIONS, firstRows(parameters.get(POSITIONS)!, n_positions)]] as const) : []),
    [MOVIES, { shape: [catalogue.length, C], data: movies }],
    [MARKS, { shape: [stars.length + 1, C], data: marks }],
  ]);
}

function firstRows({ shape, data }: HostTensor, rows: number): HostTensor {
  const columns = shape[1]!;
  return { shape: [rows, columns], data: data.slice(0, rows * columns) };
}
