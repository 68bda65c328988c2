/** Doing a job: in this process, in a child, or on another machine, to the same digits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRegistered, recordedSpec } from '../../models/registry.ts';
import { DataError, RecsysError } from '../../util/errors.ts';
import { silentProgress } from '../../util/progress.ts';
import { environment, Stopwatch } from '../environment.ts';
import { prepare, type Prepared } from '../prepare.ts';
import { runModels, type RunContext } from '../run.ts';
import { buildRecord } from '../score.ts';
import { carveFold, runnableOf, scoreOf, type Fold } from '../tune/validation.ts';
import { dataDigest, type ExperimentJob, type Job, type Outcome, type TrialJob } from './job.ts';

export type PerformContext = Pick<RunContext, 'signal' | 'threads'>;

/** Does jobs one after another; keeps the data of the last one. */
export class Performer {
  #last: { key: string; prepared: Prepared; folds: Map<number, Fold> } | undefined;

  /**
   * Throws DataError when the version or the data are not those of the job, AbortedError when the signal fires. A fit that
   * fails with the job's options is an outcome.
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
          : await performExperiment(job, prepared, context);
      return { value, seconds: secondsSince() };
    } catch (error) {
      // Options with which a fit overflows fail wherever they are tried; errors of other kinds are not about them.
      if (!(error instanceof RecsysError) || error.name !== 'RecsysError') throw error;
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
    const scores: number[] = [];
    for (const seed of carveSeeds) {
      const fold = folds.get(seed) ?? carveFold(prepared, protocol, seed);
      folds.set(seed, fold);
      const runContext = { ...context, progress: silentProgress };
      const runnable = await runnableOf(model, { protocol, prepared, folder, context: runContext });
      scores.push(await scoreOf(runnable, prepared, fold, { objective, model }, runContext));
    }
    return scores;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function performExperiment(
  { experiment, models }: ExperimentJob,
  prepared: Prepared,
  context: PerformContext,
): Promise<unknown> {
  const watch = new Stopwatch();
  const specs = models.map(({ name, model, hyperparameters }) => {
    if (!isRegistered(model)) throw new DataError({ place: 'job', found: `model '${model}'` });
    return recordedSpec(name, model, hyperparameters);
  });
  const runs = await runModels(prepared, specs, { ...context, progress: silentProgress }, watch);
  return buildRecord(
    experiment,
    prepared,
    runs.map(({ result }) => result),
    watch,
  );
}
