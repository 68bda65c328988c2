/**
 * Options of GPT-2 over item tokens (`--tokens items`): those it shares with texts have defaults of their own. Only zod is
 * imported here.
 */
import { z } from 'zod';
import { UsageError } from '../../util/errors.ts';
import type { ModelSearch } from '../search-space.ts';
import { gpt2ModelOptions, gpt2TrainOptions, gpt2GenerateOptions, type LoraOptions } from './options.ts';

/** Where movies' vectors come from. */
const itemInits = ['als', 'random'] as const;
export type ItemInit = (typeof itemInits)[number];

const { batchSize, epochs, validationShare, patience } = gpt2TrainOptions.shape;
const { accumulate, contextLength, learningRate, schedule, warmup, weightDecay, clipNorm, dropout } =
  gpt2TrainOptions.shape;
const { checkpointing, checkpointEvery, resume, output, lora, loraAlpha, loraTargets } =
  gpt2TrainOptions.shape;

/** Flags that `--tokens items` alone has. */
export const itemFlags = z.object({
  itemInit: z
    .enum(itemInits)
    .default('als')
    .describe(
      'with --tokens items: movies start from the factors of implicit ALS, or random; with --model from the words of their titles',
    ),
  itemOrder: z
    .enum(['auto', 'shuffled', 'time'])
    .default('auto')
    .describe('with --tokens items: ratings in any order, or by time (auto: by time where the split is)'),
  itemObjective: z
    .enum(['auto', 'set', 'next'])
    .default('auto')
    .describe(
      'with --tokens items: all liked movies that are left at once, or the next one at every position, in the order of time (auto: next where one movie is to be found, with leave-last-one-out)',
    ),
});

/** What says which of both option sets applies. */
export const tokensFlag = z.object({
  tokens: z
    .enum(['text', 'items'])
    .default('text')
    .describe(
      'text: titles in GPT-2 tokens; items: a token per movie, with defaults of its own (docs/gpt2.md)',
    ),
});

export type Tokens = z.output<typeof tokensFlag>['tokens'];

/**
 * Everything of a run on item tokens. Defaults are chosen on validation ratings carved from train. Those of epochs,
 * learningRate, weightDecay and dropout depend on `itemInit`: see `itemDefaults`.
 */
export const gpt2ItemOptions = z.object({
  tokens: z.literal('items'),
  ...itemFlags.shape,
  model: gpt2ModelOptions.shape.model.unwrap().optional(),
  preset: gpt2ModelOptions.shape.preset.unwrap().default('mini'),
  engine: gpt2ModelOptions.shape.engine,
  gpu: gpt2ModelOptions.shape.gpu,
  epochs: epochs.unwrap().optional(),
  batchSize: batchSize.unwrap().default(64),
  accumulate,
  contextLength,
  learningRate,
  schedule,
  warmup,
  clipNorm,
  weightDecay: weightDecay.unwrap().optional(),
  dropout,
  lora: lora.unwrap().optional(),
  loraAlpha,
  loraTargets: loraTargets.unwrap().optional(),
  validationShare: validationShare.unwrap().default(0),
  patience: patience.unwrap().default(3),
  checkpointing,
  checkpointEvery,
  resume,
  output,
  numUsers: gpt2GenerateOptions.shape.numUsers,
});
export type Gpt2ItemOptions = z.output<typeof gpt2ItemOptions>;

/**
 * Width, layers and heads of the presets for item tokens, by what is learned. For a set the context holds nearly every
 * history; for the next movie it is as long as SASRec's on MovieLens.
 */
export const itemSizes = {
  set: {
    tiny: { n_embd: 64, n_layer: 1, n_head: 2, n_positions: 256 },
    mini: { n_embd: 128, n_layer: 1, n_head: 4, n_positions: 512 },
    small: { n_embd: 256, n_layer: 2, n_head: 4, n_positions: 512 },
  },
  next: {
    tiny: { n_embd: 64, n_layer: 1, n_head: 2, n_positions: 64 },
    mini: { n_embd: 64, n_layer: 2, n_head: 1, n_positions: 200 },
    small: { n_embd: 128, n_layer: 2, n_head: 2, n_positions: 200 },
  },
} as const;

interface StartDefaults {
  epochs: number;
  /** Peak. */
  learningRate: number;
  /** Rates around it that `recsys tune` searches. */
  searchedRates: { low: number; high: number };
  /** On what attention and the feed-forward layer add. */
  dropout: number;
  /** On the rows of movies and ratings. */
  embeddingDropout: number;
  weightDecay: number;
  /** See ItemStart of items/fitting/start.ts. */
  logitDeviation: number;
  biasScale: number;
  /** A sample with n targets counts n to this power. */
  targetExponent: number;
}

/** From a GPT-2 of words; logitDeviation and biasScale do not apply. First guesses. */
const fromWords: StartDefaults = {
  epochs: 20,
  learningRate: 2e-4,
  searchedRates: { low: 2e-5, high: 2e-3 },
  dropout: 0.1,
  embeddingDropout: 0.1,
  weightDecay: 0.01,
  logitDeviation: 0,
  biasScale: 0,
  targetExponent: 1,
};

/**
 * What depends on the start. Factors of ALS rank well from the first update on, and have seen the targets: a high rate
 * unlearns more than it learns.
 */
const itemDefaults: Record<ItemInit | 'next' | 'pretrained' | 'adapters', StartDefaults> = {
  als: {
    epochs: 3,
    learningRate: 2e-5,
    searchedRates: { low: 2e-6, high: 1e-3 },
    dropout: 0.1,
    embeddingDropout: 0,
    weightDecay: 0.01,
    logitDeviation: 0.6,
    biasScale: 0,
    targetExponent: 0,
  },
  random: {
    epochs: 30,
    learningRate: 2e-3,
    searchedRates: { low: 5e-4, high: 5e-3 },
    dropout: 0.4,
    embeddingDropout: 0.3,
    weightDecay: 0.1,
    logitDeviation: 0.3,
    biasScale: 1,
    targetExponent: 1,
  },
  /** The next movie, from either start. The last three do not apply. */
  next: {
    epochs: 20,
    learningRate: 1.5e-3,
    searchedRates: { low: 1.5e-4, high: 1e-2 },
    dropout: 0.1,
    embeddingDropout: 0.1,
    weightDecay: 0.01,
    logitDeviation: 0,
    biasScale: 0,
    targetExponent: 0,
  },
  pretrained: fromWords,
  /** With adapters of its blocks: its tables are trained in full, which takes a higher rate. */
  adapters: { ...fromWords, learningRate: 1e-3, searchedRates: { low: 1e-4, high: 1e-2 } },
};

/** The numbers that go with a start and what is learned. */
export function itemNumbers(
  { model, itemInit, lora = 0 }: Pick<Gpt2ItemOptions, 'model' | 'itemInit' | 'lora'>,
  objective: 'set' | 'next',
): StartDefaults {
  if (model !== undefined) return itemDefaults[lora > 0 ? 'adapters' : 'pretrained'];
  return itemDefaults[objective === 'next' ? 'next' : itemInit];
}

/**
 * The options with what depends on the start and on what is learned filled in, so that records keep it. Throws UsageError
 * for adapters without a model that they adapt.
 */
export function completeItemOptions(options: Gpt2ItemOptions, objective: 'set' | 'next') {
  const { lora = 0, model } = options;
  if (lora > 0 && model === undefined) {
    throw new UsageError({
      place: `--lora ${lora}`,
      found: 'random weights, which adapters would leave as they are',
      wanted: '--model, pretrained weights whose blocks stay as they are',
      remedy: 'Add --model openai-community/gpt2 or a folder.',
    });
  }
  const { epochs, learningRate, dropout, weightDecay } = itemNumbers(options, objective);
  return {
    ...options,
    epochs: options.epochs ?? epochs,
    learningRate: options.learningRate ?? learningRate,
    dropout: options.dropout ?? dropout,
    weightDecay: options.weightDecay ?? weightDecay,
  };
}
export type CompleteItemOptions = ReturnType<typeof completeItemOptions>;

/** Adapters as `gpt2TrainOptions` has them; records without any do not name them. */
export function adaptersOf({ lora = 0, loraAlpha, loraTargets }: Gpt2ItemOptions): LoraOptions {
  return { lora, loraAlpha, loraTargets: loraTargets ?? gpt2TrainOptions.shape.loraTargets.parse(undefined) };
}

/** What says of a split in which order its ratings are; one that is given as files says nothing. */
export interface SplitSetting {
  data: { train?: string | undefined };
  protocol: { split: string };
}

/**
 * What is learned, and whether order counts. `auto` follows the split: by time where the split is, and the next movie where the
 * last one alone is to be found. A split that is given as files says nothing: a set in any order. Throws UsageError for the next
 * movie in no order.
 */
export function itemTask(
  { itemOrder, itemObjective }: Pick<Gpt2ItemOptions, 'itemOrder' | 'itemObjective'>,
  { data, protocol: { split } }: SplitSetting,
) {
  const predefined = data.train !== undefined;
  const last = !predefined && split === 'leave-last-one-out';
  const byTime = last || (!predefined && split.endsWith('temporal'));
  const objective =
    itemObjective !== 'auto' ? itemObjective : last && itemOrder !== 'shuffled' ? 'next' : 'set';
  if (objective === 'next' && itemOrder === 'shuffled') {
    throw new UsageError({
      place: '--item-order',
      found: 'shuffled with --item-objective next',
      wanted: 'time, the order in which one movie follows another',
      remedy: 'Leave out --item-order.',
    });
  }
  const ordered = itemOrder === 'auto' ? byTime || objective === 'next' : itemOrder === 'time';
  return { ordered, objective } as const;
}

/** What `recsys tune gpt2 --tokens items` searches. */
export function gpt2ItemSearch(options: Gpt2ItemOptions, setting: SplitSetting): ModelSearch {
  const { searchedRates } = itemNumbers(options, itemTask(options, setting).objective);
  return {
    space: {
      learningRate: { ...searchedRates, scale: 'log' },
      dropout: { low: 0, high: 0.5 },
      weightDecay: { low: 0.001, high: 0.3, scale: 'log' },
      batchSize: { choices: [32, 64, 128] },
    },
    rounds: 'epochs',
  };
}

/** Least and largest share of a history that is a prompt while training. */
export const PROMPT_SHARE = [0.3, 0.9] as const;
