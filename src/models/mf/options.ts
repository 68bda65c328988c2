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
import type { ModelSearch, SearchSpace } from '../search-space.ts';

export interface MfAlsOptions extends AlsOptions {
  confidenceExponent: number;
  features: ('genres' | 'decade' | 'tags')[];
  priorStrength: number;
}

/**
 * Defaults per solver. Those of ials and bpr are chosen by searches like those of plans/tune-mf.yaml on validation ratings
 * carved from train. Those of sgd come from no recorded search: they lie within the space that `recsys tune mf --solver sgd`
 * searches.
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

/** What `recsys tune` searches, per solver. */
const solverSpaces: Record<Solver, SearchSpace> = {
  ials: {
    factors: { choices: [64, 128, 192] },
    regularization: { low: 0.005, high: 0.05, scale: 'log' },
    unobservedWeight: { low: 0.05, high: 0.6, scale: 'log' },
    frequencyExponent: { low: 0.2, high: 0.8 },
    targetExponent: { low: 1, high: 3 },
  },
  sgd: {
    factors: { choices: [32, 64, 128] },
    learningRate: { low: 0.005, high: 0.05, scale: 'log' },
    regularization: { low: 0.02, high: 0.3, scale: 'log' },
    biasRegularization: { low: 0.005, high: 0.2, scale: 'log' },
  },
  bpr: {
    learningRate: { low: 0.03, high: 0.3, scale: 'log' },
    regularization: { low: 0.01, high: 0.08, scale: 'log' },
    biasRegularization: { low: 0.01, high: 0.1, scale: 'log' },
    negatives: { choices: [4, 8, 16] },
    acceptExponent: { low: 1, high: 4 },
  },
};

/** How the solver of `options` is searched. */
export function mfSearch({ solver }: MfOptions): ModelSearch {
  return { space: solverSpaces[solver], rounds: solver === 'ials' ? 'iterations' : 'epochs' };
}

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
