/** Every model by name: its options, and how it is loaded when it is first needed. */
import type { z } from 'zod';
import { UsageError } from '../util/errors.ts';
import { easeOptions } from './ease/options.ts';
import { fmOptions } from './fm/options.ts';
import { mfOptions } from './mf/options.ts';
import { popularityOptions } from './popularity/options.ts';
import type { Recommender } from './recommender.ts';

interface Entry<S extends z.ZodType> {
  summary: string;
  options: S;
  create: (options: z.output<S>) => Promise<Recommender>;
}

function entry<S extends z.ZodType>(definition: Entry<S>): Entry<S> {
  return definition;
}

/** To add a model: one folder under src/models with `options.ts` and `index.ts`, and one entry here. */
export const registry = {
  popularity: entry({
    summary: 'the same list for everybody: best mean rating, most ratings, or damped mean',
    options: popularityOptions,
    create: async (options) => (await import('./popularity/index.ts')).createPopularity(options),
  }),
  mf: entry({
    summary: 'matrix factorization: implicit ALS, BPR, or biased SGD on the ratings',
    options: mfOptions,
    create: async (options) => (await import('./mf/index.ts')).createMf(options),
  }),
  fm: entry({
    summary: 'factorization machine over users, movies and movie features',
    options: fmOptions,
    create: async (options) => (await import('./fm/index.ts')).createFm(options),
  }),
  ease: entry({
    summary: 'EASE, the closed-form linear item-item model',
    options: easeOptions,
    create: async (options) => (await import('./ease/index.ts')).createEase(options),
  }),
};

export type ModelName = keyof typeof registry;

/** A model to run: its unique name in the record, its entry in the registry, and all of its options. */
export interface ModelSpec {
  name: string;
  model: ModelName;
  hyperparameters: Record<string, unknown>;
}

/** Names that stand for a model with one option set, as `--models` takes them. */
export const variants: Record<string, { model: ModelName; options: Record<string, unknown> }> = {
  popularity: { model: 'popularity', options: {} },
  'popularity-count': { model: 'popularity', options: { by: 'count' } },
  'popularity-damped': { model: 'popularity', options: { by: 'damped' } },
  mf: { model: 'mf', options: {} },
  'mf-bpr': { model: 'mf', options: { solver: 'bpr' } },
  'mf-sgd': { model: 'mf', options: { solver: 'sgd' } },
  fm: { model: 'fm', options: {} },
  'fm-bpr': { model: 'fm', options: { solver: 'bpr' } },
  'fm-pointwise': { model: 'fm', options: { solver: 'pointwise' } },
  ease: { model: 'ease', options: {} },
};

/** The spec of a variant, with `overrides` on top and defaults filled in. Throws UsageError for an unknown name. */
export function specOf(name: string, overrides: Record<string, unknown> = {}): ModelSpec {
  const variant = variants[name];
  if (variant === undefined) {
    throw new UsageError({
      place: '--models',
      found: `unknown model '${name}'`,
      wanted: Object.keys(variants).join(', '),
    });
  }
  const hyperparameters = registry[variant.model].options.parse({ ...variant.options, ...overrides });
  return { name, model: variant.model, hyperparameters };
}

/** Loads the model's code and builds it, untrained. Throws ZodError when the options do not fit. */
export async function createModel(spec: ModelSpec): Promise<Recommender> {
  const { options, create } = registry[spec.model] as Entry<z.ZodType>;
  return await create(options.parse(spec.hyperparameters));
}
