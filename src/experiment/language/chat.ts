/** A chat model under the protocol: asked, or scored from stored answers. */
import { join } from 'node:path';
import { promptTemplates, type PromptTemplate } from '../../language/templates.ts';
import { ModelGoneError, type Ask } from '../../models/chat/ask.ts';
import { diskCache, noCache, type Answer } from '../../models/chat/cache.ts';
import { Budget, pricePaid, type Spending } from '../../models/chat/cost.ts';
import { familyOf, type Price } from '../../models/chat/families.ts';
import { createChatModel, type ChatFitted, type ChatParts } from '../../models/chat/index.ts';
import { createChatClient, type ChatClient } from '../../models/chat/openai/client.ts';
import { serverTokenCounter } from '../../models/chat/openai/models.ts';
import { chatOptions, type ResolvedChatOptions } from '../../models/chat/options.ts';
import { tokenCounter } from '../../models/chat/tokens.ts';
import type { ModelSpec } from '../../models/registry.ts';
import { UsageError } from '../../util/errors.ts';
import { optionsAffectingResult } from '../../util/options.ts';
import {
  conditionsOf,
  measureNoise,
  type Condition,
  type ConditionCounts,
  type ConditionRun,
} from '../audit/noise.ts';
import { Stopwatch } from '../environment.ts';
import type { Prepared, RankingInput } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import type { LanguageRecord } from '../record.ts';
import { runModels, type ModelRun, type RunContext, type RunnableModel } from '../run.ts';
import { chooseUsers } from './asked-users.ts';
import {
  candidateRecall,
  parseCandidates,
  reorderCandidates,
  retrieveCandidates,
  type Candidates,
} from './candidates.ts';
import type { Hybrid } from './hybrid.ts';
import { createReplay, type StoredAnswers } from './replay.ts';
import { prepareLanguage, runLanguageModel, type LanguageSetting } from './run.ts';
import { describeUsage, latencyPercentiles } from './usage.ts';

/** What asking takes: the model, what it may spend, and where answers are kept. */
export interface ChatAccount {
  options: ResolvedChatOptions;
  /** USD. */
  maxCost?: number;
  /** Shared by runs under one `maxCost`; default: the run's own. */
  spending?: Spending;
  /** Overrides the price table. */
  price?: Price;
  resultsDir: string;
}

export interface ChatSpec extends ChatAccount {
  /** No model was named: a replacement may be asked where the default is no longer served. */
  isDefaultModel?: boolean;
  data: DataOptions;
  protocol: Protocol;
  /** Released ids; or a sample of `numUsers`. */
  userIds?: readonly (string | number)[];
  numUsers: number;
  /** "none", "mf:100" or "bm25:100". */
  candidates: string;
  hybrid?: Hybrid;
  /** Models to evaluate on the same users. */
  comparisonModels: readonly ModelSpec[];
  /** Answers to score instead of asking. */
  stored?: StoredAnswers;
  /** Those of the further conditions of a noise budget, in their order. */
  storedRuns?: readonly StoredAnswers[];
  /** The prompt, and further ones for the noise budget; default: zero-shot. */
  templates?: readonly PromptTemplate[];
}

/** How a server is asked, and its tokens counted. */
export type ChatAccess = Pick<ChatParts, 'ask' | 'askInBatch' | 'countTokens' | 'countOnServer'>;

/**
 * Asks (or replays), grounds and scores. Throws what `createChatClient` and its `ask` throw, DataError for bad data or a
 * bad replay file, and RecsysError when no request was answered; answers that came are kept.
 */
export async function runChat(asked: ChatSpec, context: RunContext): Promise<LanguageRecord> {
  const spec = { spending: { total: 0 }, ...asked };
  try {
    return await runOnce(spec, context);
  } catch (error) {
    const replacement = familyOf(spec.options.model)?.ends?.replacement;
    if (!(error instanceof ModelGoneError) || !spec.isDefaultModel || replacement === undefined) throw error;
    context.progress.note(`${error.facts.found}: ${replacement} is asked instead`);
    return await runOnce({ ...spec, options: { ...spec.options, model: replacement } }, context);
  }
}

async function runOnce(spec: ChatSpec, context: RunContext): Promise<LanguageRecord> {
  const { protocol, comparisonModels, hybrid, stored } = spec;
  const client = stored === undefined ? await openClient(spec, context) : undefined;
  const answers: Answer[] = [];
  const access: ChatAccess = {
    ask: client ? collectAnswers(client.ask, answers) : refuseRequests,
    askInBatch: client?.askInBatch,
    countTokens: await tokenCounter(),
    countOnServer: client && serverTokenCounter(client.endpoint, spec.options.model, context.signal),
  };
  const setting = await prepareChat(spec, context);
  const conditions = conditionsOf(countsOf(spec));
  const { record, run } = await runLanguageModel(
    setting,
    (prepared, users) => chatModel(spec, access, prepared, users, context),
    { experiment: 'openai', protocol, comparisonModels, ...(hybrid && { hybrid }) },
    (chat) => describeCandidates(chat, setting.prepared),
    context,
  );
  const audited =
    conditions.length === 1 ? record : await addNoise(spec, access, setting, { record, run }, context);
  // Only now have a hybrid's validation users and the further conditions been asked as well.
  const usage = describeUsage(answers, spec, client?.changes ?? []);
  return {
    ...audited,
    language: {
      ...audited.language,
      users: audited.language.users.map((user, n) => ({
        ...user,
        includedMovies: run.fitted.exchanges[n]!.history.items.length,
      })),
      details: { ...usage, ...audited.language.details },
    },
    timing: { ...audited.timing, ...latencyPercentiles(run.fitted.exchanges) },
  };
}

/** What `--prompt`, `--permutations` and `--repeat` ask for. */
export function countsOf({ options, templates }: ChatSpec): ConditionCounts {
  const { permutations = 1, repeat = 1 } = options;
  return { templates: templates ?? [promptTemplates['zero-shot']], permutations, repeats: repeat };
}

/** Asks under every further condition; adds the noise budget and the merged lists to the record. */
async function addNoise(
  spec: ChatSpec,
  access: ChatAccess,
  { prepared, users }: LanguageSetting,
  { record, run }: { record: LanguageRecord; run: ModelRun<ChatFitted> },
  context: RunContext,
): Promise<LanguageRecord> {
  const counts = countsOf(spec);
  const [first, ...others] = conditionsOf(counts);
  const toRun = (condition: Condition, { result, lists, fitted }: ModelRun<ChatFitted>): ConditionRun => ({
    condition,
    result,
    lists,
    template: fitted.template,
    exchanges: fitted.exchanges,
  });
  const runs = [toRun(first!, run)];
  const retrieved = candidatesIn(run.fitted);
  for (const [n, condition] of others.entries()) {
    const { template, permutation, repeat } = condition;
    context.progress.note(
      `run ${n + 2} of ${others.length + 1}: ${template.name}, order ${permutation + 1}, repeat ${repeat + 1}`,
    );
    const stored = spec.stored && spec.storedRuns?.[n];
    const own = { ...spec, ...(stored && { stored }) };
    const model = await chatModel(own, access, prepared, users, context, { condition, retrieved });
    const [next] = await runModels(prepared, [model], context, new Stopwatch(), users);
    runs.push(toRun(condition, next!));
  }
  const { noise, merged } = measureNoise(prepared, runs, counts);
  return { ...record, models: [...record.models, merged], language: { ...record.language, noise } };
}

/** Data, split and the users that are asked: those named, those of the stored answers, or a sample. */
export function prepareChat(
  { data, protocol, userIds, numUsers, stored }: ChatSpec,
  context: RunContext,
): Promise<LanguageSetting> {
  const ids = userIds ?? (stored && [...stored.keys()]);
  return prepareLanguage(data, protocol, (prepared) => chooseUsers(prepared, ids, numUsers), context);
}

/** The chat model for the runner, with the candidates of `users` in its prompts. */
export async function chatModel(
  spec: ChatSpec,
  access: ChatAccess,
  prepared: RankingInput,
  users: Int32Array,
  context: RunContext,
  { condition, retrieved }: { condition?: Condition; retrieved?: Candidates } = {},
): Promise<RunnableModel<ChatFitted>> {
  const { options, candidates, stored } = spec;
  const { template, permutation, repeat } = condition ?? conditionsOf(countsOf(spec))[0]!;
  const source = parseCandidates(candidates);
  const found = source && (retrieved ?? (await retrieveCandidates(source, prepared, users, context)));
  const lists = found && reorderCandidates(found, prepared, permutation);
  const parts: ChatParts = {
    ...access,
    options,
    template,
    ...(repeat > 0 && { repeat }),
    ...(lists && { candidates: (user: number) => lists.get(user)! }),
  };
  return {
    name: 'openai',
    model: 'openai',
    hyperparameters: { ...hyperparametersOf(spec), candidates },
    create: () => Promise.resolve(stored ? createReplay(parts, stored) : createChatModel(parts)),
  };
}

/** Stored answers may be any model's, so that the options that only shape a request are not known. */
function hyperparametersOf({ options, stored }: ChatSpec): Record<string, unknown> {
  const affecting = optionsAffectingResult(chatOptions, options);
  return stored?.origin === 'file'
    ? { replayed: true, historyTokens: affecting['historyTokens'] }
    : affecting;
}

/** For a dry run and for stored answers. */
export const refuseRequests: Ask = () => Promise.reject(new Error('no request may be made'));

/** Throws UsageError for a batch whose answers are not kept, and for one at the flexible tier. */
export function requireBatchSense({ batch, cache, flex }: ResolvedChatOptions): void {
  if (batch && !cache) {
    throw new UsageError({
      place: '--batch',
      found: '--no-cache',
      wanted: 'kept answers: a batch is collected there',
    });
  }
  if (batch && flex) {
    throw new UsageError({
      place: '--batch',
      found: '--flex',
      wanted: 'one of the two: each takes off half of the price, together they take off no more',
    });
  }
}

/** Throws what `createChatClient` throws, and UsageError for a budget without a price. */
export async function openClient(spec: ChatAccount, { progress }: RunContext): Promise<ChatClient> {
  const { options, resultsDir } = spec;
  const folder = options.cacheDir ?? join(resultsDir, 'cache', 'openai');
  const budget = budgetOf(spec);
  requireBatchSense(options);
  return createChatClient({
    options,
    cache: options.cache ? diskCache(folder) : noCache,
    countTokens: await tokenCounter(),
    progress,
    ...(budget && { budget }),
  });
}

function collectAnswers(ask: Ask, answers: Answer[]): Ask {
  return async (request, signal) => {
    const outcome = await ask(request, signal);
    if ('answer' in outcome) answers.push(outcome.answer);
    return outcome;
  };
}

function budgetOf(spec: ChatAccount): Budget | undefined {
  if (spec.maxCost === undefined) return undefined;
  const price = pricePaid(spec.options, spec.price);
  if (price !== undefined) return new Budget(price, spec.maxCost, spec.spending);
  throw new UsageError({
    place: '--max-cost',
    found: `no price for model '${spec.options.model}'`,
    remedy: 'Give --price-input and --price-output in USD per million tokens.',
  });
}

/** The candidates that prompts held, by user; none without `--candidates`. */
function candidatesIn({ exchanges }: ChatFitted): Candidates {
  return new Map(
    exchanges.flatMap(({ user, question: { candidates } }) =>
      candidates ? [[user, candidates] as const] : [],
    ),
  );
}

function describeCandidates(chat: ChatFitted, prepared: Prepared): Record<string, unknown> {
  const candidates = candidatesIn(chat);
  return candidates.size === 0 ? {} : { candidateRecall: candidateRecall(prepared, candidates) };
}
