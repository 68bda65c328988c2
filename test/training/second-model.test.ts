/** The training floor serves any model: here one that is no GPT-2, a bag of items that predicts an item to come. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Parameters } from '../../src/huggingface/tensors.ts';
import { createGraph } from '../../src/onnx/ops/index.ts';
import { dropoutInput } from '../../src/training/dropout.ts';
import { chunk, type TrainingJob, type Validation } from '../../src/training/job.ts';
import { OnnxTrainee } from '../../src/training/onnx-trainee.ts';
import type { Trainable } from '../../src/training/trainable.ts';
import { runTraining } from '../../src/training/trainer.ts';
import { validateLoss } from '../../src/training/validation-loss.ts';
import { AbortedError } from '../../src/util/errors.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';

const ITEMS = 12;
const WIDTH = 4;
const USERS = 24;

/** Of each user: the items of the history, (users, WINDOW), and the item that follows, (users, 1). */
interface BagBatch {
  history: BigInt64Array;
  next: BigInt64Array;
}
const WINDOW = 2;

/** Users like items of one parity: even or odd ones. Either item of a history determines what follows. */
function batchesOf(pass: number, users: number[]): BagBatch[] {
  const rng = new Rng('samples').derive(`pass ${pass}`);
  const order = rng.shuffle(users.slice());
  return chunk(order, 8).map((part) => {
    const draw = (user: number) => BigInt(2 * rng.int(ITEMS / 2) + (user % 2));
    return {
      history: BigInt64Array.from(part.flatMap((user) => [draw(user), draw(user)])),
      next: BigInt64Array.from(part, draw),
    };
  });
}
const everyone = Array.from({ length: USERS }, (_, user) => user);

/** Mean of the history's vectors, through a linear layer with dropout, against the (tied) vectors of all items. */
function bagModel(): Trainable<BagBatch> {
  const rng = new Rng(7);
  const tensor = (shape: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.3 * rng.normal());
    return { shape, data };
  };
  const trained: Parameters = new Map([
    ['items', tensor([ITEMS, WIDTH])],
    ['layer.weight', tensor([WIDTH, WIDTH])],
    ['layer.bias', { shape: [WIDTH], data: new Float32Array(WIDTH) }],
  ]);
  return {
    trained,
    frozen: new Map(),
    checkpointing: false,
    graphKey: ({ next }) => `${next.length}`,
    lossGraph({ next: { length: B } }, { dropout }) {
      const graph = createGraph();
      const inputs = new Map([...trained].map(([name, { shape }]) => [name, graph.input(name, shape)]));
      const items = inputs.get('items')!;
      const bag = items
        .gather(graph.input('history', [B, WINDOW], 'int64'))
        .mean([1])
        .reshape([B, WIDTH]);
      const given = dropout ? dropoutInput('bag', bag, 0.25) : bag;
      const hidden = given.linear(inputs.get('layer.weight')!, inputs.get('layer.bias')!);
      const next = graph.input('next', [B, 1], 'int64');
      const loss = hidden.linearCrossEntropy(items, next, graph.input('weights', [B, 1]));
      return { graph, loss, trained: inputs };
    },
    feeds: ({ history, next }, weight) => ({
      history,
      next,
      weights: new Float32Array(next.length).fill(weight),
    }),
    targetsOf: ({ next }) => next.length,
  };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'training-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function jobIn(name: string, more: Partial<TrainingJob<BagBatch>['options']> = {}): TrainingJob<BagBatch> {
  const validation = validateLoss(batchesOf(-1, everyone), ({ next }) => next.length);
  return {
    batches: (pass) => batchesOf(pass, everyone),
    ...(validation && { validation }),
    options: {
      epochs: 40,
      accumulate: 2,
      learningRate: 0.05,
      schedule: 'cosine',
      warmup: 0.1,
      weightDecay: 0.01,
      clipNorm: 1,
      patience: 0,
      checkpointEvery: 7,
      resume: false,
      ...more,
    },
    settings: 'bag of items, seed 7',
    unit: 'items',
    unitsOf: ({ history }) => history.length,
    memoryRemedy: 'Lower --batch-size.',
    output: join(folder, name),
    log: join(folder, `${name}.jsonl`),
  };
}

/** Trains a fresh model; the signal fires during update `stopAt`, counted from 0. */
async function train(job: TrainingJob<BagBatch>, stopAt = -1) {
  const trainee = await OnnxTrainee.create(bagModel(), 1);
  const controller = new AbortController();
  const update = trainee.update.bind(trainee);
  let updates = 0;
  trainee.update = (...given) => {
    if (updates++ === stopAt) controller.abort();
    return update(...given);
  };
  try {
    const context = { rng: new Rng(1), progress: silentProgress, signal: controller.signal };
    return await runTraining(trainee, job, context);
  } finally {
    await trainee.dispose();
  }
}

/** The log without what is measured. */
async function readLog({ log }: TrainingJob<BagBatch>): Promise<Record<string, number>[]> {
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => {
    const { itemsPerSecond: _, ...rest } = JSON.parse(line) as Record<string, number>;
    return rest;
  });
}

describe('a model that is no GPT-2, trained on ONNX Runtime through the training floor', () => {
  it('learns which items go together: its loss comes near to log 6, that of half the items', async () => {
    const job = jobIn('bag');
    const { facts } = await train(job);
    const [first] = await readLog(job);
    expect(first!['loss']).toBeGreaterThan(Math.log(ITEMS) - 0.2); // knows nothing: log 12 = 2.48
    expect(facts['validationLoss']).toBeLessThan(Math.log(ITEMS / 2) + 0.25); // log 6 = 1.79
    expect(facts).toMatchObject({ updates: 80, stoppedEarly: false });
    expect(first).toMatchObject({ update: 1, epoch: 1, items: 16 * WINDOW });
  });

  it('stopped and resumed continues to the digit: weights, validation and log', async () => {
    const whole = jobIn('whole', { epochs: 6 });
    const result = await train(whole);
    await expect(train(jobIn('parts', { epochs: 6 }), 4)).rejects.toBeInstanceOf(AbortedError);
    const resumed = await train(jobIn('parts', { epochs: 6, resume: true }));
    expect(resumed).toEqual(result);
    expect(await readLog(jobIn('parts'))).toEqual(await readLog(whole));
  });

  it('is validated by whatever measure it brings: the higher is better, and patience ends training', async () => {
    const measures = [0.1, 0.3, 0.2, 0.25];
    const weights: Parameters[] = [];
    const validation: Validation<BagBatch> = {
      better: 'higher',
      async measure(trainee) {
        weights.push((await trainee.state()).weights);
        return measures[weights.length - 1]!;
      },
      facts: (f1) => ({ validationF1: f1 }),
      describe: (f1) => `validation F1 ${f1}`,
    };
    const job = { ...jobIn('measured', { patience: 2 }), validation };
    const result = await train(job);
    expect(result.facts).toEqual({ updates: 8, stoppedEarly: true, validationF1: 0.3 });
    expect(result.weights).toEqual(weights[1]);
    const validated = (await readLog(job)).filter(({ validationF1 }) => validationF1 !== undefined);
    expect(validated.map(({ epoch, validationF1 }) => [epoch, validationF1])).toEqual([
      [1, 0.1],
      [2, 0.3],
      [3, 0.2],
      [4, 0.25],
    ]);
  });
});
