/** A unit of work that any process can do, and what it came to: plain JSON both. */
import { z } from 'zod';
import { rankingMetrics, type RankingMetric } from '../../evaluation/metric-keys.ts';
import { sha256 } from '../../util/files.ts';
import { environment } from '../environment.ts';
import type { Prepared } from '../prepare.ts';
import { dataSchema, protocolSchema, type DataOptions, type Protocol } from '../protocol.ts';

const modelSchema = z.object({
  name: z.string(),
  model: z.string(),
  hyperparameters: z.record(z.string(), z.unknown()),
});

const shared = {
  recsys: z.string().describe('version that made the job; no other does it'),
  data: dataSchema,
  dataDigest: z.string().describe('see `dataDigest`; a worker whose data differ refuses the job'),
  protocol: protocolSchema,
};

/** A model fitted on a part of train and scored on the rest of train, once for each carve seed. */
const trialSchema = z.object({
  kind: z.literal('trial'),
  ...shared,
  model: modelSchema,
  carveSeeds: z.array(z.int()),
  objective: z.enum(rankingMetrics as [RankingMetric]),
});

/** A model of the registry under the protocol: a record of it alone. */
const experimentSchema = z.object({
  kind: z.literal('experiment'),
  ...shared,
  experiment: z.string(),
  model: modelSchema,
});

/** GPT-2 under the protocol, with what is beside it: a record. */
const gpt2Schema = z.object({
  kind: z.literal('gpt2'),
  ...shared,
  tokens: z.enum(['text', 'items']),
  options: z.record(z.string(), z.unknown()).describe('those that affect the result'),
  comparisonModels: z.array(modelSchema),
  candidates: z.string(),
  hybrid: z.object({ model: modelSchema, weight: z.number().optional() }).optional(),
});

export const jobSchema = z.discriminatedUnion('kind', [trialSchema, experimentSchema, gpt2Schema]);

export type Job = z.output<typeof jobSchema>;
export type TrialJob = z.output<typeof trialSchema>;
export type ExperimentJob = z.output<typeof experimentSchema>;
export type Gpt2Job = z.output<typeof gpt2Schema>;
export type JobModel = z.output<typeof modelSchema>;

export const outcomeSchema = z.object({
  /** Of a trial: a score per carve seed. Of the others: their record. */
  value: z.unknown(),
  /** Why there is no value: the fit failed with these options, as it would again. */
  failed: z.string().optional(),
  seconds: z.number(),
});

export type Outcome = z.output<typeof outcomeSchema>;

/** What all jobs of one run share. */
export function sharedOf(
  data: DataOptions,
  protocol: Protocol,
  prepared: Pick<Prepared, 'dataset' | 'protocol'>,
): Pick<Job, 'recsys' | 'data' | 'dataDigest' | 'protocol'> {
  return { recsys: environment().recsys, data, dataDigest: dataDigest(prepared), protocol };
}

/** Tells whether two machines have the same data and split: SHA-256 over the digests of the files and of the split. */
export function dataDigest({ dataset, protocol }: Pick<Prepared, 'dataset' | 'protocol'>): string {
  return sha256(JSON.stringify([dataset.files.map((file) => file.sha256), protocol.splitDigest]));
}

/** Goes up when the meaning of an outcome changes: those of before are not found then. */
const OUTCOME_VERSION = 2;

/** The name of a job by its content, in whatever order its fields stand: equal jobs have one outcome. */
export function jobKey(job: Job): string {
  return sha256(JSON.stringify([OUTCOME_VERSION, jobSchema.parse(job)])).slice(0, 40);
}
