/** The training loop, whatever computes: order, schedule, validation, early stopping, checkpoints, log, progress. */
import { RecsysError, throwIfAborted } from '../../../util/errors.ts';
import { sha256 } from '../../../util/files.ts';
import type { FitContext } from '../../recommender.ts';
import { toBatch, type Example, type TokenBatch } from '../prompt/batch.ts';
import type { TrainingJob, TrainingOutcome } from '../engine/engine.ts';
import { outcomeOf } from './lora.ts';
import { gpt2TrainOptions } from '../options.ts';
import { peakLearningRate, scheduleAt } from './schedule.ts';
import type { Trainee } from './trainee.ts';
import { memoryProblem, TrainingStore, type Stand } from './checkpoints.ts';

const betas = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/**
 * Trains and returns the best weights. Everything random is derived from the generator, the pass and the update, so that
 * a run resumed at any update continues to the digit. Throws RecsysError when the loss is no number, AbortedError when
 * the signal fires; a checkpoint is kept either way.
 */
export async function runTraining(
  trainee: Trainee,
  job: TrainingJob,
  context: FitContext,
): Promise<TrainingOutcome> {
  const training = new Training(trainee, job, context);
  try {
    return await training.run();
  } catch (error) {
    throw memoryProblem(error);
  }
}

class Training {
  readonly #trainee: Trainee;
  readonly #job: TrainingJob;
  readonly #context: FitContext;
  readonly #store: TrainingStore;
  readonly #settings: string;
  readonly #updatesPerPass: number;
  readonly #updates: number;
  #stand: Stand;
  /** Updates in the last checkpoint, if there is one. */
  #saved: number | undefined;

  constructor(trainee: Trainee, job: TrainingJob, context: FitContext) {
    const { batchSize, accumulate, epochs } = job.options;
    this.#trainee = trainee;
    this.#job = job;
    this.#context = context;
    this.#store = new TrainingStore(job.output, job.log);
    this.#updatesPerPass = Math.ceil(job.texts(0).length / (batchSize * accumulate));
    this.#updates = epochs * this.#updatesPerPass;
    this.#settings = settingsOf(job, context);
    this.#stand = {
      updates: 0,
      settings: this.#settings,
      bestLoss: null,
      passesSinceBest: 0,
      stopped: false,
    };
  }

  async run(): Promise<TrainingOutcome> {
    await this.#begin();
    const { signal, progress } = this.#context;
    const task = progress.start('training', this.#updates, 'updates');
    task.advance(this.#stand.updates);
    while (!this.#finished) {
      const pass = Math.floor(this.#stand.updates / this.#updatesPerPass);
      const batches = this.#batches(pass);
      for (let at = this.#stand.updates % this.#updatesPerPass; at < batches.length; at++) {
        task.advance(1, await this.#update(pass, batches[at]!));
        // The pass's end is validated before it is saved: a checkpoint there stands after the validation.
        if (at === batches.length - 1) await this.#validate(pass);
        const due = this.#stand.updates % this.#job.options.checkpointEvery === 0;
        if (due || signal.aborted || this.#finished) await this.#save();
        throwIfAborted(signal, `${this.#store.folder} holds update ${this.#saved}; --resume continues`);
      }
    }
    task.finish();
    return await this.#outcome();
  }

  get #finished(): boolean {
    return this.#stand.stopped || this.#stand.updates >= this.#updates;
  }

  /** From the newest checkpoint with --resume, else from the start. */
  async #begin(): Promise<void> {
    const { progress } = this.#context;
    if (!this.#job.options.resume) return await this.#store.clear();
    const found = await this.#store.load(this.#settings, (line) => progress.note(line));
    if (found === undefined) {
      progress.note(`no checkpoint in ${this.#store.folder}: training from the start`);
      return await this.#store.clear();
    }
    await this.#trainee.restore(found.state);
    await this.#store.truncateLog(found.stand.updates);
    this.#stand = found.stand;
    this.#saved = found.stand.updates;
    progress.note(`resumed at update ${found.stand.updates} of ${this.#updates}`);
  }

  /** The batches of each update of a pass. */
  #batches(pass: number): TokenBatch[][] {
    const job = this.#job;
    const texts = this.#context.rng.derive(`order ${pass}`).shuffle(job.texts(pass).slice());
    const batches = this.#toBatches(texts);
    return chunks(batches, job.options.accumulate);
  }

  #toBatches(texts: readonly Example[]): TokenBatch[] {
    const { padding, contextLength, options } = this.#job;
    return chunks(texts, options.batchSize).map((part) => toBatch(part, padding, contextLength));
  }

  /** One update and its line in the log. Returns the detail for the progress bar. */
  async #update(pass: number, batches: readonly TokenBatch[]): Promise<string> {
    const { options, base } = this.#job;
    const { updates } = this.#stand;
    const peak = peakLearningRate(options, base.name.startsWith('scratch/'));
    const learningRate = peak * scheduleAt(updates, this.#updates, options);
    const { weightDecay, clipNorm } = options;
    const rng = this.#context.rng.derive(`dropout ${updates}`);
    const started = performance.now();
    const { loss, gradientNorm } = await this.#trainee.update(
      batches,
      { ...betas, learningRate, weightDecay, clipNorm },
      rng,
    );
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      await this.#save(); // this update changed nothing
      throw new RecsysError({
        place: `update ${updates + 1}`,
        found: `loss ${loss}, gradient norm ${gradientNorm}, at learning rate ${learningRate}`,
        wanted: 'finite numbers',
        remedy: `Lower --learning-rate. ${this.#store.folder} holds the state before this update.`,
      });
    }
    const tokens = batches.reduce((sum, { rows, length }) => sum + rows * length, 0);
    const tokensPerSecond = Math.round(tokens / ((performance.now() - started) / 1000));
    this.#stand.updates++;
    const line = { step: updates + 1, epoch: pass + 1, loss, learningRate, gradientNorm, tokens };
    this.#store.append({ ...line, tokensPerSecond });
    return `loss ${loss.toFixed(3)}, ${tokensPerSecond} tokens/s`;
  }

  /** Loss of the validation texts after a pass; the best weights are kept, and patience runs out. */
  async #validate(pass: number): Promise<void> {
    const { validation, options } = this.#job;
    const { progress } = this.#context;
    if (validation.length === 0) return;
    let sum = 0;
    let count = 0;
    for (const batch of this.#toBatches(validation)) {
      const targets = batch.targets.filter((target) => target >= 0).length;
      sum += targets * (await this.#trainee.loss(batch));
      count += targets;
    }
    const validationLoss = sum / count;
    const stand = this.#stand;
    this.#store.append({
      step: stand.updates,
      epoch: pass + 1,
      validationLoss,
      perplexity: Math.exp(validationLoss),
    });
    progress.note(
      `epoch ${pass + 1}: validation loss ${validationLoss.toFixed(4)}, perplexity ${Math.exp(validationLoss).toFixed(2)}`,
    );
    if (stand.bestLoss === null || validationLoss < stand.bestLoss) {
      await this.#store.saveBest((await this.#trainee.state()).weights);
      this.#stand = { ...stand, bestLoss: validationLoss, passesSinceBest: 0 };
    } else {
      const passesSinceBest = stand.passesSinceBest + 1;
      this.#stand = { ...stand, passesSinceBest, stopped: passesSinceBest === options.patience };
    }
  }

  async #save(): Promise<void> {
    if (this.#saved === this.#stand.updates) return;
    await this.#store.save(await this.#trainee.state(), this.#stand);
    this.#saved = this.#stand.updates;
  }

  async #outcome(): Promise<TrainingOutcome> {
    const { bestLoss, updates, stopped } = this.#stand;
    const best = bestLoss === null ? (await this.#trainee.state()).weights : await this.#store.loadBest();
    const facts = {
      updates,
      stoppedEarly: stopped,
      ...(bestLoss !== null && { validationLoss: bestLoss, perplexity: Math.exp(bestLoss) }),
    };
    return outcomeOf(this.#job.base, this.#job.options, best, facts);
  }
}

/** Training options that change no number. */
const practical = new Set(['resume', 'output', 'checkpointEvery', 'merge', 'checkpointing']);

/** A digest of what a checkpoint must agree on with the run that resumes it. */
function settingsOf(job: TrainingJob, { rng }: FitContext): string {
  const { options, base, contextLength } = job;
  const names = Object.keys(gpt2TrainOptions.shape).filter((name) => !practical.has(name));
  const shaping = Object.entries(options).filter(([name]) => names.includes(name));
  const first = job.texts(0).map(({ tokens }) => sha256(new Uint8Array(tokens.buffer)));
  const { name, config } = base;
  const seed = rng.derive('settings').uint32();
  return sha256(JSON.stringify([Object.fromEntries(shaping), name, config, contextLength, first, seed]));
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < values.length; at += size) parts.push(values.slice(at, at + size));
  return parts;
}
