/** Training of the liked template on choices between titles (`--loss-on titles`). */
import type { TrainingSet } from '../../../data/training-set.ts';
import { settingsDigest, type Validation } from '../../../training/job.ts';
import type { WithTrainee } from '../../../training/trainable.ts';
import { runTraining } from '../../../training/trainer.ts';
import { sha256 } from '../../../util/files.ts';
import { range } from '../../../util/arrays.ts';
import { optionsAffectingResult } from '../../../util/options.ts';
import { interruptible } from '../../../util/process/signals.ts';
import type { FitContext } from '../../recommender.ts';
import type { BaseModel } from '../network/base.ts';
import { withDropout } from '../network/config.ts';
import { gpt2TrainOptions, MEMORY_REMEDY, type TrainOptions } from '../options.ts';
import { peakLearningRate, type FineTuned } from '../training/fine-tune.ts';
import { choiceTrainable } from './choice-loss.ts';
import { choiceBatches, choiceTexts, type ChoiceBatch } from './choices.ts';
import type { LikedTemplate } from './template.ts';
import { tasteOf } from './texts.ts';
import { TitleTree } from './title-tree.ts';

export interface ChoiceFitOptions {
  /** Cut to the template's vocabulary. */
  base: BaseModel;
  template: LikedTemplate;
  options: TrainOptions;
  /** Longest text in tokens. */
  contextLength: number;
  /** Stars from which a training rating counts as liked; 0: every rating. */
  threshold: number;
  /** Early stopping; the best weights by it are the result. */
  validation?: Validation<ChoiceBatch>;
  /** Folder for checkpoints. */
  output: string;
  /** A line of JSON per update is appended here. */
  log: string;
}

/** Trains all weights of `base` on the liked movies of `train`, all of which each pass names once. Throws as `runTraining` does. */
export async function fitChoices(
  { base, template, options, contextLength, threshold, validation, output, log }: ChoiceFitOptions,
  withTrainee: WithTrainee,
  train: TrainingSet,
  context: FitContext,
): Promise<FineTuned> {
  const tree = await interruptible(context.signal, () => new TitleTree(template));
  const liked = Array.from(range(train.userCount), (user) => tasteOf(train, user, threshold).liked);
  const drawn = context.rng.derive('texts');
  const batches = (pass: number): ChoiceBatch[] => {
    const rng = drawn.derive(`pass ${pass}`);
    const texts = liked.flatMap((own) => choiceTexts(own, template, tree, contextLength, rng));
    return choiceBatches(texts, { batchSize: options.batchSize, contextLength }, rng);
  };
  const shaping = optionsAffectingResult(gpt2TrainOptions, options);
  const likedMovies = sha256(JSON.stringify(liked));
  const job = {
    batches,
    ...(validation && { validation }),
    options: { ...options, learningRate: peakLearningRate({ ...options, lossOn: 'titles' }, base) },
    settings: settingsDigest([shaping, base.name, base.config, contextLength, likedMovies], context.rng),
    unit: 'tokens',
    unitsOf: ({ texts }: ChoiceBatch) => texts.reduce((sum, { tokens }) => sum + tokens.length, 0),
    memoryRemedy: MEMORY_REMEDY,
    output,
    log,
  };
  const config = withDropout(base.config, options.dropout);
  const model = choiceTrainable(config, base.parameters, tree, options.checkpointing);
  const { weights, facts } = await withTrainee(model, (trainee) => runTraining(trainee, job, context));
  return { parameters: weights, facts };
}
