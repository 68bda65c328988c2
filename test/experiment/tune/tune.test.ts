import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { parseSpace, withWholeRanges } from '../../../src/commands/tune/space.ts';
import { splitRatings } from '../../../src/data/split.ts';
import { Stopwatch } from '../../../src/experiment/environment.ts';
import { inProcessRunner, processesRunner } from '../../../src/experiment/jobs/local.ts';
import { sharedOf, type Job } from '../../../src/experiment/jobs/job.ts';
import { Performer } from '../../../src/experiment/jobs/perform.ts';
import type { JobRunner } from '../../../src/experiment/jobs/run.ts';
import { OutcomeStore } from '../../../src/experiment/jobs/store.ts';
import { prepare } from '../../../src/experiment/prepare.ts';
import { protocolSchema } from '../../../src/experiment/protocol.ts';
import { reproduce } from '../../../src/experiment/reproduce.ts';
import { runExperiment } from '../../../src/experiment/run.ts';
import { saveRecord } from '../../../src/experiment/store.ts';
import { tune, type TuneSpec } from '../../../src/experiment/tune/index.ts';
import { tuningSchema, type Tuning } from '../../../src/experiment/tune/record.ts';
import { drawSettings, rungsOf } from '../../../src/experiment/tune/trials.ts';
import { carveFold } from '../../../src/experiment/tune/validation.ts';
import { registry, specOf } from '../../../src/models/registry.ts';
import { KernelPool } from '../../../src/numeric/pool/pool.ts';
import { tuningPage } from '../../../src/report/tune/page.ts';
import { tuningReport } from '../../../src/report/tune/report.ts';
import { RecsysError, UsageError } from '../../../src/util/errors.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { Rng } from '../../../src/util/rng.ts';
import { recsys, smallFolder } from '../../support/cli.ts';

const protocol = protocolSchema.parse({ k: [3] });
const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };

let dataset: string;
let folder: string;
let spec: TuneSpec;
beforeAll(async () => {
  dataset = await smallFolder();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-tune-'));
  spec = {
    model: 'mf',
    options: { factors: 8, iterations: 6 },
    space: {},
    data: { dataset },
    protocol,
    method: 'sobol',
    trials: 6,
    carveSeeds: [1, 2],
    objective: 'ndcg',
  };
});
afterAll(async () => {
  await rm(dataset, { recursive: true });
});

const storeIn = (path: string) => new OutcomeStore(join(path, 'jobs'), () => {});
const run = (own: Partial<TuneSpec> = {}, runner: JobRunner = inProcessRunner(1), path = folder) =>
  tune({ ...spec, ...own }, { runner, store: storeIn(path) }, context);
const reproducible = (found: Tuning) => ({ ...found, environment: 0, timing: 0 });

test('the winner has the highest mean over carve seeds, the defaults are trial 0, and fixed options stay', async () => {
  const found = await run();
  expect(found.trials).toHaveLength(6);
  for (const { rungs, score } of found.trials) {
    expect(rungs[0]!.scores).toHaveLength(2);
    expect(score).toBeCloseTo((rungs[0]!.scores[0]! + rungs[0]!.scores[1]!) / 2, 12);
  }
  expect(found.winner.score).toBe(Math.max(...found.trials.map(({ score }) => score!)));
  expect(found.trials[0]!.settings).toEqual({});
  expect(Object.keys(found.search.space)).not.toContain('factors');
  expect(found.test.models[1]!.hyperparameters).toMatchObject({
    ...found.winner.settings,
    factors: 8,
    iterations: 6,
  });
  expect(tuningSchema.parse(found)).toEqual(found);
  expect(tuningReport(found)).toContain('On the test ratings, opened once');
  expect(await tuningPage(found, 'recsys tune mf')).toContain('best-so-far-title');
});

test('the defaults have the test result of their own command', async () => {
  const found = await run({ trials: 2 });
  const models = [specOf('mf', { factors: 8, iterations: 6 })];
  const { record } = await runExperiment({ experiment: 'mf', data: { dataset }, protocol, models }, context);
  expect(found.test.models[0]!.metrics).toEqual(record.models[0]!.metrics);
});

test('two processes come to the same trials and the same winner as one', async () => {
  const one = await run();
  const runner = processesRunner(2, 2);
  try {
    const two = await run({}, runner, join(folder, 'two'));
    expect(reproducible(two)).toEqual(reproducible(one));
  } finally {
    await runner.close();
  }
});

test('how far a job is comes from this process and from another, by its place', async () => {
  const prepared = await prepare({ dataset }, protocol, context, new Stopwatch());
  const shared = sharedOf({ dataset }, protocol, prepared);
  const jobs = [4, 8].map((factors): Job => {
    const { hyperparameters } = specOf('mf', { factors, iterations: 2 });
    return {
      kind: 'trial',
      ...shared,
      model: { name: 'mf', model: 'mf', hyperparameters },
      carveSeeds: [1],
      objective: 'f1',
    };
  });
  for (const runner of [inProcessRunner(1), processesRunner(1, 1)]) {
    const lines: string[][] = [[], []];
    const onLine = (n: number, line: string) => lines[n]!.push(line);
    try {
      await runner.run(
        jobs,
        () => Promise.resolve(),
        () => true,
        { ...context, onLine },
      );
    } finally {
      await runner.close();
    }
    expect(lines[0]![0]).toMatch(/^division 1: mf: .* 1\/2 sweeps$/);
  }
});

test('settings depend on the seed, not on how many trials follow', () => {
  const space = { a: { low: 0.01, high: 1, scale: 'log' as const }, b: { choices: ['x', 'y'] } };
  for (const method of ['sobol', 'random'] as const) {
    const ten = drawSettings(space, 10, method, new Rng(1));
    expect(drawSettings(space, 4, method, new Rng(1))).toEqual(ten.slice(0, 4));
    expect(drawSettings(space, 10, method, new Rng(2))).not.toEqual(ten);
    for (const { a, b } of ten) {
      expect(a).toBeGreaterThanOrEqual(0.01);
      expect(a).toBeLessThanOrEqual(1);
      expect(['x', 'y']).toContain(b);
    }
  }
});

describe('the test ratings are sealed while settings are chosen', () => {
  it('scores on a part of train, which holds no test rating', async () => {
    const prepared = await prepare({ dataset }, protocol, context, new Stopwatch());
    const pair = (users: Int32Array, items: Int32Array) => [...users].map((user, n) => `${user} ${items[n]}`);
    const { test } = splitRatings(
      prepared.dataset,
      { kind: 'per-user-random', testShare: 0.2 },
      new Rng(42).derive('split'),
    );
    const held = new Set(pair(test.users, test.items));
    expect(held.size).toBeGreaterThan(50);
    const { train, relevant, users } = carveFold(prepared, protocol, 1);
    expect(pair(train.ratings.users, train.ratings.items).some((own) => held.has(own))).toBe(false);
    for (const user of users) {
      const own = relevant.indices.subarray(relevant.pointers[user], relevant.pointers[user + 1]);
      expect([...own].some((item) => held.has(`${user} ${item}`))).toBe(false);
    }
  });

  it('comes to the same winner when all test ratings are another', async () => {
    // The data with every test rating's stars turned round: nothing that the search may see is changed.
    const { dataset: data, split } = await prepare({ dataset }, protocol, context, new Stopwatch());
    const rows = (part: typeof split.test, stars: (value: number) => number) =>
      [...part.users].map(
        (user, n) => `${data.userIds[user]},${data.itemIds[part.items[n]!]},${stars(part.values[n]!)}`,
      );
    const files = {
      train: join(folder, 'train.csv'),
      test: join(folder, 'test.csv'),
      other: join(folder, 'other.csv'),
    };
    const write = (path: string, lines: string[]) =>
      writeFile(path, `userId,movieId,rating\n${lines.join('\n')}\n`);
    await write(
      files.train,
      rows(split.train, (value) => value),
    );
    await write(
      files.test,
      rows(split.test, (value) => value),
    );
    await write(
      files.other,
      rows(split.test, (value) => 5.5 - value),
    );
    const one = await run({ data: { train: files.train, test: files.test }, trials: 4 });
    const two = await run({ data: { train: files.train, test: files.other }, trials: 4 });
    expect(two.trials).toEqual(one.trials);
    expect(two.winner).toEqual(one.winner);
    expect(two.test.models[0]!.metrics).not.toEqual(one.test.models[0]!.metrics);
  });
});

describe('successive halving', () => {
  it('has rungs of a third of the rounds while there are two rounds and more than three trials', () => {
    expect(rungsOf(16, 27, 3)).toEqual([2, 6, 16]);
    expect(rungsOf(16, 3, 3)).toEqual([16]);
    expect(rungsOf(3, 100, 3)).toEqual([3]);
  });

  it('lets the best third go on, and the defaults', async () => {
    const { trials, search, winner } = await run({ halving: 3, trials: 9 });
    expect(search.halving).toBe(3);
    const first = trials.map(({ rungs }) => rungs[0]!);
    expect(first.every(({ rounds }) => rounds === 2)).toBe(true);
    const finished = trials.filter(({ score }) => score !== null).map(({ number }) => number);
    const best = [...first.keys()].sort((a, b) => first[b]!.score - first[a]!.score || a - b).slice(0, 3);
    expect(finished).toEqual([...new Set([0, ...best])].sort((a, b) => a - b));
    expect(finished).toContain(winner.number);
  });

  it('is refused for a model without rounds', async () => {
    await expect(run({ model: 'ease', options: {}, halving: 2 })).rejects.toThrow('no sweeps or epochs');
  });
});

test('a trial whose fit fails has no score, and the search goes on', async () => {
  const space = { learningRate: { choices: [0.01, 1e6] }, regularization: { choices: [0.1] } };
  const { trials, winner } = await run({
    options: { solver: 'sgd', factors: 4, epochs: 3, biasRegularization: 0.05 },
    space,
    trials: 8,
    method: 'random',
  });
  const failed = trials.filter((trial) => trial.failed !== undefined);
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.every(({ score, settings }) => score === null && settings['learningRate'] === 1e6)).toBe(
    true,
  );
  expect(winner.settings['learningRate']).not.toBe(1e6);
});

test('what fails for want of memory is not kept as a result: the search ends, and comes to its end when there is memory', async () => {
  const create = vi.spyOn(KernelPool, 'create').mockImplementationOnce(() => {
    throw new RecsysError('the factors need 100 MB of WebAssembly memory');
  });
  try {
    await expect(run({ trials: 2 })).rejects.toThrow('WebAssembly memory');
    const { trials } = await run({ trials: 2 });
    expect(trials.map(({ failed, score }) => [failed, typeof score])).toEqual(
      trials.map(() => [undefined, 'number']),
    );
  } finally {
    create.mockRestore();
  }
});

test('finished trials are kept: a stopped search does them no more, and a damaged one is done again', async () => {
  const whole = await run();
  const names = await readdir(join(folder, 'jobs'));
  expect(names).toHaveLength(6);
  await rm(join(folder, 'jobs', names[0]!));
  await writeFile(
    join(folder, 'jobs', names[1]!),
    (await readFile(join(folder, 'jobs', names[1]!), 'utf8')).replace('0', '1'),
  );
  let done = 0;
  const counted = inProcessRunner(1);
  const runner: JobRunner = {
    ...counted,
    run: (jobs, ...rest) => {
      done += jobs.length;
      return counted.run(jobs, ...rest);
    },
  };
  expect(reproducible(await run({}, runner))).toEqual(reproducible(whole));
  expect(done).toBe(2);
});

test('kill -9 in the middle loses no finished trial', async () => {
  const argv = [
    'tune',
    'mf',
    '--dataset',
    dataset,
    '--k',
    '3',
    '--trials',
    '6',
    '--carve-seeds',
    '1',
    '--iterations',
    '4',
  ];
  const jobs = join(folder, 'cache', 'jobs');
  const killed = await recsys([...argv, '--results-dir', folder], {
    onStart: (child) => {
      const timer = setInterval(() => {
        void readdir(jobs).then(
          (names) => names.filter((name) => name.endsWith('.json')).length >= 2 && child.kill('SIGKILL'),
          () => {},
        );
      }, 5);
      child.on('close', () => clearInterval(timer));
    },
  });
  const kept = (await readdir(jobs)).filter((name) => name.endsWith('.json')).length;
  expect(kept).toBeGreaterThanOrEqual(2);
  const { code, stderr } = await recsys([...argv, '--results-dir', folder]);
  expect(code).toBe(0);
  expect(killed.code).toBeNull();
  expect(stderr).toContain(`${kept} outcomes were kept from before.`);
  const whole = await recsys([...argv, '--results-dir', join(folder, 'whole'), '--quiet']);
  expect(whole.code).toBe(0);
  const read = async (path: string) =>
    reproducible(tuningSchema.parse(JSON.parse(await readFile(join(path, 'tuning_mf.json'), 'utf8'))));
  expect({ ...(await read(folder)), checksum: 0 }).toEqual({
    ...(await read(join(folder, 'whole'))),
    checksum: 0,
  });
});

test('a worker refuses a job of another version and one whose data differ', async () => {
  const prepared = await prepare({ dataset }, protocol, context, new Stopwatch());
  const shared = sharedOf({ dataset }, protocol, prepared);
  const model = { name: 'mf', model: 'mf', hyperparameters: specOf('mf', { factors: 4 }).hyperparameters };
  const job: Job = { kind: 'trial', ...shared, model, carveSeeds: [1], objective: 'f1' };
  const performer = new Performer();
  await expect(performer.perform({ ...job, recsys: '0.0.1' }, context)).rejects.toThrow(
    /made by recsys 0.0.1/,
  );
  await expect(performer.perform({ ...job, dataDigest: 'f'.repeat(64) }, context)).rejects.toThrow(
    /other data/,
  );
});

test('reproduce makes a search again, whole or some of its trials, and names what differs', async () => {
  const path = join(folder, 'tuning_mf.json');
  const found = await run({ trials: 5, space: { regularization: { low: 0.01, high: 0.1, scale: 'log' } } });
  await saveRecord(path, tuningSchema, found);
  const own = { ...context, resultsDir: folder };
  expect((await reproduce(path, own)).differences).toEqual([]);
  const older = { ...found, given: undefined }; // before `given` was recorded
  older.trials[4]!.score! += 0.001;
  await saveRecord(path, tuningSchema, older);
  const paths = async (trials?: number) =>
    (await reproduce(path, own, trials)).differences.map((difference) => difference.path);
  expect(await paths()).toContain('trials.4.score');
  if (found.winner.number < 4) expect(await paths(1)).toEqual([]);
});

describe('a split that leaves no choice', () => {
  const temporal = protocolSchema.parse({ ...protocol, split: 'global-temporal' });

  it('is one division for all carve seeds: fitted once, said once, and the record reproduces', async () => {
    const sgd = { options: { solver: 'sgd', factors: 4, epochs: 2 }, trials: 1, carveSeeds: [1, 2, 3] };
    const lines: string[] = [];
    const progress = { ...silentProgress, note: (line: string) => lines.push(line) };
    const tasks = vi.spyOn(KernelPool, 'create');
    const means = { runner: inProcessRunner(1), store: storeIn(folder) };
    const found = await tune({ ...spec, ...sgd, protocol: temporal }, means, { ...context, progress });
    const fits = tasks.mock.calls.length;
    expect(fits).toBeGreaterThan(0);
    tasks.mockClear();
    await run({ ...sgd, protocol: temporal, carveSeeds: [1] }, inProcessRunner(1), join(folder, 'one'));
    expect(fits).toBe(tasks.mock.calls.length);
    tasks.mockRestore();
    const [score, ...others] = found.trials[0]!.rungs[0]!.scores;
    expect(others).toEqual([score, score]);
    expect(found.search.divisions).toBe(1);
    const text = 'one division: the split leaves no choice';
    expect(lines).toContain(`note: ${text}.`);
    expect(tuningReport(found)).toContain(text);
    const path = join(folder, 'tuning_mf.json');
    for (const divisions of [1, undefined]) {
      await saveRecord(path, tuningSchema, { ...found, search: { ...found.search, divisions } });
      expect((await reproduce(path, { ...context, resultsDir: folder })).differences).toEqual([]);
    }
  });

  it('is told from one that draws', async () => {
    const one = await run({ trials: 1 });
    expect(new Set(one.trials[0]!.rungs[0]!.scores).size).toBe(2);
    expect(one.search).not.toHaveProperty('divisions');
  });
});

test('reproduce carves the train of a predefined split by the rule of the search', async () => {
  const rows = (lines: readonly string[]) => `${['userId,movieId,rating,timestamp', ...lines].join('\n')}\n`;
  const lines = (await readFile(join(dataset, 'ratings.csv'), 'utf8')).trim().split('\n').slice(1);
  const files = { train: join(folder, 'u.base.csv'), test: join(folder, 'u.test.csv') };
  await writeFile(files.train, rows(lines.filter((_, n) => n % 5 > 0)));
  await writeFile(files.test, rows(lines.filter((_, n) => n % 5 === 0)));
  const path = join(folder, 'tuning_mf.json');
  for (const own of [{ split: 'per-user-temporal', testShare: 0.1 }, { split: 'leave-last-one-out' }, {}]) {
    const typed = protocolSchema.parse({ ...protocol, ...own });
    const found = await run({ data: files, protocol: typed, trials: 2 });
    const carve = 'split' in own ? { carve: own } : {};
    expect(found.protocol).toMatchObject({ split: 'predefined', ...carve });
    expect('carve' in found.protocol).toBe('split' in own);
    await saveRecord(path, tuningSchema, found);
    expect((await reproduce(path, { ...context, resultsDir: folder })).differences).toEqual([]);
  }
});

test.each([
  ['item tokens', { tokens: 'items', preset: 'tiny', epochs: 1 }],
  ['texts', { tokens: 'text', init: 'scratch', preset: 'tiny', epochs: 1, numUsers: 3 }],
])(
  'GPT-2 on %s is searched, and nothing of its trials stays',
  async (_, options) => {
    const before = await readdir(folder);
    const found = await run({ model: 'gpt2', options, trials: 2, carveSeeds: [1] });
    expect(found.trials.map(({ score }) => typeof score)).toEqual(['number', 'number']);
    expect(Object.keys(found.trials[1]!.settings).length).toBeGreaterThan(0);
    expect(found.test.models.map(({ model }) => model)).toEqual(['gpt2', 'gpt2']);
    expect(await readdir(folder)).toEqual([...before, 'jobs']);
  },
  60_000,
);

describe('--space', () => {
  it('reads ranges, scales and choices', () => {
    expect(parseSpace(['a=0.1..2', 'b=1e-3..1:log', 'c=8|16', 'd=x|true'])).toEqual({
      a: { low: 0.1, high: 2 },
      b: { low: 0.001, high: 1, scale: 'log' },
      c: { choices: [8, 16] },
      d: { choices: ['x', true] },
    });
  });

  it.each(['a', 'a=2..1', 'a=0..1:log', '=1'])('refuses %s', (text) => {
    expect(() => parseSpace([text])).toThrow('--space');
  });

  it('refuses an option that the model does not have, with the nearest name', async () => {
    await expect(run({ space: { factor: { choices: [1] } } })).rejects.toThrow("Did you mean 'factors'?");
  });

  it('draws whole numbers for an option that takes no others', async () => {
    const space = withWholeRanges(parseSpace(['factors=3..9', 'regularization=1..2']), registry.mf.options);
    expect(space).toEqual({ factors: { low: 3, high: 9, whole: true }, regularization: { low: 1, high: 2 } });
    const argv = ['tune', 'mf', '--dataset', dataset, '--k', '3', '--results-dir', folder, '--quiet'];
    const searched = ['--trials', '3', '--carve-seeds', '1', '--iterations', '2', '--space', 'factors=3..9'];
    expect(await recsys([...argv, ...searched])).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['a choice of another kind', { factors: { choices: [32, 'abc'] } }, /--space: factors: .*string/],
    [
      'a choice out of range',
      { factors: { choices: [32, -1] } },
      /--space: factors: -1, expected at least 1/,
    ],
    [
      'a range of fractions',
      { factors: { low: 32, high: 33 } },
      /--space: factors: 32.*expected a whole number/,
    ],
    ['an option of another solver', { epochs: { choices: [2] } }, /--space: epochs: not an option of solver/],
  ])('refuses %s as wrong usage', async (_, space, message) => {
    await expect(run({ space, options: {} })).rejects.toThrow(message);
    await expect(run({ space, options: {} })).rejects.toThrow(UsageError);
  });
});
