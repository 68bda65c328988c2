/** What fine-tunings of GPT-2 share under the protocol, on text and on item tokens. */
import type { Engine } from '../../models/gpt2/engine/engine.ts';
import type { LanguageFitted } from '../../models/language-model.ts';
import type { ModelSpec } from '../../models/registry.ts';
import { requireFolder } from '../../util/files.ts';
import { withLocks } from '../../util/process/lock.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import type { LanguageRecord } from '../record.ts';
import type { RunContext, RunnableModel } from '../run.ts';
import { prepareLanguage, runLanguageModel } from './run.ts';
import { chooseUsers } from './texts.ts';

export interface FineTuningSpec {
  options: { numUsers?: number | undefined };
  data: DataOptions;
  protocol: Protocol;
  /** Released ids of the users to ask for; by default a sample of `options.numUsers`, or all that can be evaluated. */
  userIds?: readonly (string | number)[];
  /** Models to evaluate on the same users. */
  comparisonModels: readonly ModelSpec[];
  resultsDir: string;
}

/**
 * Holds the lock of the folder `output` while the model is trained and asked. `makeModel` gets the threshold of the
 * protocol in stars. Throws RecsysError when another run writes `output`, and what `runLanguageModel` throws.
 */
export async function runFineTuned<F extends LanguageFitted>(
  { data, options, protocol, userIds, comparisonModels }: FineTuningSpec,
  output: string,
  engine: Engine,
  {
    makeModel,
    describeModel,
    needsTitles,
  }: {
    makeModel: (threshold: number) => RunnableModel<F>;
    describeModel: (fitted: F) => Record<string, unknown>;
    /** Titles are what the model reads and writes. */
    needsTitles: boolean;
  },
  context: RunContext,
): Promise<LanguageRecord> {
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
    const { record } = await runLanguageModel(
      setting,
      ({ protocol: { threshold }, train }) => Promise.resolve(makeModel(threshold / train.starUnit)),
      { experiment: 'gpt2', protocol, comparisonModels },
      describeModel,
      context,
    );
    return { ...record, environment: { ...record.environment, engine: engine.description } };
  });
}
