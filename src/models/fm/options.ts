/** Options of the factorization machine. Only zod is imported here, so that help texts are cheap. */
import { z } from 'zod';
import {
  alsFlags,
  bprFlags,
  complete,
  describeOption,
  nonnegative,
  positive,
  refuseForeignOptions,
  sgdFlags,
  solverFlags,
  type AlsOptions,
  type BprOptions,
  type SgdOptions,
} from '../factorization/options.ts';
import type { ModelSearch, SearchSpace } from '../search-space.ts';

/** Every solver needs user and item: without them a ranking would not be personal. */
const fields = ['user', 'item', 'genres', 'decade', 'tags'] as const;
export type Field = (typeof fields)[number];

export interface FmAlsOptions extends AlsOptions {
  fields: Field[];
  featureRegularization: number;
}

export interface FmSgdOptions extends SgdOptions {
  fields: Field[];
  featureRegularization: number;
  featureScale: number;
}

export type FmBprOptions = FmSgdOptions & BprOptions;

/** Defaults per solver, chosen by searches like those of plans/tune-fm.yaml on validation ratings carved from train. */
export const solverDefaults: { ials: FmAlsOptions; bpr: FmBprOptions; pointwise: FmSgdOptions } = {
  ials: {
    fields: ['user', 'item', 'genres', 'decade'],
    factors: 128,
    iterations: 14,
    regularization: 0.016,
    featureRegularization: 0.065,
    frequencyExponent: 0.5,
    unobservedWeight: 0.2,
    targetExponent: 2,
    conjugateGradientSteps: 3,
  },
  bpr: {
    fields: ['user', 'item', 'genres', 'decade'],
    factors: 64,
    epochs: 90,
    learningRate: 0.13,
    regularization: 0.041,
    featureRegularization: 0.0025,
    biasRegularization: 0.05,
    featureScale: 0.35,
    negatives: 8,
    negativeSampling: 'uniform',
    acceptExponent: 3,
  },
  pointwise: {
    fields: ['user', 'item', 'genres', 'decade'],
    factors: 64,
    epochs: 60,
    learningRate: 0.02,
    regularization: 0.12,
    featureRegularization: 0.12,
    biasRegularization: 0.05,
    featureScale: 0.35,
  },
};

export type Solver = keyof typeof solverDefaults;

/** What `recsys tune` searches, per solver. */
const solverSpaces: Record<Solver, SearchSpace> = {
  ials: {
    regularization: { low: 0.005, high: 0.05, scale: 'log' },
    unobservedWeight: { low: 0.05, high: 0.6, scale: 'log' },
    featureRegularization: { low: 0.01, high: 1, scale: 'log' },
    frequencyExponent: { low: 0.2, high: 0.8 },
    targetExponent: { low: 1, high: 3 },
  },
  bpr: {
    learningRate: { low: 0.05, high: 0.25, scale: 'log' },
    regularization: { low: 0.02, high: 0.08, scale: 'log' },
    featureRegularization: { low: 0.001, high: 0.05, scale: 'log' },
    featureScale: { low: 0.1, high: 1, scale: 'log' },
    negatives: { choices: [4, 8, 16] },
  },
  pointwise: {
    learningRate: { low: 0.005, high: 0.05, scale: 'log' },
    regularization: { low: 0.02, high: 0.3, scale: 'log' },
    featureRegularization: { low: 0.02, high: 0.3, scale: 'log' },
    featureScale: { low: 0.1, high: 1, scale: 'log' },
  },
};

/** How the solver of `options` is searched. */
export function fmSearch({ solver }: FmOptions): ModelSearch {
  return { space: solverSpaces[solver], rounds: solver === 'ials' ? 'iterations' : 'epochs' };
}

const help = (key: string, sentence: string) => describeOption(solverDefaults, key, sentence);

export const fmOptions = z
  .object({
    solver: z
      .enum(['ials', 'bpr', 'pointwise'])
      .default('ials')
      .describe(
        'ials: implicit ALS over the features, ranks best; bpr: pairwise ranking by SGD; pointwise: squared error ' +
          'of the ratings by SGD, predicts stars',
      ),
    fields: z
      .array(z.enum(fields))
      .refine((chosen) => chosen.includes('user') && chosen.includes('item'), {
        message: 'user and item must be among the fields: without them no ranking is personal',
      })
      .optional()
      .describe(
        help('fields', 'what a rating is described by; tags add nothing where the data set has none'),
      ),
    ...solverFlags(help),
    featureRegularization: nonnegative
      .optional()
      .describe(
        help(
          'featureRegularization',
          'L2 penalty on the vectors of features; ials: in units of that of a movie',
        ),
      ),
    ...alsFlags(help),
    ...sgdFlags(help),
    featureScale: positive
      .optional()
      .describe(help('featureScale', 'value x of a feature that a movie has; SGD diverges when it is large')),
    ...bprFlags(help),
  })
  .check(refuseForeignOptions(solverDefaults))
  .overwrite((options) => complete(solverDefaults, options));

/** After parsing, every option of the chosen solver is present and no other. */
export type FmOptions = z.output<typeof fmOptions>;
