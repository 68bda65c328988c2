/** A language model under the protocol: its lists and texts, models beside it on the same users, and a hybrid. */
import type { LanguageFitted } from '../../models/language-model.ts';
import type { ModelSpec } from '../../models/registry.ts';
import { UsageError } from '../../util/errors.ts';
import { Stopwatch } from '../environment.ts';
import { prepare, refuseHeldOutUsers, type Prepared, type RankingInput } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import { ReasonAudit } from '../audit/reasons.ts';
import type { LanguageRecord, ReasonCheck } from '../record.ts';
import { runModels, type ModelRun, type RunContext, type RunnableModel } from '../run.ts';
import { buildRecord } from '../score.ts';
import { chooseHybridWeight, hybridModel, type Hybrid } from './hybrid.ts';
import { describeExchanges } from './texts.ts';

export interface LanguageSetting {
  prepared: Prepared;
  /** User indices, ascending, that every model of the record is asked for. */
  users: Int32Array;
  watch: Stopwatch;
}

/** What is run beside a language model. */
export interface LanguageRun {
  /** Kind of experiment, which names the record. */
  experiment: string;
  protocol: Protocol;
  /** Models to evaluate on the same users. */
  comparisonModels: readonly ModelSpec[];
  hybrid?: Hybrid;
}

/** Load and split; `chooseUsers` says who is asked. With `needsTitles`, throws UsageError for data without titles. */
export async function prepareLanguage(
  data: DataOptions,
  protocol: Protocol,
  chooseUsers: (prepared: Prepared) => Int32Array,
  context: RunContext,
  needsTitles = true,
): Promise<LanguageSetting> {
  const watch = new Stopwatch();
  const prepared = await prepare(data, protocol, context, watch);
  refuseHeldOutUsers(prepared, 'a language model');
  if (needsTitles && prepared.dataset.movies.titles.every((title) => title === '')) {
    throw new UsageError({
      place: '--train',
      found: 'ratings without titles',
      wanted: 'titles to write prompts and to find recommended movies',
      remedy: 'Add --dataset NAME|DIR, whose movies.csv has them.',
    });
  }
  return { prepared, users: chooseUsers(prepared), watch };
}

/**
 * Runs the language model that `makeModel` makes, then the comparison models and the hybrid. `makeModel` is called again
 * with an inner training part where the hybrid's weight is to be chosen. `details` reads from the fitted model what the
 * approach adds to the record.
 */
export async function runLanguageModel<F extends LanguageFitted>(
  { prepared, users, watch }: LanguageSetting,
  makeModel: (input: RankingInput, users: Int32Array) => Promise<RunnableModel<F>>,
  { experiment, protocol, comparisonModels, hybrid }: LanguageRun,
  details: (fitted: F) => Record<string, unknown>,
  context: RunContext,
): Promise<{ record: LanguageRecord; run: ModelRun<F> }> {
  const language = await makeModel(prepared, users);
  const [run] = await runModels(prepared, [language], context, watch, users);
  const { fitted, lists, result } = run!;
  const others: RunnableModel[] = [...comparisonModels];
  let weight: number | undefined;
  if (hybrid !== undefined) {
    const { model } = hybrid;
    weight =
      hybrid.weight ?? (await chooseHybridWeight(prepared, users, makeModel, { model, protocol }, context));
    others.push(hybridModel(prepared, language.name, lists, { model, weight }));
  }
  const runs = await runModels(prepared, others, context, watch, users);
  const results = [result, ...runs.map((other) => other.result)];
  const record = {
    ...buildRecord(experiment, prepared, results, watch),
    language: {
      ...describeExchanges(prepared, fitted, {
        ...details(fitted),
        ...(weight !== undefined && { hybridWeight: weight }),
      }),
      reasons: checkReasons(prepared, language.name, fitted, runs),
    },
  };
  return { record, run: run! };
}

/** Of the language model and of the hybrids beside it; none where no reason was given. */
function checkReasons(
  prepared: Prepared,
  name: string,
  { exchanges }: LanguageFitted,
  others: readonly ModelRun[],
): ReasonCheck[] {
  if (exchanges.every(({ entries }) => entries.every(({ reason }) => reason.trim() === ''))) return [];
  const audit = new ReasonAudit(prepared);
  const hybrids = others.filter(({ result }) => result.model === 'hybrid');
  return [
    audit.check(name, exchanges),
    ...hybrids.map(({ result, lists }) => audit.checkBlend(result.name, exchanges, lists)),
  ];
}
