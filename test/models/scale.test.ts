import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { protocolSchema, thresholdOn } from '../../src/experiment/protocol.ts';
import { runExperiment, type Outcome } from '../../src/experiment/run.ts';
import { specOf } from '../../src/models/registry.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';

const models =
  'popularity popularity-count popularity-damped mf mf-bpr mf-sgd fm fm-bpr fm-pointwise ease'.split(' ');

/** A split of random ratings from 1 to 5, each turned by `toRating`, and what the models make of it. */
async function run(toRating: (stars: number, row: number) => number, names = models): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-scale-'));
  const rng = new Rng(3);
  const parts: [string[], string[]] = [[], []];
  for (let user = 1; user <= 20; user++) {
    for (let item = 1; item <= 30; item++) {
      if (rng.uniform() < 0.5) continue;
      const row = parts[0].length;
      parts[rng.uniform() < 0.8 ? 0 : 1].push(`${user},${item},${toRating(1 + rng.int(5), row)}`);
    }
  }
  const [train, test] = [join(folder, 'train.csv'), join(folder, 'test.csv')];
  await writeFile(train, `userId,movieId,rating\n${parts[0].join('\n')}\n`);
  await writeFile(test, `userId,movieId,rating\n${parts[1].join('\n')}\n`);
  return await runExperiment(
    {
      experiment: 'test',
      data: { train, test },
      protocol: protocolSchema.parse({}),
      models: names.map((name) => specOf(name)),
    },
    { progress: silentProgress, signal: new AbortController().signal, threads: 1 },
  );
}

it('ratings times 2 or 20 give the same lists and metrics, and errors of predictions times 2 or 20', async () => {
  const { lists, record } = await run((stars) => stars);
  expect(record.protocol.threshold).toBe(4);
  for (const factor of [2, 20]) {
    const other = await run((stars) => stars * factor);
    expect(other.lists).toEqual(lists);
    expect(other.record.protocol.threshold).toBe(4 * factor);
    expect(other.record.models.map(({ metrics }) => metrics)).toEqual(
      record.models.map(({ metrics }) => metrics),
    );
    const rmse = ({ models }: Outcome['record']) =>
      models.find(({ name }) => name === 'mf-sgd')!.ratingPrediction!.rmse;
    expect(rmse(other.record)).toBeCloseTo(factor * rmse(record), 5);
  }
});

it('a rating of 0 leaves the factors finite; one below 0 is refused by file and line, with a model that takes it', async () => {
  const zero = await run((stars, row) => (row % 9 === 0 ? 0 : stars));
  for (const { scores } of zero.lists.values()) expect(scores.every(Number.isFinite)).toBe(true);
  const negative = (name: string) => run((stars, row) => (row === 4 ? -1 : stars), [name]);
  for (const name of ['mf', 'fm', 'mf-bpr', 'ease']) {
    await expect(negative(name)).rejects.toThrow(
      /train.csv:6: rating -1, expected ratings of 0 or more.*mf-sgd/,
    );
  }
  expect((await negative('mf-sgd')).record.models[0]!.ratingPrediction).toBeDefined();
});

it('equal ratings count as "rated", whatever their value', async () => {
  const [fours, fives] = [await run(() => 4), await run(() => 5)];
  expect(fours.lists).toEqual(fives.lists);
});

it('the threshold is asked for where ratings are counts', () => {
  expect(thresholdOn({ min: 0, max: 100, step: 1 }, undefined)).toBe(80);
  expect(() => thresholdOn({ min: 10, max: 100_000, step: 1 }, undefined)).toThrow(
    /--threshold: not given.*10 to 100000/,
  );
  expect(thresholdOn({ min: 10, max: 100_000, step: 1 }, 50)).toBe(50);
});
