/** A trainee without a network, and small jobs for it: what is seen of the training loop is the loop's own doing. */
import { join } from 'node:path';
import { toExample, type Example } from '../../../src/models/gpt2/prompt/batch.ts';
import { countTargets, type TokenBatch } from '../../../src/models/gpt2/network/token-batch.ts';
import type { BaseModel } from '../../../src/models/gpt2/network/base.ts';
import { gpt2ConfigSchema } from '../../../src/models/gpt2/network/config.ts';
import type { FineTuning } from '../../../src/models/gpt2/training/fine-tune.ts';
import { ADAMW } from '../../../src/onnx/adamw.ts';
import {
  gpt2TrainOptions,
  type Gpt2TrainOptions,
  type TrainOptions,
} from '../../../src/models/gpt2/options.ts';
import type { Trainee, TrainingState, UpdateOptions } from '../../../src/training/trainee.ts';
import { Rng } from '../../../src/util/rng.ts';

/**
 * One weight w that is pulled to the mean target of each batch: loss (w - mean)^2, gradient with the noise that dropout
 * would bring, momentum in `first`. Its state decides all that follows, as a network's does.
 */
export class QuadraticTrainee implements Trainee<TokenBatch> {
  current = { updates: 0, weight: 0, first: 0, second: 0 };
  /** What each update was given, and what it drew. */
  readonly seen: { batches: readonly TokenBatch[]; options: UpdateOptions; noise: number }[] = [];
  /** Called before update 0, 1, ... of all updates; what it returns replaces the loss. */
  before: (update: number) => number | undefined = () => undefined;
  /** Replaces the validation loss of call 0, 1, ... */
  validation: number[] | undefined;
  /** Called before each validation batch with the updates that were made. */
  beforeLoss: (updates: number) => void = () => {};
  #validations = 0;

  async update(batches: readonly TokenBatch[], options: UpdateOptions, rng: Rng) {
    const replaced = this.before(this.current.updates);
    const noise = rng.normal();
    this.seen.push({ batches, options, noise });
    const loss = replaced ?? (await this.#mean(batches));
    const gradient = 2 * Math.sqrt(loss) + 0.1 * noise;
    if (!Number.isFinite(loss)) return { loss, gradientNorm: NaN };
    const { updates, weight, first, second } = this.current;
    const momentum = Math.fround(ADAMW.beta1 * first + (1 - ADAMW.beta1) * gradient);
    this.current = {
      updates: updates + 1,
      weight: Math.fround(weight + options.learningRate * momentum),
      first: momentum,
      second: Math.fround(second + gradient * gradient),
    };
    return { loss, gradientNorm: Math.abs(gradient) };
  }

  async #mean(batches: readonly TokenBatch[]): Promise<number> {
    let sum = 0;
    for (const batch of batches) sum += await this.#distance(batch);
    return sum / batches.length;
  }

  #distance(batch: TokenBatch): Promise<number> {
    const sum = batch.targets.reduce((sum, target) => sum + Math.max(target, 0), 0);
    const mean = sum / countTargets(batch);
    return Promise.resolve((this.current.weight - mean) ** 2);
  }

  async loss(batch: TokenBatch): Promise<number> {
    this.beforeLoss(this.current.updates);
    const replaced = this.validation?.[this.#validations++];
    return replaced ?? (await this.#distance(batch));
  }

  state(): Promise<TrainingState> {
    const { updates, weight, first, second } = this.current;
    const scalar = (value: number) => new Map([['w', { shape: [1], data: Float32Array.of(value) }]]);
    return Promise.resolve({
      updates,
      weights: scalar(weight),
      first: scalar(first),
      second: scalar(second),
    });
  }

  restore({ updates, weights, first, second }: TrainingState): Promise<void> {
    const [weight, m, v] = [weights, first, second].map((tensors) => tensors.get('w')!.data[0]!);
    this.current = { updates, weight: weight!, first: m!, second: v! };
    return Promise.resolve();
  }

  dispose(): void {}
}

/** Trains on nothing: the quadratic trainee has no network. */
const base: BaseModel = {
  name: 'scratch/tiny',
  config: gpt2ConfigSchema.parse({ model_type: 'gpt2', n_embd: 4, n_layer: 1, n_head: 1 }),
  parameters: new Map(),
  tokenizer: undefined as unknown as BaseModel['tokenizer'],
};

/** Text `n` of pass `pass`: three tokens of prompt and two of answer, all different from pass to pass. */
function text(n: number, pass: number): Example {
  const rng = new Rng(`text ${n} of ${pass}`);
  return toExample([rng.int(50), rng.int(50), n], [rng.int(50), rng.int(50)]);
}

/** 20 texts, 4 to a batch: 5 updates per pass, 3 passes unless `typed` says otherwise. */
export function smallJob(folder: string, typed: Record<string, unknown> = {}): FineTuning {
  return {
    base,
    texts: (pass) => Array.from({ length: 20 }, (_, n) => text(n, pass)),
    validation: [text(100, 0), text(101, 0)],
    contextLength: 64,
    padding: 0,
    options: withEpochs(gpt2TrainOptions.parse({ batchSize: 4, checkpointEvery: 3, ...typed })),
    output: join(folder, 'gpt2'),
    log: join(folder, 'training.jsonl'),
  };
}

function withEpochs(options: Gpt2TrainOptions): TrainOptions {
  return {
    ...options,
    epochs: options.epochs ?? 3,
    validationShare: options.validationShare ?? 0.05,
    patience: options.patience ?? 3,
  };
}
