/**
 * Options of the solvers that matrix factorization and factorization machines share: their meaning and limits. `help`
 * adds the defaults, which each model has of its own. A model has one flat schema whose options are all optional, and per
 * solver the options that it has with their defaults. Only zod is loaded here, so that help texts are cheap.
 */
import { z } from 'zod';
import type { AlsSettings } from '../../numeric/als/fit.ts';
import type { SgdSettings } from '../../numeric/sgd/fit.ts';

/** Implicit ALS: see src/numeric/als/fit.ts. */
export type AlsOptions = Omit<AlsSettings, 'confidenceExponent' | 'priorStrength'>;

/** Stochastic gradient descent: see src/numeric/sgd/fit.ts. */
export type SgdOptions = Pick<
  SgdSettings,
  'factors' | 'epochs' | 'learningRate' | 'regularization' | 'biasRegularization'
>;

/** SGD on pairs of a rated and an unrated movie. */
export interface BprOptions extends SgdOptions {
  negatives: number;
  negativeSampling: 'uniform' | 'popularity';
  acceptExponent: number;
}

/** The help text of option `key`: the sentence, and the default of each solver that has the option. */
type Help = (key: string, sentence: string) => string;

export const positive = z.number().positive();
export const nonnegative = z.number().min(0);
const whole = z.number().int().min(1);

/** Options of every solver. */
export function solverFlags(help: Help) {
  return {
    factors: whole
      .max(1024)
      .optional()
      .describe(help('factors', 'length of the vectors of users and movies')),
    regularization: nonnegative
      .optional()
      .describe(
        help('regularization', 'L2 penalty on the vectors of users and movies; more for sparser data'),
      ),
  };
}

/** Further options of implicit ALS. */
export function alsFlags(help: Help) {
  return {
    iterations: whole
      .optional()
      .describe(help('iterations', 'sweeps of ALS; more do not improve the ranking')),
    frequencyExponent: nonnegative
      .optional()
      .describe(
        help('frequencyExponent', 'the penalty of a row grows with (ratings + weight x other rows)^this'),
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
    conjugateGradientSteps: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe(
        help(
          'conjugateGradientSteps',
          'most steps per row and sweep; 0 solves exactly, which ranks no better and takes several times as long',
        ),
      ),
  };
}

/** Further options of SGD. */
export function sgdFlags(help: Help) {
  return {
    epochs: whole.optional().describe(help('epochs', 'passes over the ratings')),
    learningRate: positive.optional().describe(help('learningRate', 'learning rate of the first epoch')),
    biasRegularization: nonnegative
      .optional()
      .describe(help('biasRegularization', 'L2 penalty on the biases')),
  };
}

/** Further options of BPR, beside those of SGD. */
export function bprFlags(help: Help) {
  return {
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
      .describe(help('acceptExponent', 'a rating is used with probability (stars/highest stars)^this')),
  };
}

type Options = { solver: string } & Record<string, unknown>;
type Defaults = Record<string, object>;

/** The sentence with each solver's default: "sweeps of ALS (ials: 16)". */
export function describeOption(defaults: Defaults, key: string, sentence: string): string {
  const values: string[] = [];
  for (const [solver, options] of Object.entries(defaults)) {
    const value: unknown = Object.entries(options).find(([own]) => own === key)?.[1];
    if (value === undefined) continue;
    const shown = Array.isArray(value) ? value.join(',') : JSON.stringify(value).replaceAll('"', '');
    values.push(`${solver}: ${shown || 'none'}`);
  }
  return `${sentence} (${values.join(', ')})`;
}

/** A check of the schema: an option that the chosen solver does not have is refused, with those that it has. */
export function refuseForeignOptions(defaults: Defaults) {
  return ({ value: options, issues }: z.core.ParsePayload<Options>): void => {
    const allowed = defaults[options.solver]!;
    for (const [key, value] of Object.entries(options)) {
      if (key === 'solver' || key in allowed || value === undefined) continue;
      issues.push({
        code: 'custom',
        path: [key],
        input: value,
        message: `not an option of solver '${options.solver}', which has ${Object.keys(allowed).join(', ')}`,
      });
    }
  };
}

/** `options` completed with the defaults of its solver; parsing the result again changes nothing. */
export function complete<O extends { solver: keyof D & string }, D extends Defaults>(
  defaults: D,
  options: O,
): O {
  return { ...defaults[options.solver], ...defined(options) };
}

/** The options of one solver, complete. */
export function optionsOf<D extends Defaults, S extends keyof D>(
  defaults: D,
  solver: S,
  options: object,
): D[S] {
  return { ...defaults[solver], ...defined(options) };
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
