import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compare } from '../../../src/experiment/compare/index.ts';
import type { Comparison } from '../../../src/experiment/compare/record.ts';
import { compareSlices, knowledgeSlices } from '../../../src/experiment/compare/slices.ts';
import type { ProbeRecord } from '../../../src/experiment/probe/record.ts';
import type { ResultsRecord } from '../../../src/experiment/record.ts';
import { combineSeeds } from '../../../src/experiment/seeds/combine.ts';
import { trainingChart } from '../../../src/report/compare/language-charts.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { recordOf, type RecordOptions } from '../../support/records.ts';

async function compareIn(files: Record<string, unknown>): Promise<Comparison & { notes: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-compare-seeds-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(content));
  }
  const notes: string[] = [];
  const progress = { ...silentProgress, note: (line: string) => notes.push(line) };
  const signal = new AbortController().signal;
  return { ...(await compare({ files: [], resultsDir: folder }, { progress, signal })), notes };
}

/** `ranks` for each of the users `from` to `to`. */
function usersWith(from: number, to: number, ranks: number[]): { userIds: number[]; hitRanks: number[][] } {
  const userIds = Array.from({ length: to - from + 1 }, (_, n) => from + n);
  return { userIds, hitRanks: userIds.map(() => [...ranks]) };
}

/** A record over as many seeds as there are `parts`: the users of each, all with the same hits in one seed. */
function overSeeds(
  name: string,
  parts: ReturnType<typeof usersWith>[],
  options: RecordOptions = {},
): ResultsRecord {
  return combineSeeds(
    parts.map(({ userIds, hitRanks }, n) =>
      recordOf({ [name]: hitRanks }, { ...options, userIds, seed: n + 1, splitDigest: String(n).repeat(64) }),
    ),
  );
}

test('records over seeds are compared on the users of all seeds, be they few', async () => {
  // 100 users with each seed, 20 with both: less than half of those of one seed
  const mf = overSeeds('mf', [usersWith(1, 100, [1]), usersWith(81, 180, [1])]);
  const fm = overSeeds('fm', [usersWith(1, 100, []), usersWith(81, 180, [2])]);
  const found = await compareIn({ 'a.json': mf, 'b.json': fm });
  expect(found.commonUsers).toBe(20);
  expect(found.models.map(({ name }) => name)).toEqual(['mf', 'fm']);
  expect(found.samples).toEqual([]);
});

test('a model whose samples of the seeds share no user is left out with a note, and the others are compared', async () => {
  const mf = overSeeds('mf', [usersWith(1, 100, [1]), usersWith(1, 100, [1])]);
  const fm = overSeeds('fm', [usersWith(1, 100, []), usersWith(1, 100, [2])]);
  const openai = overSeeds('openai', [usersWith(1, 5, [1]), usersWith(6, 10, [1])]);
  const found = await compareIn({ 'a.json': mf, 'b.json': fm, 'c.json': openai });
  expect(found.models.map(({ name }) => name)).toEqual(['mf', 'fm']);
  expect([found.samples, Object.keys(found.prices).sort()]).toEqual([[], ['fm', 'mf']]);
  expect(found.notes).toEqual([
    expect.stringMatching(/^openai is left out: no user of c[.]json .*every seed/),
  ]);
});

test('a record alone without a user of all seeds is refused by its file', async () => {
  const openai = overSeeds('openai', [usersWith(1, 5, [1]), usersWith(6, 10, [1])]);
  await expect(compareIn({ 'c.json': openai })).rejects.toThrow(
    /^c[.]json: no user that every model was evaluated on with every seed.*more users/,
  );
});

test('two results over seeds that are alike with the first seed are two', async () => {
  const first = overSeeds('mf', [usersWith(1, 20, [1]), usersWith(1, 20, [1])]);
  const second = overSeeds('mf', [usersWith(1, 20, [1]), usersWith(1, 20, [2])]);
  const found = await compareIn({ 'a.json': first, 'b.json': second });
  expect(found.models.map(({ name }) => name)).toEqual(['mf (a)', 'mf (b)']);
  const again = await compareIn({ 'a.json': first, 'b.json': first });
  expect(again.models.map(({ name }) => name)).toEqual(['mf']);
});

/** Makes the first movie of each user a cold one; it is hit where a rank is given. */
function withCold(
  record: ResultsRecord,
  bySeed: { relevant: number[]; hitRanks: number[][] }[],
): ResultsRecord {
  const [model] = record.models;
  for (const [n, cold] of bySeed.entries()) model!.seeds![n]!.perUser.cold = cold;
  model!.perUser = model!.seeds![0]!.perUser;
  return record;
}

test('cold movies are those of all seeds: hits are counted, and recall is the mean of the seeds', async () => {
  const parts = [usersWith(1, 2, [1]), usersWith(1, 2, [2])];
  const mf = withCold(overSeeds('mf', parts), [
    { relevant: [1, 0], hitRanks: [[1], []] },
    { relevant: [2, 2], hitRanks: [[2], []] },
  ]);
  const [slice] = (await compareIn({ 'a.json': mf })).slices;
  expect(slice).toMatchObject({ users: 2, relevant: 5 });
  expect(slice!.movies).toContain('all seeds together');
  // Recall: 1/1 of user 1 with the first seed; (1/2 + 0/2) / 2 of both users with the second
  expect(slice!.models[0]).toMatchObject({ hits: 2, metrics: { recall: { mean: (1 + 0.25) / 2 } } });
  expect(slice!.models[0]!.metrics!.recall.sd).toBeCloseTo(0.75 / Math.SQRT2, 12);
});

test('a seed without a user with a relevant cold movie counts in no mean', async () => {
  const parts = [usersWith(1, 2, [1]), usersWith(1, 2, [2])];
  const mf = withCold(overSeeds('mf', parts), [
    { relevant: [0, 0], hitRanks: [[], []] },
    { relevant: [2, 0], hitRanks: [[2], []] },
  ]);
  const [slice] = (await compareIn({ 'a.json': mf })).slices;
  expect(slice).toMatchObject({ users: 1, relevant: 2, models: [{ hits: 1 }] });
  expect(slice!.models[0]!.metrics!.recall.mean).toBe(0.5);
});

test('what is known of the first seed alone says so: movies that a model knew, texts, the curve of training', async () => {
  const mf = overSeeds('mf', [usersWith(1, 10, [1]), usersWith(1, 10, [2])]);
  for (const { perUser } of [mf.models[0]!, ...mf.models[0]!.seeds!]) {
    perUser.hitItems = perUser.hitRanks.map(() => [7]);
  }
  const probe = {
    model: 'm',
    knownItems: [7],
    unknownItems: [],
    relevant: { userIds: [1], known: [2], unknown: [0] },
  } as unknown as ProbeRecord;
  const model = { name: 'mf', file: 'a', result: mf.models[0]!, record: mf, lists: new Map() };
  const population = { users: [1, 2], recorded: [model] };
  const [known] = compareSlices(knowledgeSlices(probe), population, { k: 10, seed: 1 });
  expect(known).toMatchObject({ users: 1, relevant: 2, models: [{ hits: 1 }] });
  expect(known!.movies).toBe('movies that m knew by their ids, with the first seed');

  const found = await compareIn({ 'a.json': mf });
  const updates = [1, 2].map((update) => ({ update, loss: 4 - update }));
  const [chart] = trainingChart({ ...found, training: [{ name: 'gpt2', updates }] });
  expect(chart!.note).toContain('the seed that was trained last');
});
