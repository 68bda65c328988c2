/** Experiments as jobs: each seed, and of models of the registry each model, by itself. */
import type { z } from 'zod';
import { sum } from '../../util/arrays.ts';
import { RecsysError } from '../../util/errors.ts';
import { Stopwatch } from '../environment.ts';
import { prepare } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import { combineSeeds } from '../seeds/combine.ts';
import {
  languageRecordSchema,
  recordSchema,
  type AnyRecord,
  type LanguageRecord,
  type ResultsRecord,
} from '../record.ts';
import { sharedOf, type Gpt2Job, type Job, type JobModel } from './job.ts';
import { runJobs, type JobRunner, type JobsContext } from './run.ts';
import type { OutcomeStore } from './store.ts';

/** What of a job does not depend on the seed, which its protocol has. */
type Shared = Pick<Job, 'recsys' | 'data' | 'dataDigest' | 'protocol'>;

export interface ModelsSpec {
  experiment: string;
  data: DataOptions;
  protocol: Protocol;
  /** Without them, the protocol's own seed. */
  seeds?: readonly number[] | undefined;
  models: readonly JobModel[];
}

/** What a job of GPT-2 has of its own. */
export type Gpt2Fields = Omit<Gpt2Job, 'kind' | keyof Shared>;

export interface Means {
  runner: JobRunner;
  store: OutcomeStore;
}

/**
 * The record of models of the registry: that of `runExperiment` with each seed, to the digit. Throws what jobs and `prepare`
 * throw, and RecsysError where a fit fails.
 */
export async function recordOfModels(
  { experiment, models, ...spec }: ModelsSpec,
  means: Means,
  context: JobsContext,
): Promise<ResultsRecord> {
  const jobsOf = (shared: Shared) =>
    models.map(({ name, model, hyperparameters }): Job => {
      const own = { name, model, hyperparameters };
      return { kind: 'experiment', ...shared, experiment, model: own };
    });
  return await recordOfJobs(recordSchema, experiment, spec, jobsOf, means, context);
}

/** The record of GPT-2, as `recordOfModels`. */
export async function recordOfGpt2(
  spec: Omit<ModelsSpec, 'models' | 'experiment'>,
  own: Gpt2Fields,
  means: Means,
  context: JobsContext,
): Promise<LanguageRecord> {
  const jobsOf = (shared: Shared): Job[] => [{ kind: 'gpt2', ...shared, ...own }];
  return await recordOfJobs(languageRecordSchema, 'gpt2', spec, jobsOf, means, context);
}

async function recordOfJobs<R extends AnyRecord>(
  schema: z.ZodType<R>,
  label: string,
  { data, protocol, seeds = [protocol.seed] }: Omit<ModelsSpec, 'models' | 'experiment'>,
  jobsOf: (shared: Shared) => Job[],
  means: Means,
  context: JobsContext,
): Promise<R> {
  const jobs: Job[][] = [];
  for (const seed of seeds) {
    const own = { ...protocol, seed };
    const prepared = await prepare(data, own, context, new Stopwatch());
    jobs.push(jobsOf(sharedOf(data, own, prepared)));
  }
  const all = jobs.flat();
  const task = context.progress.start(label, all.length, 'jobs');
  const nameOf = (job: Job) => `${'model' in job ? job.model.name : job.kind}, seed ${job.protocol.seed}`;
  const onLine = (n: number, line: string) => task.advance(0, `${nameOf(all[n]!)}: ${line}`);
  try {
    const { outcomes, stored } = await runJobs(
      all,
      means,
      () => task.advance(),
      () => true,
      { ...context, onLine },
    );
    if (stored > 0) context.progress.note(`${stored} of ${all.length} jobs were kept from before.`);
    const records = outcomes.map((outcome, n) => {
      if (outcome?.failed === undefined) return schema.parse(outcome?.value);
      throw new RecsysError({ place: nameOf(all[n]!), found: outcome.failed });
    });
    return combineSeeds(seeds.map((_, n) => joinModels(records.splice(0, jobs[n]!.length))));
  } finally {
    task.finish();
  }
}

/** Records of one model each, under one protocol, as the record of all. Seconds of equal phases are added. */
function joinModels<R extends AnyRecord>(records: readonly R[]): R {
  const phases = [...new Set(records.flatMap(({ timing }) => Object.keys(timing)))];
  return {
    ...records[0]!,
    models: records.flatMap(({ models }) => models),
    timing: Object.fromEntries(
      phases.map((phase) => [phase, sum(records.map(({ timing }) => timing[phase] ?? 0))]),
    ),
  };
}
