import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shortestNames } from '../../../src/experiment/compare/files.ts';
import { compare } from '../../../src/experiment/compare/index.ts';
import { comparisonSchema, type Comparison } from '../../../src/experiment/compare/record.ts';
import type { ResultsRecord } from '../../../src/experiment/record.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { languageRecordOf } from '../../support/language-records.ts';
import { recordOf } from '../../support/records.ts';

const context = { progress: silentProgress, signal: new AbortController().signal };

/** 40 users; every `nth` has a hit at each of `ranks`. */
const hits = (nth: number, ranks: number[]) =>
  Array.from({ length: 40 }, (_, user) => (user % nth === 0 ? ranks : []));
const good = hits(1, [1, 2]);
const middling = hits(2, [3]);
const bad = hits(20, [10]);

async function folderOf(files: Record<string, unknown>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-compare-'));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

async function compareIn(files: Record<string, unknown>): Promise<Comparison> {
  return await compare({ files: [], resultsDir: await folderOf(files) }, context);
}

it('tells files of one name in several folders apart', () => {
  expect(shortestNames(['a/x/r.json', 'b/x/r.json', 'b/s.json', 'b/../b/s.json'])).toEqual([
    'a/x/r.json',
    'b/x/r.json',
    's.json',
    's.json',
  ]);
});

describe('comparing records', () => {
  it('ranks by F1 and calls a model better where both tests agree', async () => {
    const found = await compareIn({ 'a.json': recordOf({ bad, good, middling }) });
    expect(found.models.map(({ name }) => name)).toEqual(['good', 'middling', 'bad']);
    expect(found.pairs.map(({ a, b, better }) => [a, b, better])).toEqual([
      ['good', 'middling', 'good'],
      ['good', 'bad', 'good'],
      ['middling', 'bad', 'middling'],
    ]);
    expect(comparisonSchema.safeParse(found).success).toBe(true);
  });

  it('shows no difference between two models that hit equally often on different users', async () => {
    const even = hits(2, [1]);
    const odd = even.map((ranks) => (ranks.length === 0 ? [1] : []));
    const [pair] = (await compareIn({ 'a.json': recordOf({ even, odd }) })).pairs;
    expect(pair).toMatchObject({ difference: 0, better: null, wins: 20, ties: 0, losses: 20 });
    expect(pair!.p).toBeGreaterThan(0.5);
  });

  it('refuses a record without metrics at a cut-off of its protocol, by file and field', async () => {
    const record = recordOf({ good, bad });
    const [first] = record.models;
    const files = { 'a.json': { ...record, models: [{ ...first!, metrics: {} }] } };
    await expect(compareIn(files)).rejects.toThrow(
      /a\.json: models\.0\.metrics: no metrics of good at k = \d+/,
    );
  });

  it('corrects p-values for the number of pairs', async () => {
    const found = await compareIn({ 'a.json': recordOf({ good, middling, bad, worst: hits(41, []) }) });
    expect(found.pairs).toHaveLength(6);
    for (const { p, pHolm } of found.pairs) expect(pHolm ?? NaN).toBeGreaterThanOrEqual(p);
    const smallest = Math.min(...found.pairs.map(({ p }) => p));
    expect(Math.min(...found.pairs.map(({ pHolm }) => pHolm ?? NaN))).toBeCloseTo(6 * smallest, 12);
  });

  it('sets a small sample apart: its models and all others on the users that they share', async () => {
    const few = recordOf({ gpt: [[1, 2], [1, 2], []] }, { userIds: [2, 3, 99] });
    const found = await compareIn({ 'a.json': recordOf({ good, middling }), 'b.json': few });
    expect(found.commonUsers).toBe(40); // three users do not shrink what 40 say
    const [sample] = found.samples;
    expect(sample!.users).toBe(2); // users 2 and 3
    const gpt = sample!.models.find(({ name }) => name === 'gpt')!;
    // two hits in ten places, of four relevant movies: P 0.2, R 0.5, F1 2/7; user 99 without a hit is not common
    expect(gpt.metrics['10']!.f1.mean).toBeCloseTo(2 / 7, 12);
    expect(gpt.evaluated).toBe(3);
    // of middling, user 3 (index 2) has one hit and user 2 none: F1 of 1 hit is 2 * 0.1 * 0.25 / 0.35 = 1/7
    const second = sample!.models.find(({ name }) => name === 'middling')!;
    expect(second.metrics['10']!.f1.mean).toBeCloseTo(1 / 14, 12);
  });

  it('keeps the numbers of a record whose users are all common', async () => {
    const record = recordOf({ good });
    const found = await compareIn({ 'a.json': record });
    expect(found.models[0]!.metrics['10']!.ndcg).toEqual(record.models[0]!.metrics['10']!.ndcg);
  });

  it('gives precision and recall at every cut-off up to k', async () => {
    const [model] = (await compareIn({ 'a.json': recordOf({ good }) })).models;
    expect(model!.curve).toHaveLength(10);
    expect(model!.curve[0]).toEqual({ k: 1, precision: 1, recall: 0.25 });
    expect(model!.curve[3]).toEqual({ k: 4, precision: 0.5, recall: 0.5 });
  });

  it('is the same from run to run except for environment', async () => {
    const folder = await folderOf({ 'a.json': recordOf({ good, middling, bad }) });
    const [first, second] = await Promise.all(
      [1, 2].map(async () => {
        const found = await compare({ files: [], resultsDir: folder }, context);
        return { ...found, environment: null };
      }),
    );
    expect(second).toEqual(first);
  });

  it('counts a model once that two records hold, and keeps the record with more users', async () => {
    const beside = recordOf({ gpt: middling.slice(0, 5), mf: good.slice(0, 5) });
    const found = await compareIn({ 'baseline.json': recordOf({ mf: good }), 'openai.json': beside });
    expect(found.models.map(({ name, evaluated }) => [name, evaluated])).toEqual([['mf', 40]]);
    expect(found.samples.map(({ models }) => models.map(({ name }) => name))).toEqual([['mf', 'gpt']]);
  });

  it('tells two settings of one model apart by the hyper-parameters that differ', async () => {
    const withFactors = (factors: number, ranks: number[][]) => {
      const record = recordOf({ mf: ranks });
      record.models[0]!.hyperparameters = { solver: 'als', factors, learningRate: 0.1 };
      return record;
    };
    const found = await compareIn({ 'a.json': withFactors(32, good), 'b.json': withFactors(64, bad) });
    expect(found.pairs).toMatchObject([
      { a: 'mf (factors 32)', b: 'mf (factors 64)', better: 'mf (factors 32)' },
    ]);
  });

  it('takes models without a hit for two where a setting differs, for one where the older record lacks it', async () => {
    const none = hits(41, []).slice(0, 5);
    const asked = (hyperparameters: Record<string, unknown>) => {
      const record = recordOf({ openai: none });
      record.models[0]!.hyperparameters = hyperparameters;
      return record;
    };
    const [a, b] = [asked({ model: 'gpt-4o' }), asked({ model: 'gpt-4o-mini', prompt: 'likes' })];
    const namesOf = ({ models }: Comparison) => models.map(({ name }) => name);
    expect(namesOf(await compareIn({ 'a.json': a, 'b.json': b }))).toEqual([
      'openai (model gpt-4o, prompt not recorded)',
      'openai (model gpt-4o-mini, prompt likes)',
    ]);
    const older = asked({ model: 'gpt-4o-mini' });
    expect(namesOf(await compareIn({ 'a.json': older, 'b.json': b }))).toEqual(['openai']);
  });

  it('says that five users are too few, and takes nothing from the pairs that have enough', async () => {
    const five = recordOf({ gpt: good.slice(0, 5).map(() => []) });
    const files = { 'a.json': recordOf({ good, middling, bad }) };
    const [alone, beside] = [await compareIn(files), await compareIn({ ...files, 'b.json': five })];
    const pairsOf = ({ pairs }: Comparison) => pairs.filter(({ b }) => b !== 'gpt');
    expect(pairsOf(beside)).toEqual(pairsOf(alone));
    const [first] = beside.pairs.filter(({ b }) => b === 'gpt');
    // good hits on all five users, gpt on none: the most extreme result there is, 2 of 2^5 sign patterns, p = 0.0625
    expect(first).toMatchObject({ a: 'good', users: 5, wins: 5, pHolm: null, better: null });
    expect(first!.p).toBeGreaterThan(0.05);
  });

  it('tells two different results under one name apart by their files where settings tell nothing', async () => {
    const found = await compareIn({
      'one.json': recordOf({ mf: good }),
      'two.json': recordOf({ mf: middling }),
    });
    expect(found.models.map(({ name }) => name)).toEqual(['mf (one)', 'mf (two)']);
  });

  it('takes seconds from the records and the cost from the language model that caused it', async () => {
    const found = await compareIn({
      'a.json': recordOf({ mf: good }),
      'b.json': languageRecordOf('gpt-4o', middling, ['Heat (1995)']),
    });
    expect(found.prices['mf']).toMatchObject({ fitSeconds: 0.5, recommendSeconds: 0.01, costUsd: null });
    expect(found.prices['gpt-4o']).toMatchObject({ users: 40, costUsd: 0.25 });
  });

  it('takes of the cost of several answers a user, as a noise budget asks for, that of one', async () => {
    const record = languageRecordOf('gpt-4o', middling, ['Heat (1995)']);
    record.language.details = { answers: 160, costUsd: 1, inputTokens: 8000, outputTokens: 400 };
    const { prices } = await compareIn({ 'b.json': record });
    expect(prices['gpt-4o']).toMatchObject({
      users: 40,
      costUsd: 0.25,
      inputTokens: 2000,
      outputTokens: 100,
    });
  });
});

describe('the cold slice', () => {
  it('counts hits among cold movies alone, over users with a relevant one, at their ranks in the whole list', async () => {
    const record = recordOf({ good, bad });
    const [first] = record.models;
    // Users 1 and 2 have two and one cold relevant movies; user 1 is hit at rank 2.
    const none = {
      relevant: Array<number>(38).fill(0),
      hitRanks: Array.from({ length: 38 }, (): number[] => []),
    };
    first!.perUser.cold = {
      relevant: [2, 1, ...none.relevant],
      hitRanks: [[2], [], ...none.hitRanks],
    };
    const [slice] = (await compareIn({ 'a.json': record })).slices;
    expect(slice).toMatchObject({ name: 'cold', users: 2, relevant: 3 });
    const [own, older] = slice!.models;
    expect([own!.name, own!.hits, own!.metrics!.recall.mean]).toEqual(['good', 1, 0.25]); // (1/2 + 0) / 2
    expect(own!.metrics!.ndcg.mean).toBeCloseTo(1 / Math.log2(3) / (1 + 1 / Math.log2(3)) / 2, 12);
    expect(older).toEqual({ name: 'bad', hits: null, metrics: null }); // not 0: its record is older
  });

  it('is left out where no record tells cold movies apart', async () => {
    expect((await compareIn({ 'a.json': recordOf({ good }) })).slices).toEqual([]);
  });
});

describe('what was not measured', () => {
  it('is null: answers replayed from a file cost no money and no time of the model', async () => {
    const replayed = languageRecordOf('openai', middling, ['Heat (1995)']);
    replayed.models[0]!.hyperparameters = { replayed: true };
    const found = await compareIn({ 'a.json': replayed });
    expect(found.prices['openai']).toMatchObject({ fitSeconds: null, recommendSeconds: null, costUsd: null });
  });

  it('is null for values of lists that are not defined, or older than their metric', async () => {
    const record = recordOf({ good });
    record.models[0]!.metrics['10']!.diversity = null;
    delete record.models[0]!.metrics['10']!.gini;
    const [model] = (await compareIn({ 'a.json': record })).models;
    expect(model!.lists).toMatchObject({ diversity: null, gini: null, coverage: 0.2 });
  });
});

describe('records that cannot be compared', () => {
  const changed = (change: (record: ResultsRecord) => void) => {
    const record = recordOf({ good });
    change(record);
    return record;
  };
  const cases: [string, ResultsRecord][] = [
    ['data set', changed(({ dataset }) => (dataset.files[0]!.sha256 = 'f'.repeat(64)))],
    ['split', changed(({ protocol }) => (protocol.split = 'global-random'))],
    ['seed', changed(({ protocol }) => (protocol.seed = 7))],
    ['test share', changed(({ protocol }) => (protocol.testShare = 0.5))],
    ['threshold', changed(({ protocol }) => (protocol.threshold = 3))],
    ['k', recordOf({ good }, { k: [5] })],
    ['split digest', changed(({ protocol }) => (protocol.splitDigest = 'c'.repeat(64)))],
  ];
  for (const [what, record] of cases) {
    it(`are refused for another ${what}, naming both files`, async () => {
      await expect(compareIn({ 'a.json': recordOf({ middling }), 'b.json': record })).rejects.toThrow(
        new RegExp(`^a[.]json and b[.]json: not comparable: other ${what} \\(`),
      );
    });
  }

  it('are refused when another tool’s conventions made their metrics', async () => {
    const record = changed(({ protocol }) => (protocol.convention = 'lenskit'));
    await expect(compareIn({ 'a.json': record })).rejects.toThrow(/a[.]json: .*convention of lenskit/);
  });

  it('are refused when no user is common', async () => {
    const other = recordOf({ gpt: [[1]] }, { userIds: [1000] });
    await expect(compareIn({ 'a.json': recordOf({ good }), 'b.json': other })).rejects.toThrow(/no user/);
  });

  it('do not include one data set under two folder names', async () => {
    const renamed = recordOf({ middling }, { dataset: 'the same bytes' });
    const found = await compareIn({ 'a.json': recordOf({ good }), 'b.json': renamed });
    expect(found.models).toHaveLength(2);
  });
});

describe('finding records', () => {
  it('skips files of other kinds in the folder', async () => {
    const found = await compareIn({
      'a.json': recordOf({ good }),
      'comparison.json': { experiment: 'comparison', protocol: {}, models: [] },
      'exploration.json': { experiment: 'exploration' },
      'record.schema.json': { $schema: 'x' },
      'broken.json': '{',
    });
    expect(found.files).toEqual(['a.json']);
  });

  it('reports a damaged record by file and field instead of leaving it out', async () => {
    const damaged = JSON.parse(JSON.stringify(recordOf({ good }))) as { models: { perUser?: unknown }[] };
    delete damaged.models[0]!.perUser;
    await expect(compareIn({ 'a.json': damaged })).rejects.toThrow(/a[.]json: .*perUser/);
  });

  it('says what to run when there is no record', async () => {
    await expect(compareIn({})).rejects.toThrow(/no results record.*Run `recsys baseline` first/);
  });

  it('reads only the files that are named', async () => {
    const folder = await folderOf({ 'a.json': recordOf({ good }), 'b.json': recordOf({ bad }) });
    const found = await compare({ files: [join(folder, 'b.json')], resultsDir: 'nowhere' }, context);
    expect(found.files).toEqual(['b.json']);
  });
});

describe('language models in a comparison', () => {
  it('show users that most records have, chosen to differ', async () => {
    const first = languageRecordOf('gpt2', middling.slice(0, 6), ['Heat (1995)']);
    const second = languageRecordOf('gpt-4o', good.slice(0, 4), ['Alien (1979)'], {
      userIds: [3, 4, 5, 6],
    });
    const found = await compareIn({ 'a.json': first, 'b.json': second });
    expect(found.examples.map(({ userId }) => userId).toSorted((a, b) => Number(a) - Number(b))).toEqual([
      3, 4, 5,
    ]);
    expect(found.examples.map(({ why }) => why)).toEqual([
      'the models agree',
      'the models disagree',
      'a short history',
    ]);
    const [{ lists }] = found.examples as [Comparison['examples'][number]];
    expect(lists.map(({ name }) => name)).toEqual(['gpt-4o', 'gpt2']);
    expect(found.language[0]!.shares['exact']).toBe(0.5);
  });

  it('stand beside lists that were saved with the record of other models, of the same run alone', async () => {
    const record = recordOf({ good });
    const user = (userId: number) => ({
      userId,
      trainRatings: 10 * userId,
      recommendations: [{ rank: 1, movieId: 7, title: `Film of ${userId} (1999)`, score: 1 }],
    });
    const lists = {
      splitDigest: record.protocol.splitDigest,
      models: [{ name: 'good', hyperparameters: {}, users: [1, 2, 3, 4].map(user) }],
    };
    const saved = { 'a_metrics.json': record, 'a_recommendations.json': lists };
    const [short] = (await compareIn(saved)).examples.filter(({ why }) => why === 'a short history');
    expect([short!.history, short!.trainRatings! < 40]).toEqual([null, true]);
    expect(short!.lists[0]!.recommendations![0]!.text).toBe(`Film of ${short!.userId} (1999)`);

    const other = { ...saved, 'a_recommendations.json': { ...lists, splitDigest: 'c'.repeat(64) } };
    expect((await compareIn(other)).examples).toEqual([]);
    const damaged = { ...saved, 'a_recommendations.json': { ...lists, models: 1 } };
    await expect(compareIn(damaged)).rejects.toThrow(/a_recommendations[.]json: .*models/);
  });

  it('read the training curve up to a line that a kill cut off; version 0.1 wrote step for update', async () => {
    const found = await compareIn({
      'a.json': recordOf({ good }),
      'gpt2_training.jsonl':
        '{"step":1,"loss":4}\n{"update":2,"loss":3}\n{"update":2,"validationLoss":3.5}\n{"update":3,"lo',
    });
    expect(found.training).toEqual([
      {
        name: 'gpt2',
        updates: [
          { update: 1, loss: 4 },
          { update: 2, loss: 3, validationLoss: 3.5 },
        ],
      },
    ]);
  });

  it('read validations by the F1 of lists, as item tokens and titles log them', async () => {
    const found = await compareIn({
      'a.json': recordOf({ good }),
      'items_training.jsonl': '{"update":1,"loss":4}\n{"update":1,"epoch":1,"validationF1":0.25}\n',
      'titles_training.jsonl': '{"update":1,"loss":4}\n{"update":1,"epoch":1,"bestValidationF1":0.125}\n',
    });
    expect(found.training.map(({ updates }) => updates)).toEqual([
      [{ update: 1, loss: 4, validationF1: 0.25 }],
      [{ update: 1, loss: 4, validationF1: 0.125 }],
    ]);
  });

  it('name the line of a training log that is damaged in its middle', async () => {
    const files = { 'a.json': recordOf({ good }), 'gpt2_training.jsonl': 'x\n{"update":2,"loss":3}\n' };
    await expect(compareIn(files)).rejects.toThrow(/gpt2_training[.]jsonl:1/);
  });

  it('thin a long training curve but keep its end and every validation loss', async () => {
    const lines = Array.from({ length: 5000 }, (_, update) => JSON.stringify({ update, loss: 1 }));
    lines.splice(778, 0, JSON.stringify({ update: 777, validationLoss: 2 }));
    const { training } = await compareIn({
      'a.json': recordOf({ good }),
      'gpt2_training.jsonl': lines.join('\n'),
    });
    const { updates } = training[0]!;
    expect(updates.length).toBeLessThan(320);
    expect(updates.at(-1)!.update).toBe(4999);
    expect(updates.some(({ validationLoss }) => validationLoss === 2)).toBe(true);
  });
});
