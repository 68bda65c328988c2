/** The training loop, whatever computes: schedule, validation, early stopping, checkpoints, log, progress. */
import { setImmediate } from 'node:timers/promises';
import { FitError, RecsysError, throwIfAborted } from '../util/errors.ts';
import { TrainingStore, type TrainingProgress } from './checkpoints.ts';
import { chunk, type TrainingContext, type TrainingJob, type TrainingResult } from './job.ts';
import { scheduleAt } from './schedule.ts';
import type { Trainee } from './trainee.ts';

/**
 * Trains and returns the best weights. Everything random is derived from the generator, the pass and the update, so that
 * a run resumed at any update continues to the digit. Throws AbortedError when the signal fires, in a validation too, and
 * FitError when the loss is no number: the last update is in a checkpoint then. Throws RecsysError when memory runs out; the
 * checkpoint before stays.
 */
export async function runTraining<Batch>(
  trainee: Trainee<Batch>,
  job: TrainingJob<Batch>,
  context: TrainingContext,
): Promise<TrainingResult> {
  try {
    return await new Training(trainee, job, context).run();
  } catch (error) {
    throw explainMemory(error, job.memoryRemedy);
  }
}

class Training<Batch> {
  readonly #trainee: Trainee<Batch>;
  readonly #job: TrainingJob<Batch>;
  readonly #context: TrainingContext;
  readonly #store: TrainingStore;
  #drawn: { pass: number; batches: Batch[][] };
  readonly #batchesPerPass: number;
  readonly #updatesPerPass: number;
  readonly #updates: number;
  #progress: TrainingProgress;
  /** Where the last checkpoint stands, if there is one. */
  #saved: Pick<TrainingProgress, 'updates' | 'validated'> | undefined;

  constructor(trainee: Trainee<Batch>, job: TrainingJob<Batch>, context: TrainingContext) {
    this.#trainee = trainee;
    this.#job = job;
    this.#context = context;
    this.#store = new TrainingStore(job.output, job.log);
    const first = job.batches(0);
    this.#drawn = { pass: 0, batches: chunk(first, job.options.accumulate) };
    this.#batchesPerPass = first.length;
    this.#updatesPerPass = this.#drawn.batches.length;
    this.#updates = job.options.epochs * this.#updatesPerPass;
    const { settings } = job;
    this.#progress = {
      updates: 0,
      settings,
      validated: true,
      best: null,
      passesSinceBest: 0,
      stopped: false,
    };
  }

  async run(): Promise<TrainingResult> {
    await this.#begin();
    const { signal, progress } = this.#context;
    const task = progress.start('training', this.#updates, 'updates');
    try {
      task.resumeAt(this.#progress.updates);
      if (!this.#progress.validated) await this.#validate();
      while (!this.#finished) {
        const pass = Math.floor(this.#progress.updates / this.#updatesPerPass);
        const batches = this.#batches(pass);
        for (let at = this.#progress.updates % this.#updatesPerPass; at < batches.length; at++) {
          task.advance(1, await this.#update(pass, batches[at]!));
          await setImmediate(); // a signal that has come is heard, also where the trainee holds the only thread
          if (at === batches.length - 1) await this.#validate();
          const due = this.#progress.updates % this.#job.options.checkpointEvery === 0;
          if (due || signal.aborted) await this.#save();
          this.#throwIfAborted();
        }
      }
      await this.#save();
    } finally {
      task.finish();
    }
    return await this.#result();
  }

  get #finished(): boolean {
    return this.#progress.stopped || this.#progress.updates >= this.#updates;
  }

  /** From the newest checkpoint with --resume, else from the start. */
  async #begin(): Promise<void> {
    const { progress } = this.#context;
    if (!this.#job.options.resume) return await this.#store.clear();
    const found = await this.#store.load(this.#job.settings, (line) => progress.note(line));
    if (found === undefined) {
      progress.note(`no checkpoint in ${this.#store.folder}: training from the start`);
      return await this.#store.clear();
    }
    await this.#trainee.restore(found.state);
    await this.#store.truncateLog(found.progress);
    this.#progress = found.progress;
    const { updates, validated } = found.progress;
    this.#saved = { updates, validated };
  }

  /** The batches of each update of a pass; the pass asked for last is kept. */
  #batches(pass: number): Batch[][] {
    if (this.#drawn.pass !== pass) {
      const drawn = this.#job.batches(pass);
      const batches = Array.from({ length: this.#batchesPerPass }, (_, n) => drawn[n % drawn.length]!);
      this.#drawn = { pass, batches: chunk(batches, this.#job.options.accumulate) };
    }
    return this.#drawn.batches;
  }

  /** One update and its line in the log. Returns the detail for the progress bar. */
  async #update(pass: number, batches: readonly Batch[]): Promise<string> {
    const job = this.#job;
    const { options, unit } = job;
    const { updates } = this.#progress;
    const learningRate = options.learningRate * scheduleAt(updates, this.#updates, options);
    const { weightDecay, clipNorm } = options;
    const rng = this.#context.rng.derive(`dropout ${updates}`);
    const started = performance.now();
    const { loss, gradientNorm } = await this.#trainee.update(
      batches,
      { learningRate, weightDecay, clipNorm },
      rng,
    );
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      await this.#save(); // this update changed nothing
      throw new FitError({
        place: `update ${updates + 1}`,
        found: `loss ${loss}, gradient norm ${gradientNorm}, at learning rate ${learningRate}`,
        wanted: 'finite numbers',
        remedy: `Lower --learning-rate. ${this.#store.folder} holds the state before this update.`,
      });
    }
    const units = batches.reduce((sum, batch) => sum + job.unitsOf(batch), 0);
    const unitsPerSecond = Math.round(units / ((performance.now() - started) / 1000));
    this.#progress.updates++;
    const line = { update: updates + 1, epoch: pass + 1, loss, learningRate, gradientNorm };
    this.#store.append({ ...line, [unit]: units, [`${unit}PerSecond`]: unitsPerSecond });
    return `loss ${loss.toFixed(3)}, ${unitsPerSecond} ${unit}/s`;
  }

  /**
   * Measures after a pass; the best weights are kept, and patience runs out. The pass is saved before it is measured, which
   * may take long: a resumed run measures first.
   */
  async #validate(): Promise<void> {
    const { validation, options } = this.#job;
    if (validation === undefined) return;
    this.#progress = { ...this.#progress, validated: false };
    await this.#save();
    this.#throwIfAborted();
    const measured = await validation.measure(this.#trainee, this.#context.signal).catch((error: unknown) => {
      this.#throwIfAborted();
      throw error;
    });
    const progress = { ...this.#progress, validated: true };
    const epoch = Math.ceil(progress.updates / this.#updatesPerPass);
    this.#store.append({ update: progress.updates, epoch, ...validation.facts(measured) });
    this.#context.progress.note(`epoch ${epoch}: ${validation.describe(measured)}`);
    const { best } = progress;
    if (best === null || (validation.better === 'lower' ? measured < best : measured > best)) {
      await this.#store.saveBest((await this.#trainee.state()).weights);
      this.#progress = { ...progress, best: measured, passesSinceBest: 0 };
    } else {
      const passesSinceBest = progress.passesSinceBest + 1;
      this.#progress = { ...progress, passesSinceBest, stopped: passesSinceBest === options.patience };
    }
  }

  async #save(): Promise<void> {
    const { updates, validated } = this.#progress;
    if (this.#saved?.updates === updates && this.#saved.validated === validated) return;
    await this.#store.save(await this.#trainee.state(), this.#progress);
    this.#saved = { updates, validated };
  }

  /** Call it after `#save`. */
  #throwIfAborted(): void {
    const { signal } = this.#context;
    throwIfAborted(signal, `${this.#store.folder} holds update ${this.#saved?.updates}; --resume continues`);
  }

  async #result(): Promise<TrainingResult> {
    const { best, updates, stopped } = this.#progress;
    const weights = best === null ? (await this.#trainee.state()).weights : await this.#store.loadBest();
    const measured = best === null ? {} : this.#job.validation?.facts(best);
    return { weights, facts: { updates, stoppedEarly: stopped, ...measured } };
  }
}

/** What running out of memory looks like in Node and in ONNX Runtime, as an error that says what to lower. */
function explainMemory(error: unknown, remedy: string): unknown {
  const message = error instanceof Error ? error.message : '';
  const signs = /failed to allocate|bad_alloc|out of memory|array buffer allocation failed|BFCArena/i;
  if (error instanceof RecsysError || !signs.test(message)) return error;
  return new RecsysError({ place: 'training', found: 'not enough memory', remedy, cause: error });
}
