/** Fine-tuning of GPT-2: its texts, options and validation, given to the training loop. */
import type { Parameters } from '../../../huggingface/tensors.ts';
import { chunk, settingsDigest, type TrainingContext } from '../../../training/job.ts';
import type { Trainee } from '../../../training/trainee.ts';
import { runTraining } from '../../../training/trainer.ts';
import { validateLoss } from '../../../training/validation-loss.ts';
import { sha256 } from '../../../util/files.ts';
import { optionsAffectingResult } from '../../../util/options.ts';
import type { BaseModel } from '../network/base.ts';
import { merge, type Adapter } from '../network/peft.ts';
import { countTargets, type TokenBatch } from '../network/token-batch.ts';
import { gpt2TrainOptions, type Gpt2TrainOptions, type TrainOptions } from '../options.ts';
import { toBatch, type Example } from '../prompt/batch.ts';
import { adapterOf } from '../network/lora.ts';

/** What to train on what. Validation texts only measure the loss. */
export interface FineTuning {
  base: BaseModel;
  /** The texts of pass 0, 1, ...: the same ones whenever a pass is asked for, so that a resumed run sees what it would have. */
  texts(pass: number): Example[];
  validation: readonly Example[];
  /** Longest text in tokens; shorter ones are filled up with `padding`. */
  contextLength: number;
  padding: number;
  options: TrainOptions;
  /** Folder for checkpoints. */
  output: string;
  /** A line of JSON per step is appended here. */
  log: string;
}

export interface FineTuned {
  /** The best weights by validation loss, with adapters merged in. */
  parameters: Parameters;
  /** With `options.lora`. */
  adapter?: Adapter;
  /** For the record: updates, final losses. Nothing that differs from run to run. */
  facts: Record<string, number | string | boolean>;
}

/** Batches whose texts are sorted by length among them, so that little is filled up. */
const ALIKE_BATCHES = 16;

/** Trains what `trainee` holds: all of `base`'s parameters, or its adapters. Throws as `runTraining` does. */
export async function fineTune(
  trainee: Trainee<TokenBatch>,
  tuning: FineTuning,
  context: TrainingContext,
): Promise<FineTuned> {
  const { base, options, validation, padding, contextLength, output, log } = tuning;
  const toBatches = (texts: readonly Example[]) =>
    chunk(texts, options.batchSize).map((part) => toBatch(part, padding, contextLength));
  const drawBatches = (pass: number) => {
    const rng = context.rng.derive(`order ${pass}`);
    const texts = rng.shuffle(tuning.texts(pass).slice());
    const alike = chunk(texts, options.batchSize * ALIKE_BATCHES).flatMap((part) =>
      part.sort((a, b) => a.tokens.length - b.tokens.length),
    );
    return rng.shuffle(toBatches(alike));
  };
  const validated = validateLoss(toBatches(validation), countTargets);
  const job = {
    batches: drawBatches,
    ...(validated && { validation: validated }),
    options: { ...options, learningRate: peakLearningRate(options, base) },
    settings: digestOf(tuning, context),
    unit: 'tokens',
    unitsOf: ({ rows, length }: TokenBatch) => rows * length,
    memoryRemedy:
      'Lower --batch-size or --context-length, add --checkpointing, or train adapters with --lora 8.',
    output,
    log,
  };
  const { weights, facts } = await runTraining(trainee, job, context);
  if (options.lora === 0) return { parameters: weights, facts };
  const adapter = adapterOf(weights, options);
  return { parameters: merge(base.parameters, adapter), adapter, facts };
}

/** Peak learning rate from random weights: that at which `mini` learns fastest without becoming unstable. */
const SCRATCH_RATE = 1.5e-3;
/** The same for choices between titles, which are few and whose gradients are smooth. */
const SCRATCH_TITLES_RATE = 3e-3;

/**
 * Peak when none is given: Hugging Face's 5e-5 for all weights and twice that for adapters, which start from nothing; more
 * from random weights.
 */
export function peakLearningRate(
  { learningRate, lora, lossOn }: Pick<Gpt2TrainOptions, 'learningRate' | 'lora' | 'lossOn'>,
  { name }: Pick<BaseModel, 'name'>,
): number {
  if (learningRate !== undefined) return learningRate;
  if (name.startsWith('scratch/')) return lossOn === 'titles' ? SCRATCH_TITLES_RATE : SCRATCH_RATE;
  return lora > 0 ? 1e-4 : 5e-5;
}

/** A digest of what a checkpoint must agree on with the run that resumes it. */
function digestOf(tuning: FineTuning, { rng }: TrainingContext): string {
  const { options, base, contextLength } = tuning;
  const shaping = optionsAffectingResult(gpt2TrainOptions, options);
  const first = tuning.texts(0).map(({ tokens }) => sha256(new Uint8Array(tokens.buffer)));
  const { name, config } = base;
  return settingsDigest([shaping, name, config, contextLength, first], rng);
}
