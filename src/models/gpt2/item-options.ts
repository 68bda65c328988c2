/** Options of GPT-2 over item tokens (`--tokens items`): those it shares with texts have defaults of their own. Only zod is imported here. */
import { z } from 'zod';
import { gpt2ModelOptions, gpt2TrainOptions, gpt2GenerateOptions } from './options.ts';

/** Where movies' vectors come from. */
const itemInits = ['als', 'random'] as const;
export type ItemInit = (typeof itemInits)[number];

const { batchSize, epochs, validationShare, patience } = gpt2TrainOptions.shape;
const { accumulate, contextLength, learningRate, schedule, warmup, weightDecay, clipNorm, dropout } =
  gpt2TrainOptions.shape;
const { checkpointing, checkpointEvery, resume, output } = gpt2TrainOptions.shape;

/** Flags that `--tokens items` alone has. */
export const itemFlags = z.object({
  itemInit: z
    .enum(itemInits)
    .default('als')
    .describe('with --tokens items: movies start from the factors of implicit ALS, or random'),
  itemOrder: z
    .enum(['auto', 'shuffled', 'time'])
    .default('auto')
    .describe('with --tokens items: ratings in any order, or by time (auto: by time where the split is)'),
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

/**
 * Everything of a run on item tokens. Defaults were chosen by scripts/tune/gpt2-items.ts on validation ratings carved from
 * train. Those of epochs, learningRate, weightDecay and dropout depend on `itemInit`: see `itemDefaults`.
 */
export const gpt2ItemOptions = z.object({
  tokens: z.literal('items'),
  ...itemFlags.shape,
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
  validationShare: validationShare.unwrap().default(0),
  patience,
  checkpointing,
  checkpointEvery,
  resume,
  output,
  numUsers: gpt2GenerateOptions.shape.numUsers,
});
export type Gpt2ItemOptions = z.output<typeof gpt2ItemOptions>;

/** Width, layers and heads of the presets for item tokens; the context holds nearly every history. */
export const itemSizes = {
  tiny: { n_embd: 64, n_layer: 1, n_head: 2, n_positions: 256 },
  mini: { n_embd: 128, n_layer: 1, n_head: 4, n_positions: 512 },
  small: { n_embd: 256, n_layer: 2, n_head: 4, n_positions: 512 },
} as const;

interface StartDefaults {
  epochs: number;
  learningRate: number;
  /** On what attention and the feed-forward layer add. */
  dropout: number;
  /** On the rows of movies and ratings. */
  embeddingDropout: number;
  weightDecay: number;
  /** See ItemStart of items/start.ts. */
  logitDeviation: number;
  biasScale: number;
  /** A sample with n targets counts n to this power. */
  targetExponent: number;
}

/**
 * What depends on the start. Factors of ALS rank well from the first update on, and have seen the targets: a high rate
 * unlearns more than it learns.
 */
export const itemDefaults: Record<ItemInit, StartDefaults> = {
  als: {
    epochs: 3,
    learningRate: 2e-5,
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
    dropout: 0.4,
    embeddingDropout: 0.3,
    weightDecay: 0.1,
    logitDeviation: 0.3,
    biasScale: 1,
    targetExponent: 1,
  },
};

/** The options with what depends on the start filled in, so that records keep it. */
export function completeItemOptions(options: Gpt2ItemOptions) {
  const { epochs, learningRate, dropout, weightDecay } = itemDefaults[options.itemInit];
  return {
    ...options,
    epochs: options.epochs ?? epochs,
    learningRate: options.learningRate ?? learningRate,
    dropout: options.dropout ?? dropout,
    weightDecay: options.weightDecay ?? weightDecay,
  };
}
export type CompleteItemOptions = ReturnType<typeof completeItemOptions>;

/** Least and largest share of a history that is a prompt while training. */
export const PROMPT_SHARE = [0.3, 0.9] as const;
