import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { cappedRecall } from '../../../scripts/capped-recall.ts';
import type { Dataset, Id } from '../../../src/data/dataset.ts';
import { Stopwatch } from '../../../src/experiment/environment.ts';
import { keepRatings } from '../../../src/experiment/held-out/keep.ts';
import { prepare, prepareSplit } from '../../../src/experiment/prepare.ts';
import { dataSchema, protocolSchema } from '../../../src/experiment/protocol.ts';
import { recordSchema } from '../../../src/experiment/record.ts';
import { reproduce } from '../../../src/experiment/reproduce.ts';
import { runExperiment } from '../../../src/experiment/run.ts';
import { saveRecord } from '../../../src/experiment/store.ts';
import { carveFold } from '../../../src/experiment/tune/validation.ts';
import { specOf } from '../../../src/models/registry.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { countsOf } from '../../../src/util/arrays.ts';
import { entriesOf } from '../../../src/util/sparse-rows.ts';
import { recsys, smallFolder } from '../../support/cli.ts';

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };
const protocol = protocolSchema.parse({ k: [3], heldOutUsers: 8, validationUsers: 4 });

let dataset: string;
let folder: string;
beforeAll(async () => {
  dataset = await smallFolder(); // 30 users
  folder = await mkdtemp(join(tmpdir(), 'recsys-held-out-'));
});
afterAll(async () => {
  await rm(dataset, { recursive: true });
  await rm(folder, { recursive: true });
});
const prepared = () => prepare(dataSchema.parse({ dataset }), protocol, context, new Stopwatch());

test('users held out are in no training, and what they are tested on is neither told nor unknown to the others', async () => {
  const { dataset: data, train, histories, split, tested } = await prepared();
  expect(train.userCount).toBe(30 - 8 - 4);
  expect(tested).toHaveLength(8);
  const names = new Set<Id>(Array.from<Id>(train.userIds));
  expect([...tested].some((user) => names.has(data.userIds[user]!))).toBe(false);
  const catalogue = new Set(train.catalogue);
  for (const user of tested) {
    const told = [...entriesOf(histories!, user)].map(([item]) => item);
    const asked = [...split.test.items].filter((_, row) => split.test.users[row] === user);
    expect(asked.length).toBe(Math.round(0.2 * (told.length + asked.length)));
    expect(asked.filter((item) => told.includes(item))).toEqual([]);
    expect([...told, ...asked].every((item) => catalogue.has(item))).toBe(true);
  }
  // Nobody else is told about, and those who train keep all their ratings.
  expect(split.train.users.length).toBe(train.ratings.users.length + histories!.indices.length);
  const theirs = [...data.ratings.users].filter((user) => names.has(data.userIds[user]!));
  expect(train.ratings.users.length).toBe(theirs.length);
});

test('every model that takes people up is scored on them, and its record reproduces', async () => {
  const models = ['popularity-count', 'mf', 'fm', 'ease'].map((name) => specOf(name));
  const { record } = await runExperiment(
    { experiment: 'held-out', data: { dataset }, protocol, models },
    context,
  );
  for (const { users, perUser } of record.models) {
    expect(users.evaluated + users.withoutRelevant).toBe(8);
    expect(users.emptyLists).toBe(0);
    expect(perUser.userIds).toHaveLength(users.evaluated);
  }
  expect(record.protocol).toMatchObject({ heldOutUsers: 8, validationUsers: 4 });
  const path = join(folder, 'held-out_metrics.json');
  await saveRecord(path, recordSchema, record);
  expect((await reproduce(path, { ...context, resultsDir: folder })).differences).toEqual([]);
});

test('a person’s list does not depend on who else is asked: that of a model of the other users alone', async () => {
  const own = await prepared();
  const [spec] = [specOf('popularity-count')];
  const { lists } = await runExperiment(
    { experiment: 'x', data: { dataset }, protocol, models: [spec] },
    context,
  );
  // The most rated movies of the training users, without what the person has rated.
  const order = [...own.train.catalogue].sort(
    (a, b) => own.train.ratingCounts[b]! - own.train.ratingCounts[a]! || a - b,
  );
  const { users, items } = lists.get(spec.name)!;
  users.forEach((user, row) => {
    const told = [...entriesOf(own.histories!, user)].map(([item]) => item);
    const best = order.filter((item) => !told.includes(item)).slice(0, 3);
    expect([...items.subarray(3 * row, 3 * row + 3)]).toEqual(best);
  });
});

describe('ratings without a time and a split by time', () => {
  const temporal = { split: 'per-user-temporal' } as const;
  /** The data with the times of `isUndated` users' ratings taken out. */
  async function undated(isUndated: (user: number) => boolean): Promise<Dataset> {
    const { dataset: data } = await prepared();
    const { ratings } = data;
    const timestamps = ratings.timestamps.map((time, row) => (isUndated(ratings.users[row]!) ? 0 : time));
    const withoutTime = timestamps.filter((time) => time === 0).length;
    return { ...data, ratings: { ...ratings, timestamps }, withoutTime };
  }
  const split = (data: Dataset, own = {}) =>
    prepareSplit(data, protocolSchema.parse({ ...protocol, ...temporal, ...own }), {});

  it('are refused where a user held out has one', async () => {
    const { tested } = await prepared();
    const data = await undated((user) => user === tested[0]);
    const count = data.ratings.users.filter((user) => user === tested[0]).length;
    expect(() => split(data)).toThrow(new RegExp(`${count} of \\d+ ratings without a time`));
  });

  it('do not matter in ratings that are not divided, until a search divides them', async () => {
    const { tested } = await prepared();
    const held = new Set(tested);
    const own = split(await undated((user) => !held.has(user)));
    expect(own.tested.length).toBe(8);
    const carve = () => carveFold(own, protocolSchema.parse({ ...protocol, ...temporal }), 1);
    expect(carve).toThrow('ratings without a time');
    expect(own.train.withoutTime).toBe(own.train.ratings.users.length);
  });

  it('are counted among those that --min-ratings keeps', async () => {
    const { dataset: data } = await prepared();
    const counts = countsOf(data.ratings.users, data.userIds.length);
    const fewest = counts.reduce((a, b) => Math.min(a, b));
    const some = await undated((user) => counts[user] === fewest);
    expect(some.withoutTime).toBeGreaterThan(0);
    expect(keepRatings(some, dataSchema.parse({ minRatings: fewest })).withoutTime).toBe(some.withoutTime);
    const kept = keepRatings(some, dataSchema.parse({ minRatings: fewest + 1 }));
    expect(kept.withoutTime).toBe(0);
    expect(
      split(kept, { heldOutUsers: undefined, validationUsers: undefined }).tested.length,
    ).toBeGreaterThan(0);
  });
});

test('a search holds as many users of train out again', async () => {
  const { train, relevant, users, histories } = carveFold(await prepared(), protocol, 1);
  expect(train.userCount).toBe(18 - 8);
  expect(relevant.rows).toBe(18);
  expect(histories!.rows).toBe(18);
  expect(users.length).toBeLessThanOrEqual(8);
});

describe('--binarize and --min-ratings', () => {
  it('leave users without a rating known, who change no number', async () => {
    const { dataset: data } = await prepared();
    const kept = keepRatings(data, dataSchema.parse({ minRatings: 21 }));
    const absent = (users: Int32Array) => countsOf(users, 30).filter((count) => count === 0).length;
    expect(absent(kept.ratings.users)).toBeGreaterThan(0);
    const filtered = await mkdtemp(join(tmpdir(), 'recsys-filtered-'));
    const { users, items, values, timestamps } = kept.ratings;
    const lines = [...users].map(
      (user, row) => `${data.userIds[user]},${data.itemIds[items[row]!]},${values[row]},${timestamps[row]}`,
    );
    await writeFile(join(filtered, 'ratings.csv'), `userId,movieId,rating,timestamp\n${lines.join('\n')}\n`);
    await copyFile(join(dataset, 'movies.csv'), join(filtered, 'movies.csv'));
    const models = ['mf', 'mf-bpr', 'fm', 'popularity'].map((name) => specOf(name));
    const own = { experiment: 'x', protocol: protocolSchema.parse({ k: [3] }), models };
    const metricsOf = async (source: object) => {
      const { record } = await runExperiment({ ...own, data: dataSchema.parse(source) }, context);
      return [record.dataset.users, record.protocol.splitDigest, record.models.map(({ metrics }) => metrics)];
    };
    expect(await metricsOf({ dataset, minRatings: 21 })).toEqual(await metricsOf({ dataset: filtered }));
    await rm(filtered, { recursive: true });
  });

  it('keep ratings of at least a value as 1, then users with enough of them', async () => {
    const { dataset: data } = await prepared();
    const { ratings, isImplicit } = keepRatings(data, dataSchema.parse({ binarize: 4, minRatings: 9 }));
    const liked = new Map<number, number>();
    data.ratings.users.forEach((user, row) => {
      if (data.ratings.values[row]! >= 4) liked.set(user, (liked.get(user) ?? 0) + 1);
    });
    const enough = [...liked.values()].filter((count) => count >= 9);
    expect(ratings.users).toHaveLength(enough.reduce((a, b) => a + b, 0));
    expect(new Set(ratings.users).size).toBe(enough.length);
    expect([...new Set(ratings.values)]).toEqual([1]);
    expect(isImplicit).toBe(true);
  });
});

test('recall is divided by min(k, relevant): 2 hits of 5 movies in a list of 2 are all that can be', () => {
  const perUser = { userIds: [1, 2], relevant: [5, 1], hitRanks: [[1, 2], [3]] };
  expect(cappedRecall(perUser, 2)).toBe((1 + 0) / 2);
  expect(cappedRecall(perUser, 4)).toBe((2 / 4 + 1) / 2);
});

test('the plan of ML-20M runs on other data, with fewer users held out', async () => {
  const text = await readFile('plans/ml-20m-ials.yaml', 'utf8');
  const plan = join(folder, 'small.yaml');
  const small = text
    .replace('dataset: ml-20m', `dataset: ${dataset}`)
    .replaceAll(': 10000', ': 5')
    .replace('factors: 1024', 'factors: 8');
  await writeFile(plan, small);
  const { code, stderr } = await recsys(['run', plan, '--results-dir', folder, '--quiet']);
  expect([code, stderr]).toEqual([0, '']);
  const record = recordSchema.parse(JSON.parse(await readFile(join(folder, 'small_metrics.json'), 'utf8')));
  expect(record.source).toMatchObject({ binarize: 4, minRatings: 5 });
  expect(record.models.map(({ name }) => name)).toEqual(['popularity-count', 'ials']);
  expect(record.models[1]!.hyperparameters).toMatchObject({ regularization: 0.003, frequencyExponent: 1 });
});

test('what makes no sense with users held out is refused', async () => {
  const refused = async (...typed: string[]) => {
    const { code, stderr } = await recsys([...typed, '--dataset', dataset, '--k', '3', '--quiet']);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused('mf', '--held-out-users', '5', '--split', 'global-random')).toContain(
    '--held-out-users: --split global-random',
  );
  expect(await refused('mf', '--validation-users', '5')).toContain('no --held-out-users');
  expect(await refused('mf', '--held-out-users', '5', '--save-models', folder)).toContain(
    '--save-models: users who are held out of training',
  );
  const { code, stderr } = await recsys(['mf', '--held-out-users', '30', '--dataset', dataset]);
  expect([code, stderr]).toEqual([1, expect.stringContaining('more than the 30 that are held out')]);
});
