import { mkdtemp, rm, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare } from '../../../src/experiment/compare/index.ts';
import { protocolSchema } from '../../../src/experiment/protocol.ts';
import { recordSchema, type ResultsRecord } from '../../../src/experiment/record.ts';
import { reproduce } from '../../../src/experiment/reproduce.ts';
import { runExperiment } from '../../../src/experiment/run.ts';
import { combineSeeds, splitSeeds } from '../../../src/experiment/seeds/combine.ts';
import { overSeeds } from '../../../src/experiment/seeds/run.ts';
import { readRecord, saveRecord } from '../../../src/experiment/store.ts';
import { specOf } from '../../../src/models/registry.ts';
import { recordTable } from '../../../src/report/record-table.ts';
import { mean } from '../../../src/util/arrays.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { recsys, smallFolder } from '../../support/cli.ts';
import { recordOf } from '../../support/records.ts';

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };
const protocol = protocolSchema.parse({ k: [3, 5] });
const models = [specOf('popularity-count'), specOf('mf-sgd', { epochs: 3, factors: 4 })];

let dataset: string;
let folder: string;
let record: ResultsRecord;
beforeAll(async () => {
  dataset = await smallFolder();
  folder = await mkdtemp(join(tmpdir(), 'recsys-seeds-'));
  record = await overSeeds([1, 2, 3], protocol, context, async (protocol) => {
    const spec = { experiment: 'baseline', data: { dataset }, protocol, models };
    return (await runExperiment(spec, context)).record;
  });
});
afterAll(async () => {
  await rm(dataset, { recursive: true });
  await rm(folder, { recursive: true });
});

test('a record over seeds has the mean of the seeds’ means, and says which splits they had', () => {
  const seeds = splitSeeds(record);
  expect(seeds.map(({ protocol }) => protocol.seed)).toEqual([1, 2, 3]);
  expect(new Set(record.protocol.seeds?.map(({ splitDigest }) => splitDigest)).size).toBe(3);
  for (const [n, { metrics }] of record.models.entries()) {
    const means = seeds.map(({ models }) => models[n]!.metrics[5]!.f1.mean);
    expect(metrics[5]!.f1.mean).toBeCloseTo(mean(means), 12);
    expect(metrics[5]!.f1.sd).toBeGreaterThan(0);
    expect(metrics[5]!.f1.ci95[0]).toBeLessThan(Math.min(metrics[5]!.f1.mean, ...means));
    expect(metrics[5]!.coverage).toBeCloseTo(
      mean(seeds.map(({ models }) => models[n]!.metrics[5]!.coverage!)),
      12,
    );
  }
});

test('each seed’s part is the record of that seed, and both ways lose nothing', async () => {
  const spec = { experiment: 'baseline', data: { dataset }, protocol: { ...protocol, seed: 2 }, models };
  const { record: alone } = await runExperiment(spec, context);
  const part = splitSeeds(record)[1]!;
  expect({ ...part, environment: 0, timing: 0 }).toEqual({ ...alone, environment: 0, timing: 0 });
  expect(combineSeeds(splitSeeds(record))).toEqual(record);
});

test('a record over seeds is saved, reproduced to the digit, and compared on users of all seeds', async () => {
  const path = join(folder, 'seeds.json');
  await saveRecord(path, recordSchema, record);
  expect((await reproduce(path, { ...context, resultsDir: folder })).differences).toEqual([]);
  const found = await compare({ files: [path], resultsDir: folder }, context);
  expect(found.models.map(({ name }) => name).sort()).toEqual(['mf-sgd', 'popularity-count']);
  expect(found.models[0]!.metrics[5]!.f1.sd).toBeGreaterThan(0);
  expect(found.pairs[0]!.users).toBe(found.commonUsers);
  const single = splitSeeds(record)[0]!;
  await saveRecord(join(folder, 'one.json'), recordSchema, single);
  const both = [path, join(folder, 'one.json')];
  await expect(compare({ files: both, resultsDir: folder }, context)).rejects.toThrow(
    /other seed \(1,2,3 and 1\)/,
  );
});

test('the table shows the deviation between mean and interval, and names the seeds', () => {
  const text = recordTable(record);
  expect(text).toContain('seeds 1, 2, 3');
  expect(text).toMatch(/±[.]\d{4}/);
});

test('the table has errors of predicted ratings as means over the seeds', () => {
  const errors = record.models[1]!.seeds!.map((own) => own.ratingPrediction!);
  expect(new Set(errors.map(({ rmse }) => rmse)).size).toBe(3);
  const rmse = mean(errors.map((own) => own.rmse)).toFixed(4);
  const mae = mean(errors.map((own) => own.mae)).toFixed(4);
  const text = recordTable(record).replaceAll('\n', ' ');
  expect(text).toContain(`mf-sgd: RMSE ${rmse}, MAE ${mae}, means over 3 seeds with`);
});

test('intervals are called normal where the users of all seeds together are too many for a bootstrap', () => {
  const part = (seed: number, first: number) => {
    const userIds = Array.from({ length: 6000 }, (_, n) => first + n);
    return recordOf({ mf: userIds.map(() => [1]) }, { userIds, seed });
  };
  expect(combineSeeds([part(1, 1), part(2, 1)]).models[0]!.intervals).toBe('bootstrap');
  expect(combineSeeds([part(1, 1), part(2, 6001)]).models[0]!.intervals).toBe('normal');
});

test('--seeds runs each, and the lists or models of several seeds are refused', async () => {
  const argv = ['popularity', '--dataset', dataset, '--k', '3', '--seeds', '1,2', '--results-dir', folder];
  expect((await recsys([...argv, '--quiet'])).code).toBe(0);
  const saved = await readRecord(join(folder, 'popularity_metrics.json'), recordSchema);
  expect(saved.models[0]!.seeds?.map(({ seed }) => seed)).toEqual([1, 2]);
  expect((await readFile(join(folder, 'popularity_metrics.json'), 'utf8')).includes('"sd"')).toBe(true);
  const refused = await recsys([...argv, '--save-recommendations']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--save-recommendations: several seeds');
});
