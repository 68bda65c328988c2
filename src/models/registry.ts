/** Every model by name: its options, and how it is loaded when it is first needed. */
import type { z } from 'zod';
import type { TrainingSet } from '../data/training-set.ts';
import { UsageError } from '../util/errors.ts';
import { nearestName } from '../util/nearest.ts';
import { parseAs } from '../util/parse.ts';
import { easeOptions, easeSearch } from './ease/options.ts';
import { fmOptions, fmSearch } from './fm/options.ts';
import { mfOptions, mfSearch } from './mf/options.ts';
import { popularityOptions } from './popularity/options.ts';
import type { FitContext, Recommender, SavedState } from './recommender.ts';
import type { UsableModel } from './saved.ts';
import type { ModelSearch } from './search-space.ts';
import { modelSummaries } from './summaries.ts';

interface Entry<S extends z.ZodType> {
  /** One line for help texts. */
  summary: string;
  options: S;
  /** Other option sets of the model under names of their own, which `--models` and its like take as well. */
  variants?: Record<string, Partial<z.input<S>>>;
  create: (options: z.output<S>) => Promise<Recommender>;
  /** What `recsys tune` searches, with the options given; absent where there is nothing to. */
  search?: (options: z.output<S>) => ModelSearch;
  /** The fitted model from what its `save` gave and the ratings that it was fitted on. */
  load?: Load<z.output<S>>;
}

type Load<O> = (
  options: O,
  state: SavedState,
  train: TrainingSet,
  context: Pick<FitContext, 'threads'>,
) => Promise<UsableModel>;

function entry<S extends z.ZodType>(definition: Entry<S>): Entry<S> {
  return definition;
}

/** To add a model: one folder under src/models with `options.ts` and `index.ts`, and one entry here. */
export const registry = {
  popularity: entry({
    summary: modelSummaries.popularity,
    options: popularityOptions,
    variants: { 'popularity-count': { by: 'count' }, 'popularity-damped': { by: 'damped' } },
    create: async (options) => (await import('./popularity/index.ts')).createPopularity(options),
    load: async (options, state, train) =>
      (await import('./popularity/index.ts')).loadPopularity(options, state, train),
  }),
  mf: entry({
    summary: modelSummaries.mf,
    options: mfOptions,
    variants: { 'mf-bpr': { solver: 'bpr' }, 'mf-sgd': { solver: 'sgd' } },
    create: async (options) => (await import('./mf/index.ts')).createMf(options),
    search: mfSearch,
    load: async (...saved) => (await import('./mf/index.ts')).loadMf(...saved),
  }),
  fm: entry({
    summary: modelSummaries.fm,
    options: fmOptions,
    variants: { 'fm-bpr': { solver: 'bpr' }, 'fm-pointwise': { solver: 'pointwise' } },
    create: async (options) => (await import('./fm/index.ts')).createFm(options),
    search: fmSearch,
    load: async (...saved) => (await import('./fm/index.ts')).loadFm(...saved),
  }),
  ease: entry({
    summary: modelSummaries.ease,
    options: easeOptions,
    create: async (options) => (await import('./ease/index.ts')).createEase(options),
    search: () => easeSearch,
    load: async (...saved) => (await import('./ease/index.ts')).loadEase(...saved),
  }),
};

export type ModelName = keyof typeof registry;

/** A model to run: its unique name in the record, its entry in the registry, all of its options, and how it is made. */
export interface ModelSpec {
  name: string;
  model: ModelName;
  hyperparameters: Record<string, unknown>;
  /** Loads the model's code and builds it, untrained. Throws ZodError when the options do not fit. */
  create: () => Promise<Recommender>;
}

interface Variant {
  model: ModelName;
  options: Record<string, unknown>;
}

/** Every name that stands for a model with one option set: the entries of the registry and their variants. */
const variants = new Map<string, Variant>(
  (Object.keys(registry) as ModelName[]).flatMap((model): [string, Variant][] => {
    const others: Record<string, Record<string, unknown>> = registry[model].variants ?? {};
    return Object.entries({ [model]: {}, ...others }).map(([name, options]) => [name, { model, options }]);
  }),
);

/** The names that `specOf` takes. */
export const modelNames: readonly string[] = [...variants.keys()];

/** The options of a model or variant, by its name. */
export function optionsOf(name: string): z.ZodObject {
  const { model } = variants.get(name) ?? { model: name as ModelName };
  return registry[model].options;
}

/** Is this the name of an entry of the registry? */
export function isRegistered(name: string): name is ModelName {
  return Object.hasOwn(registry, name);
}

/**
 * The spec of a model or variant, with `overrides` on top and defaults filled in. Throws UsageError for an unknown name,
 * blaming `flag`, where it was given, and suggesting the nearest name.
 */
export function specOf(name: string, overrides: Record<string, unknown> = {}, flag = '--models'): ModelSpec {
  const variant = variants.get(name);
  if (variant === undefined) {
    const near = nearestName(name, modelNames);
    throw new UsageError({
      place: flag,
      found: `unknown model '${name}'`,
      wanted: modelNames.join(', '),
      ...(near !== undefined && { remedy: `Did you mean '${near}'?` }),
    });
  }
  const hyperparameters = registry[variant.model].options.parse({ ...variant.options, ...overrides });
  return recordedSpec(name, variant.model, hyperparameters);
}

/** The spec of an entry of the registry with options as they are, such as those of a record. */
export function recordedSpec(
  name: string,
  model: ModelName,
  hyperparameters: Record<string, unknown>,
): ModelSpec {
  const { options, create } = registry[model] as Entry<z.ZodType>;
  return { name, model, hyperparameters, create: async () => await create(options.parse(hyperparameters)) };
}

/** Throws DataError naming the option, at `place`, when what a file says is no option set of this entry. */
export function requireOptions(model: ModelName, hyperparameters: unknown, place: string): void {
  parseAs<z.ZodType>(registry[model].options, hyperparameters, {
    place,
    wanted: `options of ${model}`,
    remedy: 'The file was changed or damaged: make it again.',
  });
}

/** How a model of the registry is searched with `options`, complete. Throws UsageError where there is nothing to search. */
export function searchOf(model: ModelName, options: Record<string, unknown>): ModelSearch {
  const { search, options: schema } = registry[model] as Entry<z.ZodType>;
  if (search !== undefined) return search(schema.parse(options));
  throw new UsageError({ found: `model '${model}' has no options to search` });
}

/** Whether models of this entry are searched by `recsys tune`. */
export function isSearchable(model: ModelName): boolean {
  return 'search' in registry[model];
}

/** Whether models of this entry can be saved and loaded. */
export function isLoadable(model: ModelName): boolean {
  return 'load' in registry[model];
}

/** The fitted model from its saved state, without a fit. Throws DataError when the state does not fit the options. */
export async function loadModel(
  spec: ModelSpec,
  state: SavedState,
  train: TrainingSet,
  context: Pick<FitContext, 'threads'>,
): Promise<UsableModel> {
  const { options, load } = registry[spec.model] as Entry<z.ZodType>;
  if (load === undefined) throw new UsageError({ found: `model '${spec.model}' cannot be loaded` });
  const place = `hyperparameters of ${spec.name}`;
  return await load(parseAs(options, spec.hyperparameters, { place }), state, train, context);
}
