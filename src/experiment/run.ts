/**
 * An experiment in six visible steps: load, split, fit, recommend, evaluate, record. `runModels` is the only place where
 * models are fitted, asked for lists and scored: baselines, language models, hybrids and the models beside them alike.
 */
import type { Fitted, Recommender } from '../models/recommender.ts';
import { interruptible } from '../util/process/signals.ts';
import { progressOf, type Progress } from '../util/progress.ts';
import { Rng } from '../util/rng.ts';
import { Stopwatch } from './environment.ts';
import { FitFile } from './fit-file.ts';
import { prepare, requireEvaluable, type Prepared } from './prepare.ts';
import type { DataOptions, Protocol } from './protocol.ts';
import { buildRecord, scoreLists, type Lists } from './score.ts';
import type { ModelResult, ResultsRecord } from './record.ts';

export interface ExperimentSpec {
  /** Kind of experiment, which names the record: "baseline", "mf", ... */
  experiment: string;
  data: DataOptions;
  protocol: Protocol;
  models: readonly RunnableModel[];
}

export interface RunContext {
  progress: Progress;
  signal: AbortSignal;
  threads: number;
  /** Folder for what stopped fits leave; without it, nothing is kept. */
  fits?: string;
  /** Called with each fitted model before it is asked for lists, such as to save it. */
  onFitted?: (model: RunnableModel, fitted: Fitted, prepared: Prepared) => Promise<void>;
}

export interface Outcome {
  record: ResultsRecord;
  prepared: Prepared;
  /** The recommendations behind each model's metrics, by the model's name. */
  lists: Map<string, Lists>;
}

/** A model for the runner, such as a `ModelSpec` of the registry: what its result says it is, and how it is made. */
export interface RunnableModel<F extends Fitted = Fitted> extends Pick<
  ModelResult,
  'name' | 'model' | 'hyperparameters'
> {
  /** The untrained model. */
  create(): Promise<Recommender<F>>;
  /** Called between fit and recommend, such as to save the fitted model; timed as NAME.save. */
  save?(fitted: F): Promise<void>;
}

/** What one model came to. `fitted` is disposed of: only its facts and texts may still be read. */
export interface ModelRun<F extends Fitted = Fitted> {
  result: ModelResult;
  lists: Lists;
  fitted: F;
}

/**
 * Runs every model of `spec` under its protocol. Same spec, same numbers, on any machine and with any number of
 * threads. Throws DataError for bad data and AbortedError when the signal fires.
 */
export async function runExperiment(spec: ExperimentSpec, context: RunContext): Promise<Outcome> {
  const watch = new Stopwatch();
  const prepared = await prepare(spec.data, spec.protocol, context, watch);
  const { onFitted } = context;
  const models = spec.models.map((model) => ({
    ...model,
    ...(onFitted && { save: (fitted: Fitted) => onFitted(model, fitted, prepared) }),
  }));
  const runs = await runModels(prepared, models, context, watch);
  const results = runs.map(({ result }) => result);
  const lists = new Map(runs.map(({ result, lists }) => [result.name, lists]));
  return { record: buildRecord(spec.experiment, prepared, results, watch), prepared, lists };
}

/**
 * Fits each model, asks it for lists as long as the largest cut-off, and scores them, one after another. `users` are
 * those that are asked for and count (user indices, ascending); by default all with test ratings, of which those without
 * a relevant one get no list and are counted apart. Seconds are added to `watch` as NAME.fit, .recommend and .evaluate.
 */
export async function runModels<F extends Fitted>(
  prepared: Prepared,
  models: readonly RunnableModel<F>[],
  context: RunContext,
  watch: Stopwatch,
  users?: Int32Array,
): Promise<ModelRun<F>[]> {
  requireEvaluable(prepared, users);
  const runs: ModelRun<F>[] = [];
  for (const model of models) {
    runs.push(
      await withFitted(prepared, model, context, watch, async (fitted) => {
        const asked = users ?? prepared.evaluable;
        const k = Math.max(...prepared.protocol.k);
        const { histories, train } = prepared;
        const make = async () => {
          if (histories === undefined) return await fitted.recommend(asked, k);
          const { recommendHeldOut } = await import('./held-out/lists.ts');
          return await recommendHeldOut(model, fitted, train, histories, asked, k, context);
        };
        // What language models have been asked for is kept, so they stop by themselves.
        const isLanguageModel = 'exchanges' in fitted;
        const topK = await watch.time(`${model.name}.recommend`, () =>
          isLanguageModel ? make() : interruptible(context.signal, make),
        );
        const lists = { users: asked, ...topK };
        const result = await watch.time(`${model.name}.evaluate`, () =>
          interruptible(context.signal, () =>
            scoreLists(prepared, model, lists, { fitted, ...(users && { asked: users }) }),
          ),
        );
        return { result, lists, fitted };
      }),
    );
  }
  return runs;
}

/** What a fit needs to know of the data. */
export type FitInput = Pick<Prepared, 'source' | 'dataset' | 'train'> & { protocol: { seed: number } };

/** Fits `model` on the training part and disposes of it after `use`, also when that throws. */
export async function withFitted<F extends Fitted, T>(
  prepared: FitInput,
  model: RunnableModel<F>,
  context: RunContext,
  watch: Stopwatch,
  use: (fitted: F) => Promise<T>,
): Promise<T> {
  const { name, hyperparameters } = model;
  const rng = modelRng(prepared, name);
  const recommender = await watch.time('import', () => model.create());
  const spec = { name, model: model.model, hyperparameters };
  const { fits, progress } = context;
  const store =
    fits === undefined ? undefined : new FitFile(fits, prepared, spec, (line) => progress.note(line));
  const fitted = await watch.time(`${name}.fit`, () =>
    recommender.fit(prepared.train, {
      ...context,
      progress: progressOf(name, progress),
      rng,
      ...(store && { store }),
    }),
  );
  try {
    await store?.remove();
    if (model.save) await watch.time(`${name}.save`, () => model.save?.(fitted));
    return await use(fitted);
  } finally {
    await fitted.dispose?.();
  }
}

/** A model's own generator: its numbers depend on the seed and its name, not on the models beside it. */
export function modelRng({ protocol }: Pick<FitInput, 'protocol'>, name: string): Rng {
  return new Rng(protocol.seed).derive(`model:${name}`);
}
