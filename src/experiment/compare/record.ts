/** What `recsys compare` finds out from results records: one zod schema, so that the saved file is checked. */
import { z } from 'zod';
import type { MetricKey } from '../../evaluation/metric-keys.ts';
import {
  datasetSchema,
  environmentSchema,
  languageUserSchema,
  listMetricsSchema,
  rankingSchema,
  recordedProtocolSchema,
} from '../record.ts';

const comparedModel = z.object({
  name: z.string().describe('unique; followed by the file where two records use one name'),
  file: z.string(),
  model: z.string(),
  evaluated: z.int().describe('users in its own record'),
  metrics: z.record(z.string(), rankingSchema).describe('by cut-off, over the common users'),
  curve: z
    .array(z.object({ k: z.int(), precision: z.number(), recall: z.number() }))
    .describe('means over the common users at every cut-off up to the largest'),
  lists: listMetricsSchema.describe('over all users of its own record, at the largest cut-off'),
  costUsd: z.number().nullable().describe('what the answers cost; null where that is not known'),
});

const pair = z.object({
  a: z.string(),
  b: z.string(),
  difference: z
    .number()
    .describe('mean over the common users of F1 of a minus F1 of b, at the largest cut-off'),
  ci95: z.tuple([z.number(), z.number()]).describe('paired bootstrap; not corrected'),
  p: z.number().describe('paired randomisation test, two-sided'),
  pHolm: z.number().describe('corrected for all pairs by Holm’s procedure'),
  better: z
    .string()
    .nullable()
    .describe('the better one; null, no difference shown, unless pHolm < 0.05 and the interval leaves out 0'),
  wins: z.int().describe('users on which a has the higher F1'),
  ties: z.int(),
  losses: z.int(),
});

const languageModel = z.object({
  name: z.string(),
  template: z.string(),
  shares: z.record(z.string(), z.number()).describe('share of the written titles in each match class'),
  truncatedHistories: z.int(),
  examples: z.array(languageUserSchema).describe('the same users in every model where there are such'),
});

const trainingStep = z.object({
  step: z.int(),
  loss: z.number(),
  validationLoss: z.number().optional(),
});

export const comparisonSchema = z.object({
  schemaVersion: z.literal(2),
  experiment: z.literal('comparison'),
  files: z.array(z.string()),
  dataset: datasetSchema,
  protocol: recordedProtocolSchema,
  commonUsers: z.int().describe('users that every model was evaluated on'),
  models: z.array(comparedModel).describe('highest F1 at the largest cut-off first'),
  pairs: z.array(pair).describe('every two models, the one with the higher F1 as a'),
  language: z.array(languageModel),
  training: z.array(trainingStep).describe('of GPT-2; thinned where there are many steps'),
  environment: environmentSchema,
  timing: z
    .record(z.string(), z.object({ fit: z.number().nullable(), recommend: z.number().nullable() }))
    .describe('seconds of each model, as its record has them'),
});

export type Comparison = z.output<typeof comparisonSchema>;
export type ComparedModel = z.output<typeof comparedModel>;
export type ComparedPair = z.output<typeof pair>;
export type LanguageComparison = z.output<typeof languageModel>;

/**
 * What the original work printed, on another split of MovieLens small: F1 is the harmonic mean of the two means. They
 * stand beside our numbers for orientation, never in a test.
 */
export const published: { name: string; metrics: Partial<Record<MetricKey, number>> }[] = [
  { name: 'popularity', metrics: { precision: 0, recall: 0, f1OfMeans: 0 } },
  { name: 'MF', metrics: { precision: 0.1738, recall: 0.0676, f1OfMeans: 0.0973 } },
  { name: 'FM', metrics: { precision: 0.1033, recall: 0.0311, f1OfMeans: 0.0478 } },
];
