/** What matrix factorization can be told. Only zod is imported here, so that help texts are cheap. */
import { z } from 'zod';
import {
  complete,
  describeOption,
  optionsOf,
  refuseForeignOptions,
} from '../factorization/solver-options.ts';

export interface IalsOptions {
  factors: number;
  iterations: number;
  regularization: number;
  frequencyExponent: number;
  unobservedWeight: number;
  targetExponent: number;
  confidenceExponent: number;
  conjugateGradientSteps: number;
  features: ('genres' | 'decade' | 'tags')[];
  priorStrength: number;
}

export interface SgdOptions {
  factors: number;
  epochs: number;
  learningRate: number;
  regularization: number;
  biasRegularization: number;
}

export interface BprOptions {
  factors: number;
  epochs: number;
  learningRate: number;
  regularization: number;
  biasRegularization: number;
  negatives: number;
  negativeSampling: 'uniform' | 'popularity';
  acceptExponent: number;
}

/**
 * Defaults per solver, chosen on validation ratings carved from train: those of ials by scripts/tune/mf.ts, those of bpr
 * by scripts/tune/fm.ts (--solver mf-bpr); those of sgd are the prototype's.
 */
export const solverDefaults: { ials: IalsOptions; sgd: SgdOptions; bpr: BprOptions } = {
  ials: {
    factors: 128,
    iterations: 16,
    regularization: 0.016,
    frequencyExponent: 0.5,
    unobservedWeight: 0.2,
    targetExponent: 2,
    confidenceExponent: 0,
    conjugateGradientSteps: 3,
    features: [],
    priorStrength: 0.065,
  },
  sgd: { factors: 64, epochs: 60, learningRate: 0.02, regularization: 0.12, biasRegularization: 0.05 },
  bpr: {
    factors: 64,
    epochs: 90,
    learningRate: 0.14,
    regularization: 0.037,
    biasRegularization: 0.042,
    negatives: 8,
    negativeSampling: 'uniform',
    acceptExponent: 3,
  },
};

export type Solver = keyof typeof solverDefaults;

const positive = z.number().positive();
const nonnegative = z.number().min(0);
const whole = z.number().int().min(1);
const help = (key: string, sentence: string) => describeOption(solverDefaults, key, sentence);

export const mfOptions = z
  .object({
    solver: z
      .enum(['ials', 'sgd', 'bpr'])
      .default('ials')
      .describe(
        'ials: implicit ALS, ranks best; sgd: biased MF on the ratings, predicts stars; bpr: pairwise ranking',
      ),
    factors: whole.max(1024).optional().describe(help('factors', 'length of a user and a movie vector')),
    iterations: whole.optional().describe(help('iterations', 'sweeps of ALS; more rank no better')),
    regularization: nonnegative
      .optional()
      .describe(help('regularization', 'pull of the factors towards 0; more for sparser data')),
    frequencyExponent: nonnegative
      .optional()
      .describe(
        help('frequencyExponent', 'regularization of a row grows with (ratings + weight x rows)^this'),
      ),
    unobservedWeight: positive
      .optional()
      .describe(
        help(
          'unobservedWeight',
          'weight of each unrated cell, against 1 for a rated one; lower trusts them less',
        ),
      ),
    targetExponent: nonnegative
      .optional()
      .describe(
        help(
          'targetExponent',
          'target of a rated cell is (stars/4)^this; 0 is plain implicit ALS and ranks worse',
        ),
      ),
    confidenceExponent: z
      .number()
      .optional()
      .describe(
        help(
          'confidenceExponent',
          'weight of a rated cell is (stars/4)^this; the target already says enough',
        ),
      ),
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
    features: z
      .array(z.enum(['genres', 'decade', 'tags']))
      .optional()
      .describe(help('features', 'movie features that the movie vectors shrink towards: genres,decade,tags')),
    priorStrength: positive
      .optional()
      .describe(help('priorStrength', 'ridge of the regression from features to movie vectors')),
    epochs: whole.optional().describe(help('epochs', 'passes over the ratings')),
    learningRate: positive.optional().describe(help('learningRate', 'step of the first epoch')),
    biasRegularization: nonnegative
      .optional()
      .describe(help('biasRegularization', 'pull of the biases towards 0')),
    negatives: whole
      .optional()
      .describe(help('negatives', 'unrated movies drawn per step, of which the hardest is used')),
    negativeSampling: z
      .enum(['uniform', 'popularity'])
      .optional()
      .describe(
        help('negativeSampling', 'how unrated movies are drawn: evenly, or by their number of ratings'),
      ),
    acceptExponent: nonnegative
      .optional()
      .describe(help('acceptExponent', 'a rating is used with probability (stars/5)^this')),
  })
  .check(refuseForeignOptions(solverDefaults))
  .overwrite((options) => complete(solverDefaults, options));

/** After parsing, every option of the chosen solver is present and no other. */
export type MfOptions = z.output<typeof mfOptions>;

/** The options of one solver, complete. */
export function solverOptions<S extends Solver>(solver: S, options: MfOptions): (typeof solverDefaults)[S] {
  return optionsOf(solverDefaults, solver, options);
}
