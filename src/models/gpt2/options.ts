/** Options of fine-tuning and generation: defaults with their reasons, once. Nothing heavy is imported here. */
import { z } from 'zod';
import { UsageError } from '../../util/errors.ts';
import type { ModelSearch } from '../search-space.ts';

/** Sizes of network/presets.ts. */
export const presetNames = ['tiny', 'mini', 'small'] as const;
export type PresetName = (typeof presetNames)[number];

const whole = z.number().int().min(1);
const count = z.number().int().min(0);
const share = z.number().min(0).max(1);

/** Which weights training starts from, and where it runs. */
export const gpt2ModelOptions = z.object({
  model: z
    .string()
    .default('openai-community/gpt2')
    .meta({ placeholder: 'name|dir' })
    .describe('model on the Hugging Face hub, or a folder with config.json and model.safetensors'),
  init: z
    .enum(['pretrained', 'scratch'])
    .default('pretrained')
    .describe('scratch: random weights of a --preset, no download'),
  preset: z.enum(presetNames).default('tiny').describe('size for --init scratch'),
  engine: z
    .enum(['onnx', 'tfjs'])
    .default('onnx')
    .describe('onnx: ONNX Runtime; tfjs: TensorFlow.js, for checking and for tfjs-node-gpu'),
  gpu: z.boolean().default(false).describe('train on a GPU; fails with the reasons where none can be used'),
});

/** What it reads, and what ranking adds to the probability of a title. */
export const gpt2TextOptions = z.object({
  template: z
    .enum(['liked', 'original'])
    .default('liked')
    .describe(
      'liked: titles by liking, as many as fit, and movies ranked by the probability of their title; original: a rating after every title, lists with reasons',
    ),
  textsPerUser: whole.default(4).describe('with --template liked: training texts per user and pass, at most'),
  priorWeight: z
    .number()
    .min(0)
    .optional()
    .describe(
      "with --template liked: share of a title's log-probability without a user that is taken off (default: chosen on validation ratings)",
    ),
  popularityWeight: z
    .number()
    .min(0)
    .optional()
    .describe(
      "with --template liked: weight of the logarithm of a movie's ratings in the ranking (default: chosen on validation ratings)",
    ),
});

/** How it is trained. */
export const gpt2TrainOptions = z.object({
  epochs: whole
    .optional()
    .describe(
      'passes over the users; each pass draws other movies to predict (default: 3; 12 with --loss-on titles)',
    ),
  batchSize: whole.default(8).describe('texts per step; lower it when memory runs out'),
  accumulate: whole.default(1).describe('steps whose gradients are summed into one update'),
  contextLength: whole
    .min(64)
    .optional()
    .describe('longest text in tokens (default: 512, or what the model allows)'),
  learningRate: z
    .number()
    .positive()
    .optional()
    .describe(
      'peak learning rate (default: 5e-5; 1e-4 with --lora; 1.5e-3 from scratch, 3e-3 with --loss-on titles)',
    ),
  schedule: z.enum(['linear', 'cosine']).default('cosine').describe('decay of the learning rate to 0'),
  warmup: share.default(0.1).describe('share of the updates over which the learning rate rises'),
  weightDecay: z.number().min(0).default(0.01).describe('decoupled, on matrices only'),
  clipNorm: z.number().positive().default(1).describe('largest global norm of a gradient'),
  dropout: share.optional().describe('for embeddings, attention and residuals (default: as in config.json)'),
  lossOn: z
    .enum(['answer', 'text', 'titles'])
    .optional()
    .describe(
      'answer: only what follows the prompt; text: all of it; titles: the choice among the titles of the catalogue, no spelling (default: titles with --init scratch and --template liked, else answer)',
    ),
  checkpointing: z
    .boolean()
    .default(false)
    .describe('recompute activations: less memory, more time')
    .meta({ affectsResult: false }),
  lora: count.default(0).describe('rank of LoRA adapters; 0 trains all weights'),
  loraAlpha: z.number().positive().optional().describe('scale of the adapters (default: twice the rank)'),
  loraTargets: z
    .array(z.string())
    .default(['c_attn', 'c_proj'])
    .describe('layers that get adapters, as PEFT names them'),
  merge: z
    .boolean()
    .default(false)
    .describe('with --lora: also save the model with its adapters merged')
    .meta({ affectsResult: false }),
  validationShare: share
    .optional()
    .describe(
      'share of the users kept for validation (default: 0.05; 0.1 with --loss-on titles, a fifth of their ratings)',
    ),
  patience: count
    .optional()
    .describe(
      'epochs without a better validation before stopping, by F1 with --loss-on titles, else by the loss; 0 never stops (default: 3; 0 with --loss-on titles)',
    ),
  checkpointEvery: whole.default(200).describe('steps between checkpoints').meta({ affectsResult: false }),
  resume: z
    .boolean()
    .default(false)
    .describe('continue from the last checkpoint in --output')
    .meta({ affectsResult: false }),
  output: z
    .string()
    .optional()
    .meta({ placeholder: 'dir' })
    .describe('folder for checkpoints and the trained model (default: gpt2 in the results folder)')
    .meta({ affectsResult: false }),
});

/** How replies are written. */
export const gpt2GenerateOptions = z.object({
  numUsers: whole
    .optional()
    .describe('users to recommend for, a seeded sample (default: all that can be evaluated)'),
  constrain: z
    .enum(['catalogue', 'none'])
    .default('catalogue')
    .describe('catalogue: only unseen movies of the catalogue can be written; none: free text, then matched'),
  rank: z
    .enum(['generate', 'likelihood'])
    .optional()
    .describe(
      'likelihood: movies by the probability of their title; generate: the list as the model writes it, with --template original, whose default it is',
    ),
  temperature: z.number().min(0).default(0).describe('0 is greedy; more is more varied'),
  topK: count.default(0).describe('sample among the k most probable tokens; 0 is all'),
  topP: z.number().gt(0).max(1).default(1).describe('sample among tokens that reach this probability'),
  beams: whole.default(1).describe('beams of a beam search, which does not sample; 1 searches without'),
  lengthPenalty: z.number().min(0).default(1).describe('beam scores are divided by length to this power'),
  width: whole.default(64).describe('with --rank likelihood: prefixes of titles kept per user and token'),
  generationBatch: whole.default(16).describe('users per batch').meta({ affectsResult: false }),
});

/** What to do when memory runs out while training. */
export const MEMORY_REMEDY = 'Lower --batch-size or --context-length, or add --checkpointing.';

/**
 * What `recsys tune gpt2 --tokens text` searches: rates around that which is the default from these weights and for this
 * loss. Throws as `completeGpt2Options` does.
 */
export function gpt2Search(options: Gpt2Options): ModelSearch {
  return {
    space: {
      learningRate: { ...ratesAround(completeGpt2Options(options)), scale: 'log' },
      batchSize: { choices: [4, 8, 16] },
      weightDecay: { low: 0.001, high: 0.3, scale: 'log' },
      warmup: { choices: [0, 0.1, 0.2] },
    },
    rounds: 'epochs',
  };
}

/** Learning rates around those of `peakLearningRate`. */
function ratesAround({ init, lora, lossOn }: CompleteGpt2Options): { low: number; high: number } {
  if (init === 'scratch') return lossOn === 'titles' ? { low: 3e-4, high: 1e-2 } : { low: 1e-4, high: 5e-3 };
  return lora > 0 ? { low: 2e-5, high: 2e-3 } : { low: 5e-6, high: 5e-4 };
}

/** All of them. */
export const gpt2Options = z.object({
  ...gpt2ModelOptions.shape,
  ...gpt2TextOptions.shape,
  ...gpt2TrainOptions.shape,
  ...gpt2GenerateOptions.shape,
});

/**
 * The options with what depends on others filled in, so that records keep it. Throws UsageError for a way of writing lists
 * that `--template liked` does not have, and where `--loss-on titles` does not apply.
 */
export function completeGpt2Options(options: Gpt2Options): CompleteGpt2Options {
  const { template, rank, constrain, beams, temperature } = options;
  const lossOn =
    options.lossOn ??
    (options.init === 'scratch' && titlesObstacle(options) === undefined ? 'titles' : 'answer');
  const obstacle = lossOn === 'titles' ? titlesObstacle(options) : undefined;
  if (obstacle !== undefined) {
    throw new UsageError({
      place: '--loss-on titles',
      found: obstacle,
      wanted: '--template liked, --engine onnx and all weights trained',
      remedy: 'Leave one of both out.',
    });
  }
  const complete = {
    ...options,
    lossOn,
    ...definedOr(options, lossOn === 'titles' ? choiceDefaults : textDefaults),
  };
  if (template === 'original') return { ...complete, rank: rank ?? 'generate' };
  const found =
    rank === 'generate'
      ? '--rank generate'
      : constrain === 'none'
        ? '--constrain none'
        : beams > 1
          ? `--beams ${beams}`
          : temperature > 0
            ? `--temperature ${temperature}`
            : undefined;
  if (found !== undefined) {
    throw new UsageError({
      place: '--template liked',
      found,
      wanted: '--rank likelihood: its lists are rankings',
      remedy: 'Add --template original to write lists freely.',
    });
  }
  return { ...complete, rank: 'likelihood' };
}

/** Validation on few users is noisy: it would stop choices between titles, which every pass improves, too early. */
const choiceDefaults = { epochs: 12, validationShare: 0.1, patience: 0 };
const textDefaults = { epochs: 3, validationShare: 0.05, patience: 3 };

function definedOr(given: Gpt2TrainOptions, { epochs, validationShare, patience }: typeof textDefaults) {
  return {
    epochs: given.epochs ?? epochs,
    validationShare: given.validationShare ?? validationShare,
    patience: given.patience ?? patience,
  };
}

/** What keeps a run from being trained on choices between titles. */
function titlesObstacle({ template, engine, lora }: Gpt2Options): string | undefined {
  if (template === 'original') return '--template original';
  if (engine === 'tfjs') return '--engine tfjs';
  return lora > 0 ? `--lora ${lora}` : undefined;
}

export type Gpt2Options = z.output<typeof gpt2Options>;
export type CompleteGpt2Options = Gpt2Options &
  TrainOptions & { rank: 'generate' | 'likelihood'; lossOn: 'answer' | 'text' | 'titles' };
export type Gpt2ModelOptions = z.output<typeof gpt2ModelOptions>;
export type Gpt2TrainOptions = z.output<typeof gpt2TrainOptions>;
export type LoraOptions = Pick<Gpt2TrainOptions, 'lora' | 'loraAlpha' | 'loraTargets'>;
/** With what `completeGpt2Options` fills in. */
export type TrainOptions = Gpt2TrainOptions & { epochs: number; validationShare: number; patience: number };
/** `rank` is filled in by `completeGpt2Options`. */
export type Gpt2GenerateOptions = z.output<typeof gpt2GenerateOptions>;
