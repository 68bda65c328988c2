/** What `recsys compare` finds out from results records: one zod schema, so that the saved file is checked. */
import { z } from 'zod';
import { byKey, metricOf, type MetricKey, type RankingMetric } from '../../evaluation/metric-keys.ts';
import {
  datasetSchema,
  environmentSchema,
  languageUserSchema,
  listMetricsSchema,
  noiseSchema,
  rankingSchema,
  reasonCheckSchema,
  recordedProtocolSchema,
} from '../record.ts';

const comparedModel = z.object({
  name: z
    .string()
    .describe('unique; followed by the hyper-parameters that differ where two models share a name'),
  file: z.string(),
  model: z.string(),
  evaluated: z.int().describe('users in its own record'),
  metrics: z.record(z.string(), rankingSchema).describe('by cut-off, over the common users'),
  curve: z
    .array(z.object({ k: z.int(), precision: z.number(), recall: z.number() }))
    .describe('means over the common users at every cut-off up to the largest'),
  lists: listMetricsSchema.describe('over all users of its own record, at the largest cut-off'),
});

/** Metrics of a slice. Its share of the k places says more about the size of the slice than about a model. */
export const sliceMetrics = ['recall', 'ndcg', 'hitRate'] as const satisfies readonly RankingMetric[];

const slice = z.object({
  name: z.string(),
  movies: z.string().describe('what the movies of the slice have in common'),
  users: z.int().describe('with a relevant test movie in the slice, with any seed'),
  relevant: z.int().describe('such movies, over these users and all seeds'),
  models: z.array(
    z.object({
      name: z.string(),
      hits: z
        .int()
        .nullable()
        .describe('over all seeds; null where the record does not tell the movies apart'),
      metrics: z
        .object(byKey(sliceMetrics, (key) => rankingSchema.shape[key].describe(metricOf(key).meaning)))
        .nullable()
        .describe('over these users, at the largest cut-off; null as `hits`'),
    }),
  ),
});

const pair = z.object({
  a: z.string(),
  b: z.string(),
  users: z.int().describe('that both were evaluated on'),
  difference: z.number().describe('mean over these users of F1 of a minus F1 of b, at the largest cut-off'),
  ci95: z.tuple([z.number(), z.number()]).describe('paired bootstrap; not corrected'),
  p: z.number().describe('paired randomisation test, two-sided'),
  pHolm: z
    .number()
    .nullable()
    .describe('corrected by Holm’s procedure; null with too few users to show any difference'),
  noise: z
    .number()
    .nullable()
    .describe(
      'half the width of the 95% interval of what wording, order and repeats do to the difference; null where not measured',
    ),
  better: z
    .string()
    .nullable()
    .describe(
      'the better one; null, no difference shown, unless pHolm < 0.05, the interval leaves out 0 and the difference is larger than the noise',
    ),
  wins: z.int().describe('users on which a has the higher F1'),
  ties: z.int(),
  losses: z.int(),
});

const languageModel = z.object({
  name: z.string(),
  template: z.string(),
  shares: z.record(z.string(), z.number()).describe('share of the written titles in each match class'),
  truncatedHistories: z.int(),
  reasons: z.array(reasonCheckSchema).describe('empty where the record has none'),
  noise: noiseSchema
    .extend({ runs: z.array(noiseSchema.shape.runs.element.omit({ users: true })) })
    .nullable()
    .describe('null where nothing was varied'),
  states: z.record(z.string(), z.int()).describe('users by state of the answer: answered, refused, ...'),
});

const exampleList = z.object({
  name: z.string().describe('of the model'),
  hitRanks: z.array(z.int()),
  relevant: z.int().describe('relevant test movies of the user'),
  state: z.string().nullable().describe('of the answer; null for models without texts'),
  recommendations: languageUserSchema.shape.recommendations
    .nullable()
    .describe('null where the record holds no list'),
});

const exampleUser = z.object({
  userId: z.union([z.int(), z.string()]),
  why: z.string().describe('what the user was chosen for'),
  history: z.string().nullable().describe('as a prompt had it; null where no record has texts of the user'),
  trainRatings: z.int().nullable().describe('training ratings of the user; null where no lists were saved'),
  lists: z.array(exampleList),
});

const trainingRun = z.object({
  name: z.string().describe('of the log, without its ending'),
  updates: z.array(
    z.object({
      update: z.int(),
      loss: z.number(),
      validationLoss: z.number().optional(),
      validationF1: z.number().optional().describe('of the lists of validation users'),
    }),
  ),
});

const price = z.object({
  users: z.int().describe('that the seconds and the cost are for'),
  fitSeconds: z.number().nullable(),
  recommendSeconds: z.number().nullable(),
  costUsd: z.number().nullable(),
  inputTokens: z.number().nullable(),
  outputTokens: z.number().nullable(),
});

export const comparisonSchema = z.object({
  schemaVersion: z.literal(2),
  experiment: z.literal('comparison'),
  files: z.array(z.string()),
  dataset: datasetSchema,
  protocol: recordedProtocolSchema,
  commonUsers: z.int().describe('users that every one of `models` was evaluated on'),
  models: z.array(comparedModel).describe('highest F1 at the largest cut-off first'),
  samples: z
    .array(z.object({ users: z.int(), models: z.array(comparedModel), slices: z.array(slice) }))
    .describe('models evaluated on a small part of the users, with all of `models` on the same users'),
  slices: z.array(slice).describe('accuracy of `models` on a part of the movies'),
  pairs: z.array(pair).describe('every two models with common users, in the order of `models`'),
  language: z.array(languageModel),
  examples: z
    .array(exampleUser)
    .describe('users chosen to differ, where a record has texts or lists were saved'),
  training: z.array(trainingRun).describe('of GPT-2; thinned where there are many steps'),
  environment: environmentSchema,
  prices: z
    .record(z.string(), price)
    .describe('of each model, as its record has them; null where not measured'),
});

export type Comparison = z.output<typeof comparisonSchema>;
export type ComparedModel = z.output<typeof comparedModel>;
export type ComparedSlice = z.output<typeof slice>;
export type ComparedPair = z.output<typeof pair>;
export type ExampleUser = z.output<typeof exampleUser>;
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
