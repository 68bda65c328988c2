/** The protocol that every subcommand shares: which data, how it is split, what counts as a hit. */
import { z } from 'zod';
import { splitKinds } from '../data/split.ts';

export const dataSchema = z.object({
  dataset: z
    .string()
    .optional()
    .meta({ placeholder: 'name|dir' })
    .describe('release name or folder in MovieLens form (default: ml-latest-small-2016, embedded)'),
  train: z
    .string()
    .optional()
    .meta({ placeholder: 'file' })
    .describe('predefined training ratings (CSV or TSV)'),
  test: z.string().optional().meta({ placeholder: 'file' }).describe('predefined test ratings (CSV or TSV)'),
});

/** The defaults and their reasons: docs/evaluation.md. */
export const protocolSchema = z.object({
  split: z
    .enum(splitKinds)
    .default('per-user-random')
    .describe('how ratings are divided into train and test'),
  testShare: z.number().gt(0).lt(1).default(0.2).describe('share of ratings held out as test'),
  seed: z.int().min(0).default(42).describe('seed of the split and of every model'),
  k: z
    .array(z.int().min(1).max(1000))
    .min(1)
    .default([10])
    .describe('cut-offs of the metrics, comma-separated')
    .transform((cutoffs) => [...new Set(cutoffs)].sort((a, b) => a - b)),
  threshold: z.number().min(0).default(4).describe('a test rating of at least this is relevant'),
});

export type DataOptions = z.output<typeof dataSchema>;
export type Protocol = z.output<typeof protocolSchema>;

/** The data set when none is named: shipped with this package, so nothing needs a network. */
export const embeddedDataset = 'ml-latest-small-2016';
