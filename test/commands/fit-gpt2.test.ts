import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledTokenizer } from '../../src/huggingface/tokenizer.ts';
import { saveModel } from '../../src/models/gpt2/network/base.ts';
import { gpt2ConfigSchema } from '../../src/models/gpt2/network/config.ts';
import { initialParameters } from '../../src/models/gpt2/network/presets.ts';
import { Rng } from '../../src/util/rng.ts';
import { recsys, smallFolder } from '../support/cli.ts';

let dataset: string;
let cwd: string;
const run = (...argv: string[]) => recsys(argv, { cwd });
const tiny = ['--tokens', 'items', '--preset', 'tiny', '--epochs', '1', '--quiet'];

beforeAll(async () => {
  dataset = await smallFolder();
  cwd = await mkdtemp(join(tmpdir(), 'fit-gpt2-'));
  // The smallest network with GPT-2's vocabulary.
  const sizes = { n_embd: 4, n_layer: 1, n_head: 2, n_positions: 160 };
  const config = gpt2ConfigSchema.parse({ model_type: 'gpt2', ...sizes });
  const parameters = initialParameters(config, new Rng(1));
  await saveModel(join(cwd, 'base'), {
    name: 'micro',
    config,
    parameters,
    tokenizer: await bundledTokenizer(),
  });
  const items = await run('fit', 'gpt2', ...tiny, '--dataset', dataset, '--save', 'items');
  expect([items.code, items.stderr]).toEqual([0, '']);
  const text = await run(
    'fit',
    'gpt2',
    '--model',
    'base',
    '--epochs',
    '1',
    '--validation-share',
    '0.2',
    '--quiet',
    '--learning-rate',
    '0.01',
    '--dataset',
    dataset,
    '--save',
    'text',
  );
  expect([text.code, text.stderr]).toEqual([0, '']);
});
afterAll(async () => {
  await rm(dataset, { recursive: true });
  await rm(cwd, { recursive: true });
});

interface Movie {
  movieId: number;
  score: number;
  genres: string[];
  why: { because: string }[];
}

async function listsOf(...argv: string[]): Promise<Movie[][]> {
  const { code, stdout, stderr } = await run('recommend', ...argv, '--json');
  expect([code, stderr]).toEqual([0, '']);
  const { lists } = JSON.parse(stdout) as { lists: { recommendations: Movie[] }[] };
  return lists.map(({ recommendations }) => recommendations);
}

async function ratingsOf(user: number): Promise<string[][]> {
  const lines = (await readFile(join(dataset, 'ratings.csv'), 'utf8')).trim().split('\n');
  return lines.map((line) => line.split(',')).filter(([id]) => id === String(user));
}

describe.each(['items', 'text'])('GPT-2 on %s, saved', (folder) => {
  it('gives users of the data unseen movies with genres that they like as reasons, the same alone as together', async () => {
    const both = await listsOf('--model', folder, '--user', '3,4', '--k', '4');
    const [alone] = await listsOf('--model', folder, '--user', '4', '--k', '4');
    const ids = (list: Movie[] | undefined) => list?.map(({ movieId }) => movieId);
    expect(ids(alone)).toEqual(ids(both[1]));
    if (folder === 'items') expect(alone).toEqual(both[1]);
    for (const [n, list] of both.entries()) {
      expect(list).toHaveLength(4);
      const rated = (await ratingsOf(n + 3)).map(([, movie]) => Number(movie));
      for (const { movieId, genres, why } of list) {
        expect(rated).not.toContain(movieId);
        for (const { because } of why) expect(genres.map((genre) => `genres:${genre}`)).toContain(because);
      }
    }
    expect(both.flat().flatMap(({ why }) => why).length).toBeGreaterThan(0);
  });

  it('keeps to filters, takes titles, and lists all users', async () => {
    const [list] = await listsOf(
      '--model',
      folder,
      '--like',
      'The Film 2',
      '--dislike',
      '5',
      '--genre',
      'Comedy',
      '--k',
      '40',
    );
    expect(list!.length).toBeGreaterThan(5);
    for (const { movieId, genres } of list!) {
      expect(genres).toContain('Comedy');
      expect([2, 5]).not.toContain(movieId);
    }
    if (folder === 'text') return; // the smallest network compiles graphs for a quarter of a minute
    const all = await run('recommend', '--model', folder, '--all-users', '--k', '2', '--quiet');
    expect([all.code, all.stdout.trim().split('\n').length]).toEqual([0, 1 + 30 * 2]);
  });

  it('is refused when a byte of its arrays has changed', async () => {
    const copy = join(cwd, `changed-${folder}`);
    await cp(join(cwd, folder), copy, { recursive: true });
    const arrays = (await readdir(copy)).find((name) => name.startsWith('arrays-'))!;
    const bytes = await readFile(join(copy, arrays));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(copy, arrays), bytes);
    const { code, stderr } = await run('recommend', '--model', copy, '--user', '3');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/changed.*SHA-256/)]);
  });
});

describe('a folder of GPT-2', () => {
  it('gives a person with the ratings of a user the scores of the user but for rounding', async () => {
    const own = (await ratingsOf(3)).map(([, movie, stars]) => `${movie},${stars}`);
    await writeFile(join(cwd, 'own.csv'), `movieId,rating\n${own.join('\n')}\n`);
    const [user] = await listsOf('--model', 'items', '--user', '3', '--k', '40');
    const [person] = await listsOf('--model', 'items', '--ratings', 'own.csv', '--k', '40');
    const scores = new Map(person!.map(({ movieId, score }) => [movieId, score]));
    expect(scores.size).toBe(user!.length);
    // Sums of floats in the order of the prompt, which is drawn for each reader.
    for (const { movieId, score } of user!) expect(scores.get(movieId)).toBeCloseTo(score, 4);
  });

  it('that finetune-gpt2 wrote gives the lists of its record', async () => {
    const { code } = await run(
      'finetune-gpt2',
      ...tiny,
      '--dataset',
      dataset,
      '--k',
      '5',
      '--compare-with',
      'popularity',
    );
    expect(code).toBe(0);
    const text = await readFile(join(cwd, 'results', 'gpt2_recommendations.json'), 'utf8');
    const { language } = JSON.parse(text) as {
      language: { users: { userId: number; recommendations: { movieId: number }[] }[] };
    };
    const ids = language.users.slice(0, 6).map(({ userId }) => userId);
    const lists = await listsOf('--model', 'results/gpt2-items', '--user', ids.join(','), '--k', '5');
    const movies = (list: { movieId: number }[]) => list.map(({ movieId }) => movieId);
    expect(lists.map(movies)).toEqual(
      language.users.slice(0, 6).map(({ recommendations }) => movies(recommendations)),
    );
  });

  it('that holds no saved model, or could not, is refused with what to do', async () => {
    const plain = await run('recommend', '--model', 'base', '--user', '3');
    expect([plain.code, plain.stderr]).toEqual([
      1,
      expect.stringMatching(/base: the weights of a GPT-2 without model.json.* `recsys fit gpt2/),
    ]);
    const original = await run('fit', 'gpt2', '--template', 'original', '--save', 'original');
    expect([original.code, original.stderr]).toEqual([2, expect.stringMatching(/--template: original/)]);
    const mixed = await run('fit', 'gpt2', '--item-init', 'als', '--save', 'mixed');
    expect([mixed.code, mixed.stderr]).toEqual([2, expect.stringMatching(/--item-init: --tokens text/)]);
  });
});
