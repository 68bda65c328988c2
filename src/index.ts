/**
 * The library: what the commands do, for programs.
 *
 * ```ts
 * import { evaluate, fit, loadDataset, split } from 'recsys';
 *
 * const data = split(await loadDataset(), { seed: 42 });
 * const mf = await fit('mf', data);
 * const { metrics } = await evaluate(mf, data);
 * ```
 *
 * The numbers are those of the commands, to the digit.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import type { z } from 'zod';
import type { Dataset } from './data/dataset.ts';
import { loadDataset as load, type LoadOptions } from './data/loader.ts';
import { embeddedDataset, protocolSchema } from './experiment/protocol.ts';
import { prepareSplit, refuseHeldOutUsers, type Prepared } from './experiment/prepare.ts';
import type { ModelResult } from './experiment/record.ts';
import { modelRng } from './experiment/run.ts';
import { scoreLists } from './experiment/score.ts';
import type { Fitted } from './models/recommender.ts';
import { specOf, type ModelSpec } from './models/registry.ts';
import { saveFitted } from './use/fit.ts';
import { loadSavedModel, type SavedModel } from './use/saved-model.ts';
import { silentProgress, type Progress } from './util/progress.ts';

export type { Csr } from './data/csr.ts';
export type { Dataset, Id, Ids, Links, Movies, Ratings, SourceFile, Tags } from './data/dataset.ts';
export type { LoadOptions } from './data/loader.ts';
export type { Split } from './data/split.ts';
export type { TrainingSet } from './data/training-set.ts';
export type { CatalogueFacts } from './evaluation/evaluator.ts';
export type { Prepared as SplitDataset } from './experiment/prepare.ts';
export type { ModelResult } from './experiment/record.ts';
export { modelNames, type ModelSpec } from './models/registry.ts';
export type { Fitted, SavedState, TopK } from './models/recommender.ts';
export type { Reason, Selection, UsableModel } from './models/saved.ts';
export type { SavedModel } from './use/saved-model.ts';
export { DataError, RecsysError, UsageError, type ErrorFacts } from './util/errors.ts';
export type { Progress, ProgressTask } from './util/progress.ts';

/** How a data set is divided and judged; what is left out has the defaults of the commands. */
export type ProtocolOptions = Partial<z.input<typeof protocolSchema>>;

/** What long work may be given. */
export interface FitOptions {
  /** Worker threads; results do not depend on it. Default: all cores. */
  threads?: number;
  /** Stops the fit between two steps; it throws an AbortedError then. */
  signal?: AbortSignal;
  /** Default: none is shown. */
  progress?: Progress;
}

/** A fitted model with what it is. Call `dispose` when it is no longer needed. */
export interface FittedModel extends Fitted {
  readonly spec: Pick<ModelSpec, 'name' | 'model' | 'hyperparameters'>;
}

/**
 * Loads a release of MovieLens by name, or a folder, file or archive of ratings. Throws DataError naming file and line for
 * what cannot be read.
 */
export async function loadDataset(
  nameOrPath: string = embeddedDataset,
  options: LoadOptions = {},
): Promise<Dataset> {
  return await load(nameOrPath, options);
}

/**
 * Divides the ratings into train and test. Throws ZodError for an option out of range, and DataError where no user has a
 * relevant test rating.
 */
export function split(dataset: Dataset, options: ProtocolOptions = {}): Prepared {
  const prepared = prepareSplit(dataset, protocolSchema.parse(options), {});
  refuseHeldOutUsers(prepared, 'the library');
  return prepared;
}

/**
 * Fits a model of `modelNames` on the training part. `hyperparameters` are the options of its command in camel case. Throws
 * UsageError for an unknown name, ZodError for an option out of range.
 */
export async function fit(
  model: string,
  data: Prepared,
  hyperparameters: Record<string, unknown> = {},
  { threads = availableParallelism(), signal, progress = silentProgress }: FitOptions = {},
): Promise<FittedModel> {
  const spec = specOf(model, hyperparameters, 'fit');
  const recommender = await spec.create();
  const fitted = await recommender.fit(data.train, {
    rng: modelRng(data, spec.name),
    threads,
    progress,
    signal: signal ?? new AbortController().signal,
  });
  return Object.assign(fitted, { spec });
}

/**
 * Asks the model for a list as long as the largest cut-off for every user with a relevant test rating, and scores the lists:
 * metrics by cut-off, with 95% intervals.
 */
export async function evaluate(model: FittedModel, data: Prepared): Promise<ModelResult> {
  const users = data.evaluable;
  const topK = await model.recommend(users, Math.max(...data.protocol.k));
  return scoreLists(data, model.spec, { users, ...topK }, { fitted: model });
}

/**
 * Saves the model in `folder` for `loadModel` and `recsys recommend`; a model that is there is replaced. Throws UsageError
 * for a model that cannot be saved.
 */
export async function saveModel(model: FittedModel, data: Prepared, folder: string): Promise<void> {
  await saveFitted(folder, model.spec, model, data);
}

/** Reads a saved model. Throws DataError for no model, a changed one, and one of another version. */
export async function loadModel(
  folder: string,
  { threads = availableParallelism() }: Pick<FitOptions, 'threads'> = {},
): Promise<SavedModel> {
  return await loadSavedModel(folder, { threads });
}
