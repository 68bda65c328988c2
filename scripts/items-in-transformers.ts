/**
 * Holds a folder of item GPT-2, as `recsys fit gpt2 --tokens items --save DIR` writes it, against Hugging Face's transformers:
 * loads it there with `from_pretrained` and compares the logits of every movie for users of the data. Needs a Python with
 * torch and transformers. Prints the largest difference; exits 1 where it is not rounding.
 *
 *     npx tsx scripts/items-in-transformers.ts DIR [python]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { readTensorFile } from '../src/huggingface/named-tensors.ts';
import { loadSavedModel } from '../src/use/saved-model.ts';
import { itemHistories, itemVocabulary } from '../src/models/gpt2/items/histories.ts';
import { savedSettings } from '../src/models/saved.ts';
import { range } from '../src/util/arrays.ts';

const [folder, python = 'python3'] = process.argv.slice(2);
if (folder === undefined) throw new Error('give the folder of a saved model');
const USERS = 20;
/** Of the largest logit: float32 sums in another order. */
const TOLERANCE = 1e-4;

const { train, model, manifest } = await loadSavedModel(folder, { threads: 1 });
const { name, sha256 } = manifest.files.arrays;
const arrays = await readTensorFile(join(folder, name), sha256);
const settings = arrays.get('model.settings');
const { ordered, objective, config } = savedSettings(
  settings ? { settings: settings.data } : {},
  'settings',
  z.object({
    ordered: z.boolean(),
    objective: z.string(),
    config: z.object({ n_positions: z.int() }),
  }),
);
const vocabulary = itemVocabulary(train);
const movieToken = (token: number) => `<|movie:${train.itemIds[vocabulary.catalogue[token]!]}|>`;
const histories = itemHistories(train, vocabulary, range(train.userCount), 0)
  .filter(({ tokens }) => tokens.length > 0 && tokens.length < config.n_positions)
  .slice(0, USERS);
const asking = objective === 'set';
const input = {
  asked: Array.from(vocabulary.catalogue.keys(), movieToken),
  histories: histories.map(({ tokens, levels }) => ({
    movies: [...Array.from(tokens, movieToken), ...(asking ? ['<|ask|>'] : [])],
    ratings: [
      ...Array.from(levels, (level) => `<|rating:${vocabulary.stars[level]}|>`),
      ...(asking ? ['<|unrated|>'] : []),
    ],
    fromEnd: ordered,
  })),
};
const { status, stdout, stderr } = spawnSync(
  python,
  [join(import.meta.dirname, 'items-in-transformers.py'), folder],
  { input: JSON.stringify(input), maxBuffer: 2 ** 30, encoding: 'utf8' },
);
if (status !== 0) throw new Error(stderr);
const { logits, ...versions } = JSON.parse(stdout) as {
  logits: number[][];
  torch: string;
  transformers: string;
};

const users = Int32Array.from(histories, ({ user }) => user);
const k = vocabulary.catalogue.length;
const { items, scores } = await model.recommend(users, k, { candidates: train.catalogue, includeSeen: true });
let worst = 0;
let largest = 0;
for (const [row, wanted] of logits.entries()) {
  const own = new Map(Array.from({ length: k }, (_, n) => [items[row * k + n]!, scores[row * k + n]!]));
  for (const [token, logit] of wanted.entries()) {
    worst = Math.max(worst, Math.abs(own.get(vocabulary.catalogue[token]!)! - logit));
    largest = Math.max(largest, Math.abs(logit));
  }
}
console.log(
  `${users.length} users, ${k} movies: logits up to ${largest.toFixed(2)} differ by ${worst.toExponential(1)} at most ` +
    `(torch ${versions.torch}, transformers ${versions.transformers})`,
);
process.exitCode = worst <= TOLERANCE * largest ? 0 : 1;
