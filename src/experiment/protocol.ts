/** The protocol that every subcommand shares: which data, how it is split, what counts as a hit. */
import { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { splitKinds } from '../data/dataset.ts';
import { asWritten } from '../data/ratings/values.ts';
import { UsageError } from '../util/errors.ts';
import type { recordedProtocolSchema } from './record.ts';

export const dataSchema = z.object({
  dataset: z
    .string()
    .optional()
    .meta({ placeholder: 'name|dir' })
    .describe(
      'release name, or folder, file or zip archive of ratings (default: ml-latest-small-2016, embedded)',
    ),
  train: z.string().optional().meta({ placeholder: 'file' }).describe('predefined training ratings'),
  test: z.string().optional().meta({ placeholder: 'file' }).describe('predefined test ratings'),
  columns: z
    .string()
    .optional()
    .meta({ placeholder: 'list' })
    .describe('the columns of the ratings, by name or number: user=1,item=2,rating=3,time=4'),
  strict: z
    .boolean()
    .optional()
    .describe(
      'refuse what a note would report otherwise: odd optional files, unreadable times, unknown movies',
    ),
  binarize: z.number().optional().describe('keep only ratings of at least this, and count them all alike'),
  minRatings: z
    .int()
    .min(1)
    .optional()
    .describe('keep only users with at least this many ratings, after --binarize'),
});

/** The defaults and their reasons: docs/evaluation.md. */
export const protocolSchema = z.object({
  split: z
    .enum(splitKinds)
    .default('per-user-random')
    .describe('how ratings are divided into train and test'),
  testShare: z.number().gt(0).lt(1).default(0.2).describe('share of ratings held out as test'),
  heldOutUsers: z
    .int()
    .min(1)
    .optional()
    .describe('leave this many users out of training, fold them in afterwards and test on them alone'),
  validationUsers: z
    .int()
    .min(1)
    .optional()
    .describe('with --held-out-users: leave this many more users out of training, as published protocols do'),
  seed: z.int().min(0).default(42).describe('seed of the split and of every model'),
  k: z
    .array(z.int().min(1).max(1000))
    .min(1)
    .default([10])
    .describe('cut-offs of the metrics, comma-separated')
    .transform((cutoffs) => [...new Set(cutoffs)].sort((a, b) => a - b)),
  threshold: z
    .number()
    .optional()
    .describe(
      'a test rating of at least this is relevant (default: 4 of 5 stars, and as high on another scale)',
    ),
});

/** What a record says of the split that was asked for; of a predefined one it divides train alone, where anything does. */
export function recordedSplit(
  { split, testShare }: Protocol,
  isPredefined: boolean,
): Pick<z.output<typeof recordedProtocolSchema>, 'split' | 'testShare' | 'carve'> {
  const rule = { split, ...(split !== 'leave-last-one-out' && { testShare }) };
  if (!isPredefined) return rule;
  const usual = protocolSchema.parse({});
  const isUsual = split === usual.split && testShare === usual.testShare;
  return { split: 'predefined', ...(!isUsual && { carve: rule }) };
}

/** The protocol that a record was made under. */
export function protocolOfRecord({
  split,
  testShare,
  carve,
  seed,
  k,
  threshold,
  heldOutUsers,
  validationUsers,
}: z.output<typeof recordedProtocolSchema>): Protocol {
  return protocolSchema.parse({
    ...(split === 'predefined' ? carve : { split, testShare }),
    seed,
    k,
    threshold,
    heldOutUsers,
    validationUsers,
  });
}

/** Stars from which a test rating is relevant by default. */
const DEFAULT_THRESHOLD_STARS = 4;
const MAX_STARS = 5;
/** Numbers above are counts (plays, clicks), of which no share says what is liked. */
const MAX_SCALE = 100;

/** What is as high on a scale as 4 on one up to 5, rounded as ratings are. */
export function fourStarsOn({ max }: Dataset['scale']): number {
  return Math.fround((DEFAULT_THRESHOLD_STARS * asWritten(max)) / MAX_STARS);
}

/**
 * The threshold that was given, or what is as high on the data's scale as 4 on one up to 5; rounded as ratings are, of which 32
 * bits are kept, so that one that is written like it reaches it. Throws UsageError where the data have no scale.
 */
export function thresholdOn(scale: Dataset['scale'], given: number | undefined): number {
  if (given !== undefined) return Math.fround(given);
  if (scale.max <= MAX_SCALE && scale.max > 0) return fourStarsOn(scale);
  throw new UsageError({
    place: '--threshold',
    found: `not given, and ratings from ${asWritten(scale.min)} to ${asWritten(scale.max)} are no scale that says what is relevant`,
    wanted: 'the lowest rating that counts as relevant',
    remedy: 'Give --threshold.',
  });
}

export type DataOptions = z.output<typeof dataSchema>;
export type Protocol = z.output<typeof protocolSchema>;

/** The data set when none is named: shipped with this package, so nothing needs a network. */
export const embeddedDataset = 'ml-latest-small-2016';
