import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { protocolSchema } from '../../src/experiment/protocol.ts';
import { runExperiment, type RunContext } from '../../src/experiment/run.ts';
import { specOf, type ModelSpec } from '../../src/models/registry.ts';
import { silentProgress, type Progress } from '../../src/util/progress.ts';
import { smallFolder } from '../support/cli.ts';

/** Fires `controller` when a fit has advanced so many rounds. */
function stoppingAfter(rounds: number, controller: AbortController): Progress {
  let done = 0;
  const advance = (n = 1) => {
    done += n;
    if (done === rounds) controller.abort();
  };
  return { ...silentProgress, start: () => ({ advance, resumeAt: advance, finish: () => {} }) };
}

const models: [string, ModelSpec][] = [
  ['implicit ALS', specOf('mf', { iterations: 5 })],
  ['implicit ALS by conjugate gradients', specOf('mf', { iterations: 5, conjugateGradientSteps: 3 })],
  ['BPR', specOf('mf', { solver: 'bpr', epochs: 5 })],
  ['SGD', specOf('mf', { solver: 'sgd', epochs: 5 })],
  ['factorization machine by ALS', specOf('fm', { iterations: 5 })],
  ['factorization machine by BPR', specOf('fm', { solver: 'bpr', epochs: 5 })],
];

test.each(models)('%s, stopped and run again, gives the lists of an uninterrupted run', async (_, model) => {
  const spec = {
    experiment: 'test',
    data: { dataset: await smallFolder() },
    protocol: protocolSchema.parse({}),
    models: [model],
  };
  const fits = await mkdtemp(join(tmpdir(), 'recsys-fits-'));
  const context: RunContext = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };
  const whole = await runExperiment(spec, context);

  const controller = new AbortController();
  const stopping = { ...context, fits, signal: controller.signal, progress: stoppingAfter(2, controller) };
  await expect(runExperiment(spec, stopping)).rejects.toThrow(/stopped after 2 .* goes on from there/);
  expect(await readdir(fits)).toHaveLength(1);

  const counted = { before: 0, now: 0 };
  const counting: Progress = {
    ...silentProgress,
    start: () => ({
      advance: () => void counted.now++,
      resumeAt: (done) => void (counted.before = done),
      finish: () => {},
    }),
  };
  const resumed = await runExperiment(spec, { ...context, fits, progress: counting });
  expect(counted).toEqual({ before: 2, now: 3 });
  expect(resumed.lists).toEqual(whole.lists);
  expect(await readdir(fits)).toEqual([]);
});

test('a kept fit with any byte changed or cut off is put aside, named, and the fit starts anew', async () => {
  const spec = {
    experiment: 'test',
    data: { dataset: await smallFolder() },
    protocol: protocolSchema.parse({}),
    models: [{ ...specOf('mf'), hyperparameters: { iterations: 3, factors: 8 } }],
  };
  const fits = await mkdtemp(join(tmpdir(), 'recsys-fits-'));
  const context: RunContext = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };
  const whole = await runExperiment(spec, context);
  const controller = new AbortController();
  const stopping = { ...context, fits, signal: controller.signal, progress: stoppingAfter(2, controller) };
  await expect(runExperiment(spec, stopping)).rejects.toThrow(/stopped after 2/);
  const [name] = await readdir(fits);
  const path = join(fits, name!);
  const bytes = await readFile(path);
  for (const at of [0, 9, 30, bytes.length >> 1, bytes.length - 1, -1]) {
    const damaged = at < 0 ? bytes.subarray(0, bytes.length - 5) : Buffer.from(bytes);
    if (at >= 0) damaged[at]! ^= 1;
    await writeFile(path, damaged);
    const notes: string[] = [];
    const progress = { ...silentProgress, note: (line: string) => void notes.push(line) };
    const { lists } = await runExperiment(spec, { ...context, fits, progress });
    expect(lists).toEqual(whole.lists);
    expect(notes.join('\n')).toMatch(
      /[.]fit is damaged and was put aside as .*[.]fit[.]damaged: the fit starts anew/,
    );
    expect(await readFile(`${path}.damaged`)).toEqual(damaged);
  }
});
