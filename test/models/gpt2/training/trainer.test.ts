import { spawnSync } from 'node:child_process';
import type * as files from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NO_TARGET } from '../../../../src/models/gpt2/network/token-batch.ts';
import { fineTune, type FineTuning } from '../../../../src/models/gpt2/training/fine-tune.ts';
import { loadTfjs } from '../../../../src/models/gpt2/network/tfjs-backend.ts';
import { TfjsTrainee } from '../../../../src/models/gpt2/training/tfjs-trainee.ts';
import { AbortedError, RecsysError } from '../../../../src/util/errors.ts';
import { logProgress } from '../../../../src/util/progress.ts';
import { packageRoot } from '../../../../src/util/package.ts';
import { fitContext } from '../../../support/datasets.ts';
import { QuadraticTrainee, smallJob } from '../fake-trainee.ts';
import { readFixture } from '../fixture.ts';

/** A disk that is full when a test says so: half of a file is written, then no more. */
const disk = vi.hoisted(() => ({ full: false }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>();
  const writeFile = async (...args: Parameters<typeof real.writeFile>) => {
    if (!disk.full) return await real.writeFile(...args);
    await real.writeFile(args[0], 'half of a file');
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  return { ...real, writeFile };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trainer-'));
});
afterEach(async () => {
  disk.full = false;
  await rm(folder, { recursive: true });
});

interface Line {
  update: number;
  epoch: number;
  loss?: number;
  learningRate?: number;
  validationLoss?: number;
}

/** The lines of a log without the one field that is measured. */
async function curve(job: FineTuning): Promise<Line[]> {
  const text = await readFile(job.log, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { tokensPerSecond: _, ...rest } = JSON.parse(line) as Line & { tokensPerSecond?: number };
      return rest;
    });
}

async function train(job: FineTuning, trainee = new QuadraticTrainee(), context = fitContext()) {
  return await fineTune(trainee, job, context);
}

/** Five of the small job's 20 texts: at batch size 1, passes as long as its own. */
const fiveTexts = (pass: number) => smallJob(folder).texts(pass).slice(0, 5);

/** What an uninterrupted run of the small job gives. */
async function uninterrupted(typed: Record<string, unknown> = {}) {
  const job = smallJob(join(folder, 'whole'), typed);
  const outcome = await train(job);
  return { outcome, lines: await curve(job) };
}

/** The signal fires during update `update`, counted from 0. */
async function interrupt(job: FineTuning, update: number): Promise<unknown> {
  const controller = new AbortController();
  const trainee = new QuadraticTrainee();
  trainee.before = (at) => {
    if (at === update) controller.abort();
    return undefined;
  };
  return await train(job, trainee, fitContext(1, 1, controller.signal)).catch((error: unknown) => error);
}

const checkpoints = async (job: FineTuning) =>
  (await readdir(join(job.output, 'checkpoints'))).filter((name) => name.startsWith('update')).sort();

describe('the training loop', () => {
  it('sees every text of a pass once, in another order in each pass', async () => {
    const job = smallJob(folder);
    const trainee = new QuadraticTrainee();
    await train(job, trainee);
    expect(trainee.seen).toHaveLength(15);
    const order = trainee.seen.flatMap(({ batches }) =>
      batches.flatMap(({ rows, length, tokens }) =>
        Array.from({ length: rows }, (_, row) => tokens[row * length + 2]!),
      ),
    );
    const passes = [order.slice(0, 20), order.slice(20, 40), order.slice(40)];
    for (const pass of passes) {
      expect(pass.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    }
    expect(new Set(passes.map(String)).size).toBe(3);
  });

  it('makes an update from as many batches as are accumulated, and from what is left at the end of a pass', async () => {
    const trainee = new QuadraticTrainee();
    await train(smallJob(folder, { accumulate: 2, epochs: 2 }), trainee);
    expect(trainee.seen.map(({ batches }) => batches.length)).toEqual([2, 2, 1, 2, 2, 1]);
  });

  it('makes every pass as long as the first: a longer one is cut, a shorter one begins again', async () => {
    const job = smallJob(folder);
    const texts = (pass: number) => {
      const own = job.texts(pass);
      return pass === 0 ? own : pass === 1 ? [...own, ...own.slice(0, 4)] : own.slice(0, 13);
    };
    const trainee = new QuadraticTrainee();
    await train({ ...job, texts }, trainee);
    const tokensOf = (update: number) => trainee.seen[update]!.batches.map(({ tokens }) => [...tokens]);
    expect(trainee.seen).toHaveLength(15);
    expect(tokensOf(14)).toEqual(tokensOf(10));
    expect(new Set([5, 6, 7, 8, 9, 10, 11, 12, 13].map((n) => String(tokensOf(n)))).size).toBe(9);
  });

  it('draws dropout anew for every update', async () => {
    const trainee = new QuadraticTrainee();
    await train(smallJob(folder), trainee);
    expect(new Set(trainee.seen.map(({ noise }) => noise)).size).toBe(15);
  });

  it('logs a line per update and per validation; the learning rate is the schedule’s', async () => {
    const { lines } = await uninterrupted({ learningRate: 0.1, schedule: 'linear', warmup: 0 });
    const updates = lines.filter(({ loss }) => loss !== undefined);
    expect(updates.map(({ update }) => update)).toEqual(Array.from({ length: 15 }, (_, n) => n + 1));
    expect(updates.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
    for (const { update, learningRate } of updates) {
      expect(learningRate).toBeCloseTo(0.1 * (1 - (update - 1) / 15), 12);
    }
    const validated = lines.filter(({ validationLoss }) => validationLoss !== undefined);
    expect(validated.map(({ update, epoch }) => [update, epoch])).toEqual([
      [5, 1],
      [10, 2],
      [15, 3],
    ]);
  });

  it('weighs validation batches by their targets', async () => {
    const trainee = new QuadraticTrainee();
    trainee.validation = [1, 4];
    const [long, short] = smallJob(folder).validation.map(({ tokens, targets }, n) => ({
      tokens,
      // The second text asks for one token of two.
      targets: n === 0 ? targets : targets.map((target, at) => (at === 2 ? NO_TARGET : target)),
    }));
    const job = { ...smallJob(folder, { batchSize: 1, epochs: 1 }), validation: [long!, short!] };
    const { facts } = await train(job, trainee);
    expect(facts['validationLoss']).toBeCloseTo((2 * 1 + 1 * 4) / 3, 12);
    expect(facts['perplexity']).toBeCloseTo(Math.E ** 2, 10);
  });

  it('stops when the validation loss has not fallen for as many epochs as patience allows, and returns the best weights', async () => {
    const trainee = new QuadraticTrainee();
    trainee.validation = [3, 2, 2.5, 2, 9, 9];
    const states: number[] = [];
    trainee.before = (update) => {
      if (update % 5 === 0) states.push(trainee.current.weight);
      return undefined;
    };
    const { facts, parameters } = await train(smallJob(folder, { epochs: 6, patience: 2 }), trainee);
    expect(facts).toMatchObject({ updates: 20, stoppedEarly: true, validationLoss: 2 });
    expect(parameters.get('w')!.data[0]).toBe(states[2]); // after the second epoch
  });

  it('with patience 0 never stops early', async () => {
    const trainee = new QuadraticTrainee();
    trainee.validation = [1, 2, 3, 4];
    const { facts } = await train(smallJob(folder, { epochs: 4, patience: 0 }), trainee);
    expect(facts).toMatchObject({ updates: 20, stoppedEarly: false, validationLoss: 1 });
  });

  it('without validation texts returns the last weights', async () => {
    const trainee = new QuadraticTrainee();
    const { facts, parameters } = await train({ ...smallJob(folder), validation: [] }, trainee);
    expect(parameters.get('w')!.data[0]).toBe(trainee.current.weight);
    expect(facts).not.toHaveProperty('validationLoss');
  });
});

describe('a run that was stopped', () => {
  it.each([0, 2, 4, 5, 8, 13])(
    'by Ctrl-C in update %i continues to the digit, and says what it kept',
    async (update) => {
      const { outcome, lines } = await uninterrupted();
      const job = smallJob(folder);
      const error = await interrupt(job, update);
      expect(error).toBeInstanceOf(AbortedError);
      expect((error as Error).message).toMatch(new RegExp(`update ${update + 1}; --resume continues`));
      const resumed = await train(smallJob(folder, { resume: true }));
      expect(await curve(job)).toEqual(lines);
      expect(resumed).toEqual(outcome);
    },
  );

  it.each([5, 10, 15])(
    'by Ctrl-C while update %i is validated measures no further batch and continues to the digit',
    async (update) => {
      const typed = { checkpointEvery: 200, batchSize: 1 };
      const inBatches = (more = {}) => ({ ...smallJob(folder, { ...typed, ...more }), texts: fiveTexts });
      const whole = { ...smallJob(join(folder, 'whole'), typed), texts: fiveTexts };
      const outcome = await train(whole);
      const lines = await curve(whole);
      const controller = new AbortController();
      const trainee = new QuadraticTrainee();
      const measured: number[] = [];
      trainee.beforeLoss = (at) => {
        measured.push(at);
        if (at === update) controller.abort();
      };
      const stopped = train(inBatches(), trainee, fitContext(1, 1, controller.signal));
      await expect(stopped).rejects.toThrow(new RegExp(`holds update ${update}; --resume continues`));
      expect(measured.filter((at) => at === update)).toHaveLength(1); // of two batches
      expect(await curve(inBatches())).toEqual(lines.slice(0, update + update / 5 - 1));
      const resumed = new QuadraticTrainee();
      expect(await train(inBatches({ resume: true }), resumed)).toEqual(outcome);
      expect(resumed.seen).toHaveLength(15 - update);
      expect(await curve(inBatches())).toEqual(lines);
    },
  );

  it('by a signal that arrives while the trainee holds the thread is heard after its update', async () => {
    const controller = new AbortController();
    const trainee = new QuadraticTrainee();
    trainee.before = (update) => {
      if (update === 1) setImmediate(() => controller.abort());
      return undefined;
    };
    const job = smallJob(folder, { checkpointEvery: 200 });
    const stopped = train(job, trainee, fitContext(1, 1, controller.signal));
    await expect(stopped).rejects.toThrow(/holds update 2; --resume continues/);
  });

  it('after a validation whose result was not saved measures it again, and logs it once', async () => {
    const { outcome, lines } = await uninterrupted({ checkpointEvery: 200 });
    const job = smallJob(folder, { checkpointEvery: 200 });
    const trainee = new QuadraticTrainee();
    trainee.before = (update) => {
      if (update === 6) throw new Error('killed');
      return undefined;
    };
    await expect(train(job, trainee)).rejects.toThrow('killed');
    expect(await curve(job)).toEqual(lines.slice(0, 7));
    expect(await train(smallJob(folder, { resume: true }))).toEqual(outcome);
    expect(await curve(job)).toEqual(lines);
  });

  it('more than once continues to the digit all the same', async () => {
    const { lines, outcome } = await uninterrupted();
    await interrupt(smallJob(folder), 1);
    await interrupt(smallJob(folder, { resume: true }), 6);
    await interrupt(smallJob(folder, { resume: true }), 9);
    expect(await train(smallJob(folder, { resume: true }))).toEqual(outcome);
    expect(await curve(smallJob(folder))).toEqual(lines);
  });

  it.each([1, 7, 11])(
    'by kill -9 in update %i continues from its last checkpoint, to the digit',
    async (update) => {
      const { outcome, lines } = await uninterrupted();
      const child = join(import.meta.dirname, 'training-child.ts');
      const argv = ['--import', 'tsx', child, folder, String(update)];
      const { signal, stderr } = spawnSync(process.execPath, argv, { cwd: packageRoot, encoding: 'utf8' });
      expect(signal, stderr).toBe('SIGKILL');
      const job = smallJob(folder, { resume: true });
      expect(await curve(job)).toHaveLength(update + Math.floor(update / 5));
      expect(await train(job)).toEqual(outcome);
      expect(await curve(job)).toEqual(lines);
    },
  );

  it('keeps two checkpoints, and goes back to the older one when the newer is torn, saying so', async () => {
    const { lines, outcome } = await uninterrupted();
    const job = smallJob(folder, { resume: true });
    await interrupt(smallJob(folder), 10);
    const kept = await checkpoints(job);
    expect(kept).toEqual(['update-00000010.safetensors', 'update-00000011.safetensors']);
    await truncate(join(job.output, 'checkpoints', kept[1]!), 300);
    const notes: string[] = [];
    const progress = logProgress({ write: (line: string) => void notes.push(line) });
    expect(await train(job, undefined, { ...fitContext(), progress })).toEqual(outcome);
    expect(notes[0]).toMatch(/update-00000011.*checkpoint before it/);
    expect(notes[1]).toBe('training: resumed after 10 of 15 updates\n');
    expect(await curve(job)).toEqual(lines);
  });

  it('is refused when the settings, the seed or the texts are others, not when only the practical ones are', async () => {
    const job = smallJob(folder, { resume: true });
    await interrupt(smallJob(folder), 7);
    const refused = async (run: Promise<unknown>) => await expect(run).rejects.toThrow(/other settings/);
    await refused(train(smallJob(folder, { resume: true, learningRate: 0.5 })));
    await refused(train(smallJob(folder, { resume: true, epochs: 4 })));
    await refused(train(job, undefined, fitContext(2)));
    await refused(train({ ...job, texts: (pass) => job.texts(pass + 1) }));
    const practical = { resume: true, checkpointEvery: 7, checkpointing: true };
    await expect(train(smallJob(folder, practical))).resolves.toBeDefined();
  });

  it('when it was finished gives its result again without an update', async () => {
    const outcome = await train(smallJob(folder));
    const trainee = new QuadraticTrainee();
    expect(await train(smallJob(folder, { resume: true }), trainee)).toEqual(outcome);
    expect(trainee.seen).toHaveLength(0);
  });
});

describe('training that cannot go on', () => {
  it('by a loss that is no number names update and learning rate, and keeps the state before it', async () => {
    const trainee = new QuadraticTrainee();
    trainee.before = (update) => (update === 7 ? NaN : undefined);
    const job = smallJob(folder, { learningRate: 0.25, schedule: 'linear', warmup: 0 });
    const rate = (0.25 * (1 - 7 / 15)).toString().slice(0, 8);
    await expect(train(job, trainee)).rejects.toThrow(
      new RegExp(`update 8: loss NaN.* at learning rate ${rate}.*Lower --learning-rate`),
    );
    expect((await checkpoints(job)).at(-1)).toBe('update-00000007.safetensors');
    expect(trainee.current.updates).toBe(7);
  });

  it('by a full disk leaves the checkpoint before, from which it continues to the digit', async () => {
    const { outcome, lines } = await uninterrupted();
    const trainee = new QuadraticTrainee();
    trainee.before = (update) => {
      disk.full = update === 8; // the checkpoint after it is number 9
      return undefined;
    };
    const job = smallJob(folder);
    const error = await train(job, trainee).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RecsysError);
    expect((error as Error).message).toMatch(/update-00000009.*ENOSPC.*Free some space/);
    disk.full = false;
    const left = await readdir(join(job.output, 'checkpoints'));
    expect(left.filter((name) => !name.startsWith('best')).sort()).toEqual([
      'update-00000005.safetensors',
      'update-00000006.safetensors',
    ]);
    expect(await train(smallJob(folder, { resume: true }))).toEqual(outcome);
    expect(await curve(job)).toEqual(lines);
  });

  it('by a lack of memory says what to lower', async () => {
    const trainee = new QuadraticTrainee();
    trainee.before = () => {
      throw new RangeError('Array buffer allocation failed');
    };
    await expect(train(smallJob(folder), trainee)).rejects.toThrow(
      /not enough memory.*--batch-size.*--context-length.*--checkpointing/,
    );
  });
});

describe('a real network', () => {
  it('on tfjs, with dropout and accumulation, continues to the digit', async () => {
    const { config, parameters, reference } = await readFixture();
    const backend = await loadTfjs(false);
    const texts = reference.ids.map((ids) => ({
      tokens: Int32Array.from(ids.slice(0, 8)),
      targets: Int32Array.from([...ids.slice(1, 8), NO_TARGET]),
    }));
    const jobIn = (name: string, typed: Record<string, unknown> = {}): FineTuning => ({
      ...smallJob(join(folder, name), {
        batchSize: 1,
        accumulate: 2,
        epochs: 4,
        checkpointEvery: 2,
        ...typed,
      }),
      texts: () => texts,
      validation: texts.slice(0, 1),
    });
    const run = async (job: FineTuning, context = fitContext()) => {
      const trainee = new TfjsTrainee(backend, { ...config, resid_pdrop: 0.1 }, parameters);
      try {
        return await fineTune(trainee, job, context);
      } finally {
        trainee.dispose();
      }
    };
    const whole = jobIn('whole');
    const outcome = await run(whole);
    const aborted = fitContext(1, 1, AbortSignal.abort());
    await expect(run(jobIn('parts'), aborted)).rejects.toBeInstanceOf(AbortedError);
    const resumed = await run(jobIn('parts', { resume: true }));
    expect(await curve(jobIn('parts'))).toEqual(await curve(whole));
    expect(resumed.facts).toEqual(outcome.facts);
    for (const [name, { data }] of outcome.parameters) {
      expect(resumed.parameters.get(name)!.data, name).toEqual(data);
    }
  });
});
