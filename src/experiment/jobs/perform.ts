/** Doing a job: in this process, in a child, or on another machine, to the same digits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRegistered, recordedSpec, type ModelSpec } from '../../models/registry.ts';
import { DataError, FitError } from '../../util/errors.ts';
import { progressOf, silentProgress } from '../../util/progress.ts';
import { environment, Stopwatch } from '../environment.ts';
import { prepare, type Prepared } from '../prepare.ts';
import { tokenKinds } from '../language/gpt2/token-kinds.ts';
import type { LanguageRecord, ResultsRecord } from '../record.ts';
import { runModels, type RunContext } from '../run.ts';
import { buildRecord } from '../score.ts';
import { carveFolds, runnableOf, scoreOf, type Fold } from '../tune/validation.ts';
import {
  dataDigest,
  type ExperimentJob,
  type Gpt2Job,
  type Job,
  type JobModel,
  type Outcome,
  type TrialJob,
} from './job.ts';

export interface PerformContext extends Pick<RunContext, 'signal' | 'threads' | 'progress' | 'fits'> {
  /** Where GPT-2 keeps what it makes with a seed, on the machine that asks for it. */
  gpt2?: (seed: number) => Pick<RunContext, 'onFitted'> & {
    resultsDir: string;
    /** Folder of checkpoints and the model. */
    output: string;
    /** Those that do not affect the result, among others. */
    options: Readonly<Record<string, unknown>>;
  };
}

/** Does jobs one after another; keeps the data of the last one. */
export class Performer {
  #last: { key: string; prepared: Prepared; folds: Map<number, Fold> } | undefined;

  /**
   * Throws DataError when the version or the data are not those of the job, AbortedError when the signal fires, and what a
   * fit throws. That the job's options cannot be fitted (`FitError`) is an outcome.
   */
  async perform(job: Job, context: PerformContext): Promise<Outcome> {
    requireVersion(job);
    const { prepared, folds } = await this.#dataOf(job, context);
    const started = performance.now();
    const secondsSince = () => (performance.now() - started) / 1000;
    try {
      const value =
        job.kind === 'trial'
          ? await performTrial(job, prepared, folds, context)
          : job.kind === 'gpt2'
            ? await performGpt2(job, context)
            : await performExperiment(job, prepared, context);
      return { value, seconds: secondsSince() };
    } catch (error) {
      // Such options fail wherever they are tried; other errors may be of this machine, and gone when it is mended.
      if (!(error instanceof FitError) || job.kind === 'gpt2') throw error;
      return { value: null, failed: error.message, seconds: secondsSince() };
    }
  }

  async #dataOf({ data, protocol, dataDigest: wanted }: Job, { signal }: PerformContext) {
    const key = JSON.stringify([data, protocol]);
    if (this.#last?.key !== key) {
      const prepared = await prepare(data, protocol, { progress: silentProgress, signal }, new Stopwatch());
      this.#last = { key, prepared, folds: new Map() };
    }
    const found = dataDigest(this.#last.prepared);
    if (found === wanted) return this.#last;
    this.#last = undefined;
    throw new DataError({
      place: `--dataset ${data.dataset ?? data.train ?? 'ml-latest-small-2016'}`,
      found: `other data than those of the job: digest ${found.slice(0, 12)}`,
      wanted: wanted.slice(0, 12),
      remedy: 'Give the worker the same files under the same name.',
    });
  }
}

function requireVersion({ recsys }: Job): void {
  const own = environment().recsys;
  if (recsys === own) return;
  throw new DataError({
    place: 'job',
    found: `made by recsys ${recsys}, this is ${own}`,
    wanted: 'the same version, whose numbers are the same',
    remedy: 'Install the same version on both machines.',
  });
}

async function performTrial(
  { model, carveSeeds, objective, protocol }: TrialJob,
  prepared: Prepared,
  folds: Map<number, Fold>,
  context: PerformContext,
): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-trial-'));
  try {
    const own = carveFolds(prepared, protocol, carveSeeds, folds);
    const scores = new Map<Fold, number>();
    for (const fold of new Set(own)) {
      const { signal, threads, progress } = context;
      const task = { signal, threads, progress: progressOf(`division ${scores.size + 1}`, progress) };
      const runnable = await runnableOf(model, { protocol, prepared, folder, context: task });
      scores.set(fold, await scoreOf(runnable, prepared, fold, { objective, model }, task));
    }
    return own.map((fold) => scores.get(fold)!);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function performExperiment(
  { experiment, model }: ExperimentJob,
  prepared: Prepared,
  context: PerformContext,
): Promise<ResultsRecord> {
  const watch = new Stopwatch();
  const runs = await runModels(prepared, [specOf(model)], context, watch);
  const results = runs.map(({ result }) => result);
  return buildRecord(experiment, prepared, results, watch);
}

function specOf({ name, model, hyperparameters }: JobModel): ModelSpec {
  if (isRegistered(model)) return recordedSpec(name, model, hyperparameters);
  throw new DataError({
    place: 'job',
    found: `model '${model}'`,
    wanted: 'a model of this version',
    remedy: 'Let all workers run the same version of recsys.',
  });
}

/** Checkpoints and the model stay where `context.gpt2` says; without it, nothing stays. */
async function performGpt2(job: Gpt2Job, context: PerformContext): Promise<LanguageRecord> {
  const { data, protocol, tokens, comparisonModels, candidates, hybrid } = job;
  const folder = context.gpt2 === undefined ? await mkdtemp(join(tmpdir(), 'recsys-gpt2-')) : undefined;
  const kept = context.gpt2?.(protocol.seed) ?? {
    resultsDir: folder!,
    output: folder!,
    options: {},
    onFitted: undefined,
  };
  const spec = {
    data,
    protocol,
    comparisonModels: comparisonModels.map(specOf),
    candidates,
    ...(hybrid && {
      hybrid: {
        model: specOf(hybrid.model),
        ...(hybrid.weight !== undefined && { weight: hybrid.weight }),
      },
    }),
    output: kept.output,
    resultsDir: kept.resultsDir,
  };
  const { onFitted } = kept;
  const own = { ...context, ...(onFitted && { onFitted }) };
  try {
    const gpt2 = await tokenKinds[tokens].open({ ...job.options, ...kept.options }, own);
    return await gpt2.run(spec);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
