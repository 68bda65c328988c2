import { describe, expect, it } from 'vitest';
import { Stopwatch } from '../../src/experiment/environment.ts';
import { prepare } from '../../src/experiment/prepare.ts';
import { dataSchema, protocolSchema } from '../../src/experiment/protocol.ts';
import { differences, reproducible } from '../../src/experiment/reproduce.ts';
import { runExperiment, runModels } from '../../src/experiment/run.ts';
import { specOf } from '../../src/models/registry.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { smallFolder } from '../support/cli.ts';

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };

async function run(protocol: Record<string, unknown> = {}, threads = 1, models = ['popularity-count', 'mf']) {
  const dataset = await folder;
  return runExperiment(
    {
      experiment: 'baseline',
      data: dataSchema.parse({ dataset }),
      protocol: protocolSchema.parse(protocol),
      models: models.map((name) => specOf(name, name === 'mf' ? { factors: 8, iterations: 4 } : {})),
    },
    { ...context, threads },
  );
}
const folder = smallFolder();

describe('an experiment', () => {
  it('records data, protocol, models, users and every metric at every cut-off', async () => {
    const { record } = await run({ k: [10, 5, 5], threshold: 3.5 });
    expect(record.protocol.k).toEqual([5, 10]);
    expect(record.dataset).toMatchObject({ users: 30, items: 40 });
    expect(record.dataset.files.map(({ name }) => name)).toEqual(['ratings.csv', 'movies.csv']);
    expect(record.protocol.trainRatings + record.protocol.testRatings).toBe(record.dataset.ratings);
    const [count, mf] = record.models;
    expect([count!.name, mf!.name]).toEqual(['popularity-count', 'mf']);
    expect(count!.hyperparameters).toMatchObject({ by: 'count' });
    expect(mf!.metrics['5']!.recall.mean).toBeLessThan(mf!.metrics['10']!.recall.mean);
    expect(mf!.users.evaluated + mf!.users.withoutRelevant).toBe(30);
    expect(mf!.perUser.userIds).toHaveLength(mf!.users.evaluated);
  });

  it('gives the same record whatever the number of threads, time and machine aside', async () => {
    const [one, two] = [await run({}, 1), await run({}, 2)];
    expect(reproducible(two.record)).toEqual(reproducible(one.record));
  });

  it('gives a model the same numbers alone as beside others', async () => {
    const [both, alone] = [await run(), await run({}, 1, ['mf'])];
    expect(alone.record.models[0]).toEqual(both.record.models[1]);
  });

  it('counts the same users without a relevant movie, whether all are asked by default or named', async () => {
    const data = dataSchema.parse({ dataset: await folder });
    const protocol = protocolSchema.parse({ threshold: 5, testShare: 0.1 });
    const prepared = await prepare(data, protocol, context, new Stopwatch());
    const { evaluable, tested } = prepared;
    const models = [specOf('popularity')];
    const counts = async (users?: Int32Array) =>
      (await runModels(prepared, models, context, new Stopwatch(), users))[0]!.result.users;
    expect(evaluable.length).toBeLessThan(tested.length);
    expect(await counts()).toMatchObject({
      evaluated: evaluable.length,
      withoutRelevant: tested.length - evaluable.length,
    });
    expect(await counts(evaluable)).toEqual(await counts());
    expect(await counts(evaluable.slice(0, 2))).toMatchObject({ evaluated: 2, withoutRelevant: 0 });
  });

  it('gives other numbers for another seed', async () => {
    const [a, b] = [await run(), await run({ seed: 43 })];
    expect(a.record.protocol.splitDigest).not.toBe(b.record.protocol.splitDigest);
  });

  it('refuses one file of a predefined split', async () => {
    const data = dataSchema.parse({ train: 'train.csv' });
    const spec = { experiment: 'mf', data, protocol: protocolSchema.parse({}), models: [] };
    await expect(runExperiment(spec, context)).rejects.toThrow(
      /one file of a predefined split, expected both --train FILE and --test FILE/,
    );
  });
});

describe('differences between two records', () => {
  it('are named by their path, values on one side only included', () => {
    const recorded = { a: { b: [1, 2] }, c: 1 };
    expect(differences(recorded, { a: { b: [1, 3] }, d: 1 })).toEqual([
      { path: 'a.b.1', recorded: 2, found: 3 },
      { path: 'c', recorded: 1, found: undefined },
      { path: 'd', recorded: undefined, found: 1 },
    ]);
    expect(differences(recorded, recorded)).toEqual([]);
  });
});
