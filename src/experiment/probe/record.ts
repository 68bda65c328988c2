/** What `recsys probe` finds out: one zod schema. */
import { z } from 'zod';
import {
  datasetSchema,
  environmentSchema,
  idSchema,
  recordedProtocolSchema,
  recordSchema,
} from '../record.ts';

const estimate = z.object({ mean: z.number(), ci95: z.tuple([z.number(), z.number()]) });

/** What the model is asked to complete. */
export const probeTests = ['items', 'users', 'ratings'] as const;
export type ProbeTest = (typeof probeTests)[number];

/** What is counted in the answers. */
export const probeMeasures = ['items', 'users', 'ratings', 'stars'] as const;
export type ProbeMeasure = (typeof probeMeasures)[number];

const measure = z.object({
  name: z.enum(probeMeasures),
  asked: z.int().describe('questions, those that failed left out'),
  correct: estimate.describe('share that the answers have right'),
  permuted: estimate.describe('the same with ids permuted: what can be had without knowing the data'),
  difference: estimate.describe('correct minus permuted; an interval above 0: the model knows the data'),
  guess: estimate.describe('share that the most popular answer has right, without a model'),
});

const answer = z.object({
  test: z.enum(probeTests),
  permuted: z.boolean(),
  subject: z.string().describe('id that the question is about'),
  reply: z.string(),
  failed: z.boolean(),
  correct: z.number().nullable().describe('share of the question that is right; null where it failed'),
});

export const probeSchema = z.object({
  schemaVersion: z.literal(1),
  experiment: z.literal('probe'),
  source: recordSchema.shape.source,
  dataset: datasetSchema,
  protocol: recordedProtocolSchema,
  model: z.string(),
  template: z.string(),
  hyperparameters: z.record(z.string(), z.unknown()),
  measures: z.array(measure),
  knownItems: z.array(idSchema).describe('movies whose line the model completed from the id'),
  unknownItems: z.array(idSchema).describe('movies whose line it did not'),
  relevant: z
    .object({ userIds: z.array(idSchema), known: z.array(z.int()), unknown: z.array(z.int()) })
    .describe('how many of each user’s relevant test movies are among them'),
  answers: z.array(answer),
  details: z.record(z.string(), z.unknown()).describe('tokens, cost, parameters'),
  environment: environmentSchema,
  checksum: z.string().optional(),
});

export type ProbeRecord = z.output<typeof probeSchema>;
export type ProbeAnswer = z.output<typeof answer>;
