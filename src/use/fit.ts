/** From data to a saved model: on all ratings, for use, or on the training part of a split, for experiments. */
import { join } from 'node:path';
import type { Dataset, Ratings } from '../data/dataset.ts';
import { loadDataset } from '../data/loader.ts';
import { splitDigest } from '../data/split.ts';
import { trainingSet } from '../data/training-set.ts';
import { Stopwatch } from '../experiment/environment.ts';
import { keepRatings } from '../experiment/held-out/keep.ts';
import { prepare, readingOptions, type Prepared } from '../experiment/prepare.ts';
import { embeddedDataset, protocolSchema, type DataOptions } from '../experiment/protocol.ts';
import { withFitted, type FitInput, type RunContext, type RunnableModel } from '../experiment/run.ts';
import type { Fitted } from '../models/recommender.ts';
import { UsageError } from '../util/errors.ts';
import { withLocks } from '../util/process/lock.ts';
import { interruptible } from '../util/process/signals.ts';
import type { FitOptions } from './fit-options.ts';
import { MANIFEST, readManifest, saveModel, type Manifest } from './saved-model.ts';

/** Makes the untrained model when the data are known. */
export type ModelMaker = (input: SavableInput) => RunnableModel;

/** Fits one model and saves it in `folder`, which is locked meanwhile. Returns its `model.json`. */
export async function fitAndSave(
  folder: string,
  model: RunnableModel | ModelMaker,
  data: DataOptions,
  options: FitOptions,
  context: RunContext,
): Promise<Manifest> {
  const watch = new Stopwatch();
  return await withLocks([join(folder, MANIFEST)], 'Wait for it, or save to another folder.', async () => {
    const input = await fitInput(data, options, context, watch);
    const spec = typeof model === 'function' ? model(input) : model;
    await withFitted(input, spec, context, watch, (fitted) => saveFitted(folder, spec, fitted, input));
    return await readManifest(folder);
  });
}

/** Saves a fitted model of an experiment or of `fitAndSave`. Throws UsageError for a model that cannot be saved. */
export async function saveFitted(
  folder: string,
  spec: Pick<RunnableModel, 'name' | 'model' | 'hyperparameters'>,
  fitted: Fitted,
  input: SavableInput,
): Promise<void> {
  if (fitted.save === undefined) {
    throw new UsageError({
      found: `model '${spec.model}' cannot be saved`,
      wanted: 'popularity, mf, fm, ease or gpt2',
    });
  }
  const { dataset, train } = input;
  const state = fitted.save();
  const facts = fitted.facts ?? {};
  await saveModel(folder, { spec, state, facts, dataset, train, fittedOn: fittedOn(input) });
}

/** The hook of an experiment that saves each of its models in a folder of its name under `folder`. */
export function saverOfModels(folder: string): NonNullable<RunContext['onFitted']> {
  return (spec, fitted, prepared) => saveFitted(join(folder, spec.name), spec, fitted, prepared);
}

type SavableInput = FitInput & {
  protocol: Pick<Prepared['protocol'], 'seed' | 'testShare' | 'splitDigest' | 'trainRatings'> & {
    split: string;
  };
};

function fittedOn({ protocol }: SavableInput): Manifest['fittedOn'] {
  const { split, testShare, seed, splitDigest, trainRatings } = protocol;
  return { split, ...(testShare !== undefined && { testShare }), seed, splitDigest, trainRatings };
}

async function fitInput(
  data: DataOptions,
  { split, ...options }: FitOptions,
  context: RunContext,
  watch: Stopwatch,
): Promise<SavableInput> {
  const isPredefined = data.train !== undefined || data.test !== undefined;
  if (split !== 'none' || isPredefined) {
    const kind = split === 'none' ? {} : { split };
    return await prepare(data, protocolSchema.parse({ ...kind, ...options }), context, watch);
  }
  const { dataset: name = embeddedDataset } = data;
  const load = async () =>
    keepRatings(await loadDataset(name, { ...context, ...readingOptions(data) }), data);
  const dataset = await watch.time('load', () => interruptible(context.signal, load));
  for (const warning of dataset.warnings) context.progress.note(`note: ${warning}`);
  return await interruptible(context.signal, () => wholeInput(data, dataset, options.seed));
}

/** All ratings as the training set. */
export function wholeInput(source: DataOptions, dataset: Dataset, seed: number): SavableInput {
  const none: Ratings = {
    users: new Int32Array(),
    items: new Int32Array(),
    values: new Float32Array(),
    timestamps: new Int32Array(),
  };
  const protocol = {
    split: 'none',
    seed,
    splitDigest: splitDigest({ train: dataset.ratings, test: none }, dataset),
    trainRatings: dataset.ratings.users.length,
  };
  return { source, dataset, train: trainingSet(dataset, dataset.ratings), protocol };
}
