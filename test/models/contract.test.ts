import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../../src/data/csr.ts';
import { promptTemplates } from '../../src/language/templates.ts';
import { noCache } from '../../src/models/chat/cache.ts';
import { createChatModel } from '../../src/models/chat/index.ts';
import { createChatClient } from '../../src/models/chat/openai/client.ts';
import { chatOptions, resolveModel } from '../../src/models/chat/options.ts';
import { createGpt2 } from '../../src/models/gpt2/index.ts';
import { completeGpt2Options, gpt2Options } from '../../src/models/gpt2/options.ts';
import type { Recommender } from '../../src/models/recommender.ts';
import { modelNames, specOf } from '../../src/models/registry.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { chatServer, type ChatServer } from '../support/chat-server.ts';
import { checkerboard, fitContext, trainOn } from '../support/datasets.ts';
import { itemModelIn } from './gpt2/items/fixture.ts';
import { microFolder, TableEngine } from './gpt2/fake-engine.ts';

/**
 * Two factors are enough for two colours. Of 30 movies, the best scored of several unrated ones would nearly always be
 * a hidden one: BPR draws one.
 */
const quick: Record<string, Record<string, unknown>> = {
  mf: { factors: 2 },
  'mf-bpr': { factors: 2, negatives: 1 },
  'mf-sgd': { factors: 2 },
  fm: { factors: 2 },
  'fm-bpr': { factors: 2, negatives: 1 },
  'fm-pointwise': { factors: 2 },
};

let server: ChatServer;
let folder: string;
beforeAll(async () => {
  // Names all movies of the boards below, whatever is asked.
  const recommendations = Array.from({ length: 30 }, (_, n) => ({
    title: `Movie ${n} (${1990 + (n % 20)})`,
    reason: 'You like it.',
  })).toReversed();
  server = await chatServer(() => JSON.stringify({ recommendations }));
  folder = await microFolder(2048);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** GPT-2 with random weights that nothing trains: the contract is kept by what stands around the network. */
function gpt2(typed: Record<string, unknown>): Recommender {
  return createGpt2({
    options: completeGpt2Options(gpt2Options.parse({ model: folder, contextLength: 2048, ...typed })),
    engine: new TableEngine(),
    listLength: 5,
    threshold: 4,
    output: join(folder, 'output'),
    log: join(folder, 'log.jsonl'),
  });
}

/** Trained for one pass on ONNX Runtime, from random vectors or from those of ALS. */
function itemGpt2(typed: Record<string, unknown>): Recommender {
  return itemModelIn(join(folder, 'items'), { preset: 'tiny', epochs: 1, batchSize: 4, ...typed });
}

function chat(): Recommender {
  const options = resolveModel(chatOptions.parse({ baseUrl: server.url, retries: 0 }), new Date());
  const countTokens = (text: string) => text.length;
  const template = promptTemplates['zero-shot'];
  const { ask } = createChatClient({ options, cache: noCache, countTokens, progress: silentProgress });
  return createChatModel({ options, template, ask, countTokens });
}

const languageModels: Record<string, () => Recommender | Promise<Recommender>> = {
  'gpt2, a list as it is generated': () => gpt2({}),
  'gpt2, titles by likelihood': () => gpt2({ rank: 'likelihood', width: 32 }),
  'gpt2 on item tokens, random': () => itemGpt2({ itemInit: 'random' }),
  'gpt2 on item tokens, from ALS': () => itemGpt2({}),
  'a chat model on loopback': chat,
};

async function create(name: string): Promise<Recommender> {
  return await (languageModels[name]?.() ?? specOf(name, quick[name]).create());
}

const allUsers = (count: number) => Int32Array.from({ length: count }, (_, n) => n);

/** Six users are enough for the language models, which take their time. */
const boardFor = (name: string) => (name in languageModels ? checkerboard(6) : checkerboard());

async function recommend(name: string, k: number, seed = 1, threads = 1, board = boardFor(name)) {
  const model = await create(name);
  const fitted = await model.fit(board.train, fitContext(seed, threads));
  const list = await fitted.recommend(allUsers(board.train.userCount), k);
  await fitted.dispose?.();
  return list;
}

describe.each([...modelNames, ...Object.keys(languageModels)])(
  '%s keeps the contract of a recommender',
  (name) => {
    it('recommends catalogue movies that the user has not rated, each once, best first', async () => {
      const { train } = boardFor(name);
      const { items, scores, k } = await recommend(name, 5);
      expect(items).toHaveLength(train.userCount * 5);
      for (let user = 0; user < train.userCount; user++) {
        const list = [...items.subarray(user * k, (user + 1) * k)];
        expect(new Set(list).size).toBe(5);
        for (const [rank, item] of list.entries()) {
          expect(train.catalogue).toContain(item);
          expect(has(train.byUser, user, item)).toBe(false);
          if (rank > 0) {
            const [previous, score] = [scores[user * k + rank - 1]!, scores[user * k + rank]!];
            expect(previous > score || (previous === score && list[rank - 1]! < item)).toBe(true);
          }
        }
      }
    });

    it('pads with -1 when fewer candidates are left than asked for', async () => {
      const { train } = boardFor(name);
      const { items } = await recommend(name, 40);
      for (let user = 0; user < train.userCount; user++) {
        const rated = train.byUser.pointers[user + 1]! - train.byUser.pointers[user]!;
        const list = items.subarray(user * 40, (user + 1) * 40);
        expect(list.indexOf(-1)).toBe(train.catalogue.length - rated);
      }
    });

    it('gives the same bytes for the same seed, on one thread and on two', async () => {
      const [a, b, c] = [await recommend(name, 5), await recommend(name, 5), await recommend(name, 5, 1, 2)];
      expect(b).toEqual(a);
      expect(c).toEqual(a);
    });

    it('gives a user without training ratings a list', async () => {
      const train = trainOn(
        [
          [0, 0, 5],
          [0, 1, 4],
          [1, 1, 5],
          [1, 2, 3],
        ],
        3,
        4,
      );
      const list = await recommend(name, 2, 1, 1, { train, wanted: [] });
      expect(list.items.subarray(4).includes(-1)).toBe(false);
      expect(list.scores.every(Number.isFinite)).toBe(true);
    });

    it('stops with what was kept when the signal has fired', async () => {
      const model = await create(name);
      const stopped = fitContext(1, 1, AbortSignal.abort());
      // A language model that is not trained has its work in `recommend`.
      const work = async () => (await model.fit(checkerboard(6).train, stopped)).recommend(allUsers(6), 5);
      await expect(work()).rejects.toThrow(/stopped/);
    });
  },
);

describe('personal models', () => {
  it.each(['mf', 'mf-bpr', 'fm', 'fm-bpr', 'ease'])(
    '%s finds the hidden cells of a checkerboard',
    async (name) => {
      const { wanted } = checkerboard();
      const { items, k } = await recommend(name, 3);
      let hits = 0;
      let possible = 0;
      for (const [user, hidden] of wanted.entries()) {
        possible += Math.min(3, hidden.size);
        for (const item of items.subarray(user * k, (user + 1) * k)) hits += Number(hidden.has(item));
      }
      expect(hits / possible).toBeGreaterThan(0.95);
    },
  );
});
