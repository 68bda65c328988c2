import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { has } from '../../../../src/data/csr.ts';
import { loadTokenizer } from '../../../../src/huggingface/tokenizer.ts';
import { readCheckpoint } from '../../../../src/models/gpt2/network/checkpoint.ts';
import { readConfig } from '../../../../src/models/gpt2/network/config.ts';
import { hiddenStates, parameterInputs, plainNetwork } from '../../../../src/models/gpt2/network/onnx.ts';
import { holdBack } from '../../../../src/models/gpt2/held-ratings.ts';
import { promptBatches, trainingBatches } from '../../../../src/models/gpt2/items/batches.ts';
import { saveItems } from '../../../../src/models/gpt2/items/folder.ts';
import { itemHistories, itemVocabulary } from '../../../../src/models/gpt2/items/histories.ts';
import { ItemPredictor } from '../../../../src/models/gpt2/items/predictor.ts';
import { sequenceBatches } from '../../../../src/models/gpt2/items/sequences.ts';
import { createGraph } from '../../../../src/onnx/ops/index.ts';
import { createSession } from '../../../../src/onnx/session.ts';
import { AbortedError } from '../../../../src/util/errors.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { checkerboard, fitContext, trainOn } from '../../../support/datasets.ts';
import { itemModelIn, withTraineeOn } from './fixture.ts';

const { train } = checkerboard();
const everyone = Int32Array.from({ length: train.userCount }, (_, user) => user);
const quick = { preset: 'tiny', epochs: 3, batchSize: 8 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'items-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('samples of histories', () => {
  const vocabulary = itemVocabulary(train);
  const histories = itemHistories(train, vocabulary, everyone, 4);
  const options = {
    contextLength: 32,
    batchSize: 8,
    ordered: false,
    objective: 'set',
    promptShare: [0.3, 0.9],
    targetExponent: 0,
  } as const;
  const draw = (pass: number) => trainingBatches(histories, options, new Rng(1).derive(`pass ${pass}`));

  it('are the same whenever a pass is asked for, others in another pass, and as many', () => {
    expect(draw(0)).toEqual(draw(0));
    expect(draw(1)).not.toEqual(draw(0));
    expect(draw(1)).toHaveLength(draw(0).length);
  });

  it('ask for liked movies that the prompt does not hold; a sample counts 1 in all', () => {
    for (const { rows, length, tokens, levels, targets } of draw(0)) {
      for (let row = 0; row < rows; row++) {
        const at = row * length;
        const prompt = [...tokens.subarray(at, at + length)].filter((_, n) => levels[at + n]! >= 0);
        const weights = targets[row]!.map(({ weight }) => weight);
        if (weights.length > 0) expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
        for (const { token } of targets[row]!) expect(prompt).not.toContain(token);
      }
    }
  });

  it('hold the whole history when lists are made, and its latest ratings where it is too long', () => {
    const asked = { contextLength: 4, batchSize: 8, ordered: true, objective: 'set' } as const;
    const [first] = promptBatches(histories.slice(0, 1), asked, new Rng(1));
    const { tokens } = histories[0]!;
    expect(first!.batch.tokens.subarray(0, 3)).toEqual(tokens.slice(-3));
  });
});

describe('held back ratings', () => {
  it('are in no training part, and only liked ones count', () => {
    const { inner, held } = holdBack(train, { share: 0.5, ordered: false, threshold: 4 }, new Rng(1));
    expect(held.users.length).toBeGreaterThan(10);
    for (const [n, user] of held.users.entries()) {
      for (const item of held.relevant[n]!) {
        expect(has(inner.byUser, user, item)).toBe(false);
        expect(item % 2).toBe(user % 2); // users like movies of their own colour
      }
    }
  });
});

describe('item GPT-2', () => {
  it('learns who likes what from random vectors: lists hold movies of the own colour', async () => {
    const model = itemModelIn(folder, { ...quick, itemInit: 'random', epochs: 40, learningRate: 0.01 });
    const fitted = await model.fit(train, fitContext());
    const { items } = await fitted.recommend(everyone, 3);
    const own = items.filter((item, n) => item % 2 === Math.floor(n / 3) % 2).length;
    expect(own / items.length).toBeGreaterThan(0.9); // by chance a half
  });

  it('is validated by F1 on ratings that are held back', async () => {
    const model = itemModelIn(folder, { ...quick, validationShare: 0.5 });
    const { facts } = await model.fit(train, fitContext());
    expect(facts!['validationF1']).toBeGreaterThan(0);
    expect(facts!['validationF1']).toBeLessThanOrEqual(1);
  });

  it('has the same weights on one thread and on two', async () => {
    const fit = async (threads: number) => {
      const model = itemModelIn(join(folder, `${threads}`), quick, { withTrainee: withTraineeOn(threads) });
      return (await model.fit(train, fitContext(1, threads))).parameters;
    };
    expect(await fit(2)).toEqual(await fit(1));
  });

  it('stopped and resumed continues to the digit', async () => {
    const whole = await itemModelIn(join(folder, 'whole'), quick).fit(train, fitContext());
    const controller = new AbortController();
    const parts = join(folder, 'parts');
    const stopping = itemModelIn(parts, quick, {
      withTrainee: (model, use) =>
        withTraineeOn(1)(model, (trainee) => {
          const update = trainee.update.bind(trainee);
          let updates = 0;
          trainee.update = (...given) => {
            if (++updates === 4) controller.abort();
            return update(...given);
          };
          return use(trainee);
        }),
    });
    await expect(stopping.fit(train, fitContext(1, 1, controller.signal))).rejects.toBeInstanceOf(
      AbortedError,
    );
    const resumed = await itemModelIn(parts, { ...quick, resume: true }).fit(train, fitContext());
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.facts).toEqual(whole.facts);
  });

  it('gives every movie a reason without an empty slot', async () => {
    const fitted = await itemModelIn(folder, quick).fit(train, fitContext());
    await fitted.recommend(everyone, 3);
    for (const { entries } of fitted.exchanges) {
      expect(entries).toHaveLength(3);
      for (const { reason } of entries) expect(reason).toMatch(/Drama|Comedy|ratings are like yours/);
    }
  });
});

describe('the next movie', () => {
  it('is asked for at the movie before it, where it is liked; the latest ones of a long history', () => {
    const history = {
      user: 0,
      tokens: Int32Array.of(9, 5, 6, 7, 8),
      levels: Uint8Array.of(1, 1, 0, 1, 1),
      liked: Uint8Array.of(1, 1, 0, 1, 1),
    };
    const [short] = sequenceBatches([history], { contextLength: 6, batchSize: 1 }, new Rng(1));
    expect([...short!.tokens]).toEqual([0, 0, 9, 5, 6, 7]);
    expect([...short!.next]).toEqual([-1, -1, 5, -1, 7, 8]);
    const [cut] = sequenceBatches([history], { contextLength: 3, batchSize: 1 }, new Rng(1));
    expect([...cut!.tokens]).toEqual([5, 6, 7]);
    expect([...cut!.next]).toEqual([-1, 7, 8]);
  });

  it('is learned: in a circle of movies each is followed by the next one', async () => {
    const rows = Array.from({ length: 24 }, (_, user) =>
      Array.from({ length: 6 }, (_, n): [number, number, number] => [user, (user + n) % 12, 5]),
    ).flat();
    const circle = trainOn(rows, 24, 12);
    const typed = { ...quick, itemInit: 'random', epochs: 60, learningRate: 0.01 };
    const model = itemModelIn(folder, typed, { objective: 'next' });
    const fitted = await model.fit(circle, fitContext());
    const users = Int32Array.from({ length: 24 }, (_, user) => user);
    const { items } = await fitted.recommend(users, 1);
    expect([...items]).toEqual([...users].map((user) => (user + 6) % 12));
  });
});

describe('the folder of item GPT-2', () => {
  it('is a GPT-2 whose plain network, fed with tokens and token types, gives the same states', async () => {
    const fitted = await itemModelIn(folder, quick).fit(train, fitContext());
    await saveItems(folder, fitted.config, fitted.parameters, fitted.vocabulary, train);
    const config = await readConfig(folder);
    const parameters = await readCheckpoint(folder, config);
    const tokenizer = await loadTokenizer(folder, config.vocab_size);
    expect(tokenizer.vocabularySize).toBe(config.vocab_size);
    const [history] = itemHistories(train, fitted.vocabulary, Int32Array.of(0), 4);
    const predictor = new ItemPredictor(fitted.config, 1);
    const sampling = {
      contextLength: fitted.config.n_positions,
      batchSize: 1,
      ordered: true,
      objective: 'set',
    } as const;
    const context = { rng: new Rng(1), signal: new AbortController().signal };
    const states = await predictor.states(fitted.parameters, [history!], sampling, context);
    await predictor.dispose();
    const words = Array.from(
      history!.tokens,
      (token, n) =>
        `<|movie:${train.itemIds[fitted.vocabulary.catalogue[token]!]}|><|rating:${fitted.vocabulary.stars[history!.levels[n]!]}|>`,
    );
    const ids = tokenizer.encode(`${words.join('')}<|ask|><|unrated|>`);
    expect(ids).toHaveLength(2 * history!.tokens.length + 2);
    expect(await plainStates(config, parameters, ids)).toSatisfy((found: Float32Array) =>
      found.every((value, n) => Math.abs(value - states.get(0)![n]!) < 1e-4),
    );
  });
});

/** The last state of GPT-2's own graph, `ids` taken as pairs of a token and its type, whose rows are added. */
async function plainStates(
  config: Awaited<ReturnType<typeof readConfig>>,
  parameters: Awaited<ReturnType<typeof readCheckpoint>>,
  ids: number[],
): Promise<Float32Array> {
  const C = config.n_embd;
  const T = ids.length / 2;
  const table = parameters.get('transformer.wte.weight')!.data;
  const row = (id: number) => table.subarray(id * C, (id + 1) * C);
  const sums = new Float32Array(T * C);
  for (let t = 0; t < T; t++)
    sums.set(
      row(ids[2 * t]!).map((x, c) => x + row(ids[2 * t + 1]!)[c]!),
      t * C,
    );
  const small = { ...config, vocab_size: T };
  const graph = createGraph();
  const inputs = parameterInputs(graph, small);
  graph.output(
    'hidden',
    hiddenStates(graph, small, inputs, graph.input('tokens', [1, T], 'int64'), plainNetwork),
  );
  const session = await createSession(graph, { target: 'cpu', threads: 1 });
  const { hidden } = await session.run({
    ...Object.fromEntries([...parameters].map(([name, { data }]) => [name, data])),
    'transformer.wte.weight': sums,
    tokens: BigInt64Array.from({ length: T }, (_, t) => BigInt(t)),
  });
  await session.release();
  return (hidden!.data as Float32Array).slice((T - 1) * C);
}
