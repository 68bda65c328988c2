/** What the training loop is given: batches, options, a way to validate, and where things are kept. */
import type { Parameters } from '../huggingface/tensors.ts';
import { sha256 } from '../util/files.ts';
import type { Progress } from '../util/progress.ts';
import type { Rng } from '../util/rng.ts';
import type { ScheduleOptions } from './schedule.ts';
import type { Trainee, UpdateOptions } from './trainee.ts';

/** `learningRate` is the peak of the schedule. */
export interface TrainingOptions extends ScheduleOptions, UpdateOptions {
  /** Passes over the batches. */
  epochs: number;
  /** Batches whose gradients are summed into one update. */
  accumulate: number;
  /** Passes without a better validation before training stops; 0 never stops. */
  patience: number;
  /** Updates between checkpoints. */
  checkpointEvery: number;
  /** Continue from the newest checkpoint in `output`. */
  resume: boolean;
}

/** What decides which weights are the best ones: a loss, or any measure of what the model is for. */
export interface Validation<Batch> {
  better: 'lower' | 'higher';
  /**
   * Measured after every pass. It must not change the trainee; `trainee.state()` has the weights. Throws AbortedError when
   * the signal fires.
   */
  measure(trainee: Trainee<Batch>, signal: AbortSignal): Promise<number>;
  /** The measure under the names that log and record use: `{ validationLoss: 3.2, perplexity: 24.5 }`. */
  facts(measured: number): Record<string, number>;
  /** For the progress line: "validation loss 3.2000". */
  describe(measured: number): string;
}

export interface TrainingJob<Batch> {
  /**
   * The batches of pass 0, 1, ..., in order. Every pass is made as long as pass 0: of a longer one the end is left out, of
   * a shorter one the beginning comes again. The same ones whenever a pass is asked for, so that a resumed run sees what
   * it would have seen: derive randomness from the pass. A batch may be light (users and the name of a random stream)
   * where the trainee makes its tensors.
   */
  batches(pass: number): readonly Batch[];
  /** Without it the last weights are the result and training never stops early. */
  validation?: Validation<Batch>;
  options: TrainingOptions;
  /** Of `settingsDigest`: a checkpoint of another one is refused. */
  settings: string;
  /** What throughput counts ("tokens", "items"), and how many a batch has: `UNIT` and `UNITPerSecond` in the log. */
  unit: string;
  unitsOf(batch: Batch): number;
  /** What a person can do when memory runs out, as a sentence that names flags. */
  memoryRemedy: string;
  /** Folder for checkpoints. */
  output: string;
  /** A line of JSON per update and per validation is appended here. */
  log: string;
}

export interface TrainingContext {
  /** Source of the dropout masks, by update. */
  rng: Rng;
  progress: Progress;
  /** Fires on Ctrl-C. */
  signal: AbortSignal;
}

export interface TrainingResult {
  /** The best weights by validation; the last ones without it. */
  weights: Parameters;
  /** For the record: updates, validation. Nothing that differs from run to run. */
  facts: Record<string, number | string | boolean>;
}

/** A digest of all that shapes the numbers of a training: `parts` (options, data, model), which JSON can hold, and the seed. */
export function settingsDigest(parts: readonly unknown[], rng: Rng): string {
  return sha256(JSON.stringify([...parts, rng.derive('settings').uint32()]));
}

/** `values` in parts of `size`; the last one has what is left. */
export function chunk<T>(values: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < values.length; at += size) parts.push(values.slice(at, at + size));
  return parts;
}
