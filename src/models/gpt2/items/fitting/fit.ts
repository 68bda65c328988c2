/** Item GPT-2 trained: samples of histories, the start, validation by F1, given to the training loop. */
import type { TrainingSet } from '../../../../data/training-set.ts';
import type { Parameters } from '../../../../huggingface/tensors.ts';
import { settingsDigest, type TrainingOptions, type TrainingResult } from '../../../../training/job.ts';
import type { Trainable, WithTrainee } from '../../../../training/trainable.ts';
import { runTraining } from '../../../../training/trainer.ts';
import { range } from '../../../../util/arrays.ts';
import { sha256 } from '../../../../util/files.ts';
import type { Rng } from '../../../../util/rng.ts';
import type { FitContext } from '../../../recommender.ts';
import { holdBack, type HeldRatings } from '../../held-ratings.ts';
import type { BaseModel } from '../../network/base.ts';
import type { Gpt2Config } from '../../network/config.ts';
import { initialAdapters } from '../../network/lora.ts';
import { MEMORY_REMEDY, type LoraOptions } from '../../options.ts';
import { trainingBatches, type ItemObjective, type Prompts, type SampleOptions } from '../batches.ts';
import { itemHistories, itemVocabulary, type ItemVocabulary } from '../histories.ts';
import { DRAWS, Proposal, SAMPLED_ABOVE_MOVIES } from '../negatives.ts';
import { itemTrainable, MARKS, MOVIES, POSITIONS } from '../network.ts';
import { sequenceBatches, sequenceStart, sequenceTrainable } from '../sequences.ts';
import { adaptedModel, wholeModel, type ItemWeights } from '../weights.ts';
import { pretrainedStart } from './pretrained.ts';
import { startParameters } from './start.ts';
import { itemValidation, type ValidationParts } from './validation.ts';

/**
 * Numbers behind the options: what a sample is and what training starts from. Chosen on validation ratings carved from
 * train.
 */
export interface ItemSettings extends Pick<SampleOptions, 'promptShare' | 'targetExponent'> {
  logitDeviation: number;
  biasScale: number;
}

export interface ItemFitOptions {
  config: Gpt2Config;
  settings: ItemSettings;
  /** Of the training loop, its batches and its validation. */
  training: TrainingOptions & { batchSize: number; checkpointing: boolean; validationShare: number };
  /** What is learned; `next` needs `ordered`. */
  objective: ItemObjective;
  /** Ratings in the order of time, each position with a meaning of its own; else in no order. */
  ordered: boolean;
  /** Stars from which a training rating counts as liked; 0: every rating. */
  threshold: number;
  /** Movies from which on the softmax is sampled; default: SAMPLED_ABOVE_MOVIES. */
  sampledAbove?: number;
  /** Cut-off of the F1 that validation measures. */
  listLength: number;
  /** A GPT-2 of words to start from, whose sizes `config` has. */
  base?: BaseModel;
  /** Adapters of the blocks are trained in place of the blocks; rank 0: the blocks. */
  adapters: LoraOptions;
  /** Factors of implicit ALS to start from, fitted on what is trained on. */
  factors?: (train: TrainingSet, context: FitContext) => Promise<{ k: number; itemFactors: Float32Array }>;
  /** Folder for checkpoints. */
  output: string;
  /** A line of JSON per update is appended here. */
  log: string;
}

export interface FittedItems {
  parameters: Parameters;
  vocabulary: ItemVocabulary;
  facts: Record<string, number | string | boolean>;
}

/** Trains. Throws as `runTraining` does. */
export async function fitItems(
  options: ItemFitOptions,
  withTrainee: WithTrainee,
  train: TrainingSet,
  context: FitContext,
): Promise<FittedItems> {
  const { config, settings, training, ordered, objective, threshold, adapters } = options;
  const { rng } = context;
  const carving = { share: training.validationShare, ordered, single: objective === 'next', threshold };
  const { inner, held } = holdBack(train, carving, rng.derive('validation'));
  // Movies whose only ratings are held back stay in the catalogue, so that every movie has a token.
  const vocabulary = itemVocabulary(train);
  const parameters = await startingWeights(options, inner, vocabulary, context);
  const model = trainedPart(parameters, adapters, config, rng);
  const { catalogue } = vocabulary;
  const isSampled = catalogue.length > (options.sampledAbove ?? SAMPLED_ABOVE_MOVIES);
  const counts = catalogue.map((item) => inner.ratingCounts[item]!);
  const sampling: SampleOptions = {
    contextLength: config.n_positions,
    batchSize: training.batchSize,
    ordered,
    objective,
    ...settings,
    ...(isSampled && { proposal: new Proposal(counts) }),
  };
  const histories = itemHistories(inner, vocabulary, range(inner.userCount), threshold);
  const drawn = rng.derive('samples');
  const job = {
    validation: { ...options, held, sampling, vocabulary, inner, histories, merged: model.merged },
    digest: digestOf(options, train, parameters, rng),
    options,
  };
  const { checkpointing } = training;
  const { weights, facts } = await (objective === 'next'
    ? runJob(
        withTrainee,
        sequenceTrainable(config, model, checkpointing),
        (pass) => sequenceBatches(histories, sampling, drawn.derive(`pass ${pass}`)),
        job,
        context,
      )
    : runJob(
        withTrainee,
        itemTrainable(config, model, checkpointing),
        (pass) => trainingBatches(histories, sampling, drawn.derive(`pass ${pass}`)),
        job,
        context,
      ));
  const drawnPerBatch = isSampled ? { sampledMovies: DRAWS } : {};
  return {
    parameters: model.merged(weights),
    vocabulary,
    facts: { ...facts, ...drawnPerBatch, validationUsers: held.users.length },
  };
}

/** All weights, or adapters and the tables. */
function trainedPart(
  parameters: Parameters,
  adapters: LoraOptions,
  config: Gpt2Config,
  rng: Rng,
): ItemWeights {
  if (adapters.lora === 0) return wholeModel(parameters);
  const tables = [MOVIES, MARKS, POSITIONS].filter((name) => parameters.has(name));
  const drawn = initialAdapters({ config }, adapters, rng.derive('adapters'));
  return adaptedModel(parameters, drawn, tables, adapters);
}

/** What training starts from. */
async function startingWeights(
  { config, settings, ordered, objective, base, factors }: ItemFitOptions,
  inner: TrainingSet,
  vocabulary: ItemVocabulary,
  context: FitContext,
): Promise<Parameters> {
  const { rng } = context;
  if (base) return pretrainedStart(base, config, inner.movies, vocabulary, ordered, rng.derive('weights'));
  const fitted = factors && (await factors(inner, { ...context, rng: rng.derive('factors') }));
  if (objective === 'next') return sequenceStart(config, vocabulary, fitted, rng.derive('weights'));
  const { logitDeviation, biasScale } = settings;
  const start = { ...(fitted && { factors: fitted }), ordered, logitDeviation, biasScale };
  return await startParameters(config, inner, vocabulary, start, context);
}

interface Job {
  options: ItemFitOptions;
  digest: string;
  validation: ValidationParts & { held: HeldRatings };
}

/** Trains `model` on the batches of each pass. */
async function runJob<Batch extends Prompts>(
  withTrainee: WithTrainee,
  model: Trainable<Batch>,
  batches: (pass: number) => Batch[],
  { options: { training, output, log }, digest, validation: { held, ...parts } }: Job,
  context: FitContext,
): Promise<TrainingResult> {
  const validation = held.users.length === 0 ? undefined : itemValidation<Batch>(held, parts, context);
  const job = {
    batches,
    ...(validation && { validation }),
    options: training,
    settings: digest,
    unit: 'movies',
    unitsOf: ({ levels }: Batch) => levels.filter((level) => level >= 0).length,
    memoryRemedy: MEMORY_REMEDY,
    output,
    log,
  };
  try {
    return await withTrainee(model, (trainee) => runTraining(trainee, job, context));
  } finally {
    await validation?.dispose();
  }
}

/** A digest of what a checkpoint must agree on with the run that resumes it. */
function digestOf(options: ItemFitOptions, train: TrainingSet, parameters: Parameters, rng: Rng): string {
  const { config, settings, training, ordered, objective, threshold, listLength } = options;
  const { lora, loraAlpha, loraTargets } = options.adapters;
  const { epochs, batchSize, accumulate, learningRate, schedule, warmup, weightDecay, clipNorm } = training;
  const { validationShare, patience } = training;
  const schedules = [epochs, batchSize, accumulate, learningRate, schedule, warmup, weightDecay, clipNorm];
  const shaping = [...schedules, validationShare, patience, lora, loraAlpha, loraTargets];
  const columns = [train.ratings.users, train.ratings.items, train.ratings.values];
  const data = columns.map(({ buffer, byteOffset, byteLength }) =>
    sha256(new Uint8Array(buffer, byteOffset, byteLength)),
  );
  const begun = [...parameters].map(([name, tensor]) => [name, sha256(new Uint8Array(tensor.data.buffer))]);
  const parts = [config, settings, shaping, ordered, objective, threshold, listLength, data, begun];
  return settingsDigest(parts, rng);
}
