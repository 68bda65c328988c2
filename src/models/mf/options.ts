/** Options of matrix factorization. Only zod is imported here, so that help texts are cheap. */
import { z } from 'zod';
import {
  alsFlags,
  bprFlags,
  complete,
  describeOption,
  optionsOf,
  positive,
  refuseForeignOptions,
  sgdFlags,
  solverFlags,
  type AlsOptions,
  type BprOptions,
  type SgdOptions,
} from '../factorization/options.ts';

export interface MfAlsOptions extends AlsOptions {
  confidenceExponent: number;
  features: ('genres' | 'decade' | 'tags')[];
  priorStrength: number;
}

/**
 * Defaults per solver, chosen on validation ratings carved from train: those of ials by scripts/tune/mf.ts, those of bpr
 * by scripts/tune/fm.ts (--solver mf-bpr); those of sgd are the prototype's.
 */
export const solverDefaults: { ials: MfAlsOptions; sgd: SgdOptions; bpr: BprOptions } = {
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

const help = (key: string, sentence: string) => describeOption(solverDefaults, key, sentence);

export const mfOptions = z
  .object({
    solver: z
      .enum(['ials', 'sgd', 'bpr'])
      .default('ials')
      .describe(
        'ials: implicit ALS, ranks best; sgd: biased MF on the ratings, predicts stars; bpr: pairwise ranking',
      ),
    ...solverFlags(help),
    ...alsFlags(help),
    confidenceExponent: z
      .number()
      .optional()
      .describe(
        help(
          'confidenceExponent',
          'weight of a rated cell is (stars/4)^this; the target already says enough',
        ),
      ),
    features: z
      .array(z.enum(['genres', 'decade', 'tags']))
      .optional()
      .describe(help('features', 'movie features that the movie vectors shrink towards: genres,decade,tags')),
    priorStrength: positive
      .optional()
      .describe(help('priorStrength', 'ridge of the regression from features to movie vectors')),
    ...sgdFlags(help),
    ...bprFlags(help),
  })
  .check(refuseForeignOptions(solverDefaults))
  .overwrite((options) => complete(solverDefaults, options));

/** After parsing, every option of the chosen solver is present and no other. */
export type MfOptions = z.output<typeof mfOptions>;

/** The options of one solver, complete. */
export function solverOptions<S extends Solver>(solver: S, options: MfOptions): (typeof solverDefaults)[S] {
  return optionsOf(solverDefaults, solver, options);
}
