/** What fine-tunings of GPT-2 share under the protocol, on text and on item tokens. */
import { join } from 'node:path';
import { thresholdInStars } from '../../../data/training-set.ts';
import type { Engine } from '../../../models/gpt2/engine/engine.ts';
import type { LanguageFitted } from '../../../models/language-model.ts';
import type { ModelSpec } from '../../../models/registry.ts';
import { requireFolder } from '../../../util/files.ts';
import { withLocks } from '../../../util/process/lock.ts';
import type { RankingInput } from '../../prepare.ts';
import type { DataOptions, Protocol } from '../../protocol.ts';
import type { LanguageRecord } from '../../record.ts';
import type { RunContext, RunnableModel } from '../../run.ts';
import { chooseUsers } from '../asked-users.ts';
import { candidateRecall, parseCandidates, retrieveCandidates } from '../candidates.ts';
import type { Hybrid } from '../hybrid.ts';
import { prepareLanguage, runLanguageModel } from '../run.ts';

export interface FineTuningSpec {
  data: DataOptions;
  protocol: Protocol;
  /** Released ids of the users to ask for; by default a sample of the option `numUsers`, or all that can be evaluated. */
  userIds?: readonly (string | number)[];
  /** Models to evaluate on the same users. */
  comparisonModels: readonly ModelSpec[];
  /** "none", "mf:100" or "bm25:100"; by default none. */
  candidates?: string;
  hybrid?: Hybrid;
  /** Folder for checkpoints and the model, which this run alone writes meanwhile. */
  output: string;
  resultsDir: string;
}

/** Where a fine-tuning keeps what it makes, and what the protocol says of it. */
export interface FineTuningPlace {
  /** The protocol's, in stars. */
  threshold: number;
  /** Folder for checkpoints and the model. */
  output: string;
  /** File for a line per update. */
  log: string;
  /** The only movies that a user may get. */
  candidates?: (user: number) => Int32Array;
}

interface FineTuningParts<F extends LanguageFitted> {
  makeModel: (place: FineTuningPlace) => RunnableModel<F>;
  describeModel: (fitted: F) => Record<string, unknown>;
  /** Titles are what the model reads and writes. */
  needsTitles: boolean;
}

/**
 * Holds the lock of the folder `spec.output` while the model is trained and asked. Where a hybrid's weight is to be chosen,
 * the model of the inner training part is trained in the folder `hybrid` of it and not saved. `context.onFitted` is called
 * with the trained model. Throws RecsysError when another run writes `output`, UsageError for candidates that there are not,
 * and what `runLanguageModel` throws.
 */
export async function runFineTuned<F extends LanguageFitted>(
  spec: FineTuningSpec & { options: { numUsers?: number | undefined } },
  engine: Engine,
  { makeModel, describeModel, needsTitles }: FineTuningParts<F>,
  context: RunContext,
): Promise<LanguageRecord> {
  const { data, options, protocol, userIds, comparisonModels, hybrid, output, resultsDir } = spec;
  const source = parseCandidates(spec.candidates ?? 'none'); // refused before any work
  const remedy = 'Wait for it, or give this run a folder of its own with --output.';
  return await withLocks([output], remedy, async () => {
    await requireFolder(output);
    const setting = await prepareLanguage(
      data,
      protocol,
      (prepared) => chooseUsers(prepared, userIds, options.numUsers),
      context,
      needsTitles,
    );
    context.progress.note(`engine: ${engine.description}`);
    let recall: number | undefined;
    const make = async (prepared: RankingInput, users: Int32Array): Promise<RunnableModel<F>> => {
      const lists = source && (await retrieveCandidates(source, prepared, users, context));
      const whole = prepared === setting.prepared;
      if (whole && lists) recall = candidateRecall(prepared, lists);
      const model = makeModel({
        threshold: thresholdInStars(prepared.threshold, prepared.train),
        output: whole ? output : join(output, 'hybrid'),
        log: whole ? join(resultsDir, 'gpt2_training.jsonl') : join(output, 'hybrid', 'training.jsonl'),
        ...(lists && { candidates: (user: number) => lists.get(user)! }),
      });
      const hyperparameters = {
        ...model.hyperparameters,
        ...(source && { candidates: spec.candidates }),
      };
      if (whole) {
        const save = async (fitted: F) => {
          await model.save?.(fitted);
          await context.onFitted?.(model, fitted, setting.prepared);
        };
        return { ...model, hyperparameters, save };
      }
      return { name: model.name, model: model.model, hyperparameters, create: () => model.create() };
    };
    const { record } = await runLanguageModel(
      setting,
      make,
      { experiment: 'gpt2', protocol, comparisonModels, ...(hybrid && { hybrid }) },
      (fitted) => ({
        ...describeModel(fitted),
        ...(recall !== undefined && { candidateRecall: recall }),
      }),
      context,
    );
    return { ...record, environment: { ...record.environment, engine: engine.description } };
  });
}
