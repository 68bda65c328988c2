/** What the factorization machine can be told. Only zod is imported here, so that help texts are cheap. */
import { z } from 'zod';
import { complete, describeOption, refuseForeignOptions } from '../factorization/solver-options.ts';

/** Every solver needs user and item: without them a ranking would not be personal. */
const fields = ['user', 'item', 'genres', 'decade', 'tags'] as const;
export type Field = (typeof fields)[number];

export interface IalsOptions {
  fields: Field[];
  factors: number;
  iterations: number;
  regularization: number;
  featureRegularization: number;
  frequencyExponent: number;
  unobservedWeight: number;
  targetExponent: number;
  conjugateGradientSteps: number;
}

export interface PointwiseOptions {
  fields: Field[];
  factors: number;
  epochs: number;
  learningRate: number;
  regularization: number;
  featureRegularization: number;
  biasRegularization: number;
  featureScale: number;
}

export interface BprOptions extends PointwiseOptions {
  negatives: number;
  negativeSampling: 'uniform' | 'popularity';
  acceptExponent: number;
}

/** Defaults per solver, chosen by scripts/tune/fm.ts on validation ratings carved from train. */
export const solverDefaults: { ials: IalsOptions; bpr: BprOptions; pointwise: PointwiseOptions } = {
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

const positive = z.number().positive();
const nonnegative = z.number().min(0);
const whole = z.number().int().min(1);
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
    factors: whole
      .max(1024)
      .optional()
      .describe(help('factors', 'length of the vector of a user, a movie, a feature')),
    iterations: whole.optional().describe(help('iterations', 'sweeps of ALS; more rank no better')),
    epochs: whole.optional().describe(help('epochs', 'passes over the ratings')),
    learningRate: positive.optional().describe(help('learningRate', 'step of the first epoch')),
    regularization: nonnegative
      .optional()
      .describe(help('regularization', 'pull of the vectors of users and movies towards 0')),
    featureRegularization: nonnegative
      .optional()
      .describe(
        help('featureRegularization', 'pull of the vectors of features towards 0; ials: in units of a movie'),
      ),
    biasRegularization: nonnegative
      .optional()
      .describe(help('biasRegularization', 'pull of the linear weights towards 0')),
    frequencyExponent: nonnegative
      .optional()
      .describe(
        help('frequencyExponent', 'regularization of a row grows with (ratings + weight x rows)^this'),
      ),
    unobservedWeight: positive
      .optional()
      .describe(help('unobservedWeight', 'weight of each unrated cell, against 1 for a rated one')),
    targetExponent: nonnegative
      .optional()
      .describe(help('targetExponent', 'target of a rated cell is (stars/4)^this; 0 is plain implicit ALS')),
    conjugateGradientSteps: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe(
        help(
          'conjugateGradientSteps',
          'steps per row and sweep at most; 0 solves exactly, which ranks no better and takes several times as long',
        ),
      ),
    featureScale: positive
      .optional()
      .describe(help('featureScale', 'value x of a feature that a movie has; SGD diverges when it is large')),
    negatives: whole
      .optional()
      .describe(help('negatives', 'unrated movies drawn per step, of which the best scored is used')),
    negativeSampling: z
      .enum(['uniform', 'popularity'])
      .optional()
      .describe(
        help('negativeSampling', 'how unrated movies are drawn: evenly, or by their number of ratings'),
      ),
    acceptExponent: nonnegative
      .optional()
      .describe(help('acceptExponent', 'a rating is used with probability (stars/best)^this')),
  })
  .check(refuseForeignOptions(solverDefaults))
  .overwrite((options) => complete(solverDefaults, options));

/** After parsing, every option of the chosen solver is present and no other. */
export type FmOptions = z.output<typeof fmOptions>;
