/** The results record: one zod schema, versioned. Everything outside `environment` and `timing` is reproducible. */
import { z } from 'zod';
import { splitKinds, type Dataset } from '../data/dataset.ts';
import { byKey, listMetrics, metricOf, rankingMetrics } from '../evaluation/metric-keys.ts';
import { claimKinds, verdicts } from '../language/reasons.ts';
import { countsOf } from '../util/arrays.ts';

export const SCHEMA_VERSION = 2;

/** A released id; text where the data set's ids are text, or numbers beyond 32 bits. */
export const idSchema = z.union([z.int(), z.string()]);

/** A mean over the evaluated users with its 95% bootstrap interval. */
const estimate = z.object({
  mean: z.number(),
  ci95: z.tuple([z.number(), z.number()]),
  sd: z.number().optional().describe('standard deviation of the means of the seeds, where there are several'),
});

/** A number without an interval; null where it is not defined, absent where the record is older than the metric. */
const listMetric = z.number().nullable().optional();

/** Metrics at one cut-off, from the table in src/evaluation/metric-table.ts. */
export const rankingSchema = z.object(
  byKey(rankingMetrics, (key) => estimate.describe(metricOf(key).meaning)),
);
export const listMetricsSchema = z.object(
  byKey(listMetrics, (key) => listMetric.describe(metricOf(key).meaning)),
);
export const cutoffMetricsSchema = z.object({ ...rankingSchema.shape, ...listMetricsSchema.shape });

/**
 * What each evaluated user got, from which every per-user metric at every cut-off follows: the number of relevant
 * test items and the 1-based ranks of the hits.
 */
export const perUserSchema = z.object({
  userIds: z.array(idSchema),
  relevant: z.array(z.int()),
  hitRanks: z.array(z.array(z.int())),
  hitItems: z
    .array(z.array(idSchema))
    .optional()
    .describe('movie ids of the hits, in the same order; absent in older records'),
  cold: z
    .object({ relevant: z.array(z.int()), hitRanks: z.array(z.array(z.int())) })
    .optional()
    .describe('of these, movies with fewer than 5 training ratings; absent in older records'),
});

const userCountsSchema = z.object({
  evaluated: z.int(),
  withoutRelevant: z.int().describe('left out: no relevant test item'),
  shortLists: z.int().describe('evaluated users with fewer than k recommendations'),
  emptyLists: z.int().describe('evaluated users without any recommendation: they score 0'),
});

/** What one model came to with one seed. */
const seedResultSchema = z.object({
  facts: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
  metrics: z.record(z.string(), cutoffMetricsSchema).describe('by cut-off'),
  intervals: z.enum(['bootstrap', 'normal']).describe('how ci95 was computed; normal for many users'),
  ratingPrediction: z
    .object({ rmse: z.number(), mae: z.number(), ratings: z.int() })
    .optional()
    .describe('on the test ratings, for models that predict stars'),
  users: userCountsSchema,
  perUser: perUserSchema,
});

export const modelResultSchema = z.object({
  name: z.string().describe('unique within the record: popularity, popularity-count, mf, ...'),
  model: z.string().describe('name in the registry of models'),
  hyperparameters: z.record(z.string(), z.unknown()),
  ...seedResultSchema.shape,
  seeds: z
    .array(seedResultSchema.extend({ seed: z.int() }))
    .optional()
    .describe(
      'of a record over seeds: each by itself. `metrics` and `intervals` beside it are over all of them, the rest, such as `ratingPrediction`, is of the first',
    ),
});

export const datasetSchema = z.object({
  name: z.string(),
  files: z.array(z.object({ name: z.string(), sha256: z.string(), bytes: z.int() })),
  users: z.int().describe('with at least one rating'),
  items: z.int(),
  ratings: z.int(),
  warnings: z.array(z.string()),
});

/** What every record says of its data set. */
export function describeDataset(dataset: Dataset): z.output<typeof datasetSchema> {
  const { name, files, userIds, itemIds, ratings, warnings } = dataset;
  return {
    name,
    files,
    users: countsOf(ratings.users, userIds.length).filter((count) => count > 0).length,
    items: itemIds.length,
    ratings: ratings.users.length,
    warnings,
  };
}

/** A cut-off of the metrics, as --k takes it. */
export const cutoffSchema = z.int().min(1).max(1000);

export const recordedProtocolSchema = z.object({
  split: z.enum([...splitKinds, 'predefined']),
  testShare: z.number().gt(0).lt(1).optional(),
  carve: z
    .object({ split: z.enum(splitKinds), testShare: z.number().gt(0).lt(1).optional() })
    .optional()
    .describe(
      'of a predefined split: how validation ratings are carved from train, where it is not the default; absent in older records',
    ),
  heldOutUsers: z.int().optional().describe('users that models were not trained on, who alone are tested'),
  validationUsers: z.int().optional().describe('further users that models were not trained on'),
  seed: z.int().min(0),
  k: z.array(cutoffSchema).min(1),
  threshold: z.number(),
  candidates: z.literal('catalogue minus the user’s training items'),
  ties: z.literal('ascending movie id'),
  convention: z.string().optional().describe('another tool whose metric definitions were used, see --compat'),
  splitDigest: z.string().describe('sha256 over the split; see splitDigest in src/data/split.ts'),
  trainRatings: z.int(),
  testRatings: z.int(),
  seeds: z
    .array(z.object({ seed: z.int(), splitDigest: z.string(), trainRatings: z.int(), testRatings: z.int() }))
    .optional()
    .describe('of a record over seeds: all of them; what stands beside it is of the first'),
});

export const environmentSchema = z.object({
  recsys: z.string(),
  node: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.int(),
  memoryGiB: z.number(),
  date: z.string(),
  engine: z.string().optional().describe('what computed a language model, such as ONNX Runtime on 2 threads'),
});

/** What every kind of record shares; `experiment` names the kind. */
export const recordSchema = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  experiment: z.string(),
  source: z
    .object({
      dataset: z.string().optional(),
      train: z.string().optional(),
      test: z.string().optional(),
      columns: z.string().optional(),
      strict: z.boolean().optional(),
      binarize: z.number().optional(),
      minRatings: z.int().optional(),
    })
    .describe('where the data was read from, as typed'),
  dataset: datasetSchema,
  protocol: recordedProtocolSchema,
  models: z.array(modelResultSchema),
  environment: environmentSchema,
  timing: z
    .record(z.string(), z.number())
    .describe('seconds per phase: "mf.fit", "mf.recommend", "mf.evaluate", ...; over seeds, their mean'),
  checksum: z.string().optional().describe('SHA-256 of the record without it, as JSON without spaces'),
});

export type Estimate = z.output<typeof estimate>;
export type CutoffMetrics = z.output<typeof cutoffMetricsSchema>;
export type PerUser = z.output<typeof perUserSchema>;
export type ModelResult = z.output<typeof modelResultSchema>;
export type SeedResult = NonNullable<ModelResult['seeds']>[number];
export type ResultsRecord = z.output<typeof recordSchema>;

/** One user's recommendations with the text around them, as both language models record them. */
export const languageUserSchema = z.object({
  userId: idSchema,
  history: z.string().describe('the history as it stands in the prompt'),
  includedMovies: z
    .int()
    .min(0)
    .optional()
    .describe(
      'movies in it, which the server’s tokens may have limited; of chat models, absent in older records',
    ),
  state: z.string().describe('answered, truncated, refused, empty, empty-list, malformed or failed'),
  reply: z.string().describe('the text as generated, or why there is none'),
  recommendations: z.array(
    z.object({
      rank: z.int().describe('place in the reply; ranks of hits number only the entries that count'),
      text: z.string().describe('title as written'),
      movieId: idSchema.nullable().describe('null when no movie of the catalogue matches'),
      title: z.string().nullable(),
      reason: z.string(),
      match: z.string().describe('match class, see src/language'),
    }),
  ),
});

/** What reasons say of their readers, looked up in the histories that the prompts showed. */
export const reasonCheckSchema = z.object({
  model: z.string().describe('name of the model, or of the hybrid whose list took reasons over'),
  reasons: z.int().describe('recommendations that have a reason'),
  withClaims: z.int().describe('reasons that name a movie, a liked genre or a rating'),
  claims: z
    .object(byKey(claimKinds, () => z.object(byKey(verdicts, () => z.int()))))
    .describe('how many claims of each kind the history supports, does not mention, and contradicts'),
  users: z.int().describe('with at least one claim'),
  shares: z
    .object(byKey(verdicts, () => estimate))
    .nullable()
    .describe('means over these users of their shares of claims; null without a claim'),
  swapped: z
    .object({
      supported: estimate.describe('share that the history of another user supports'),
      difference: estimate.describe('own history minus the other; near 0: reasons would fit anybody'),
    })
    .nullable()
    .describe('the same reasons against the history of the next user; null with one user'),
});

export type ReasonCheck = z.output<typeof reasonCheckSchema>;

const variance = z.number().nullable();

/** How far a chat model's accuracy moves when it is asked in other words, with candidates in other orders, or again. */
export const noiseSchema = z.object({
  k: z.int(),
  users: z.int(),
  permutations: z.int().describe('orders of the candidates'),
  repeats: z.int(),
  variance: z
    .object({ users: variance, wording: variance, order: variance, repeats: variance })
    .describe(
      'components of the variance of F1; null where nothing was varied: then it counts to the level above',
    ),
  standardDeviation: z.number().describe('of mean F1 from run to run'),
  prompts: z.array(z.object({ template: z.string(), f1: estimate })).describe('mean F1 by wording'),
  gain: z
    .object({ difference: z.number(), ci95: z.tuple([z.number(), z.number()]), p: z.number() })
    .describe('F1 of the merged lists minus the mean of the runs, paired by user'),
  runs: z.array(
    z.object({
      template: z.string(),
      permutation: z.int(),
      repeat: z.int(),
      f1: z.number(),
      users: z
        .array(languageUserSchema.pick({ userId: true, state: true, reply: true }))
        .describe('empty for the first run, whose answers are the record’s own'),
    }),
  ),
});

export type NoiseRecord = z.output<typeof noiseSchema>;

const languageSchema = z.object({
  template: z.string().describe('name and version of the prompt template'),
  shares: z.record(z.string(), z.number()).describe('share of recommendations per match class'),
  truncatedHistories: z.int().describe('histories that were too long for the prompt'),
  reasons: z
    .array(reasonCheckSchema)
    .optional()
    .describe('one entry per model that gives reasons; absent in older records'),
  noise: noiseSchema.optional().describe('with --prompt, --permutations or --repeat of more than one'),
  users: z.array(languageUserSchema),
  details: z.record(z.string(), z.unknown()).describe('usage, cost, training facts: what the approach adds'),
});

/** A record of GPT-2 or GPT-4o: the common part plus the texts. */
export const languageRecordSchema = recordSchema.extend({
  language: languageSchema,
  furtherLanguage: z
    .array(languageSchema)
    .optional()
    .describe('of a record over seeds: the texts of the second seed and those after it'),
});

/** A record of any kind: those of language models have the texts as well. */
export const anyRecordSchema = recordSchema.extend({
  language: languageSchema.optional(),
  furtherLanguage: languageRecordSchema.shape.furtherLanguage,
});

export type AnyRecord = z.output<typeof anyRecordSchema>;
export type LanguageRecord = z.output<typeof languageRecordSchema>;
