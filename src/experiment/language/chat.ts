/** A chat model under the protocol: asked, or scored from stored answers. */
import { join } from 'node:path';
import { diskCache, noCache } from '../../models/chat/cache.ts';
import { chatClient } from '../../models/chat/openai-client.ts';
import { costOf, priceOf } from '../../models/chat/cost.ts';
import { PRICES_AS_OF, type Price } from '../../models/chat/families.ts';
import { createChatModel, type ChatFitted, type ChatParts } from '../../models/chat/index.ts';
import { chatOptions, type ChatOptions } from '../../models/chat/options.ts';
import { tokenCounter } from '../../models/chat/tokens.ts';
import type { ModelSpec } from '../../models/registry.ts';
import { UsageError } from '../../util/errors.ts';
import { optionsAffectingResult } from '../../util/options.ts';
import type { Prepared } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import type { LanguageRecord } from '../record.ts';
import type { RunContext, RunnableModel } from '../run.ts';
import { candidateRecall, parseCandidates, retrieveCandidates, type Candidates } from './candidates.ts';
import type { Hybrid } from './hybrid.ts';
import { createReplay, type StoredAnswers } from './replay.ts';
import { prepareLanguage, runLanguageModel, type LanguageSetting } from './run.ts';
import { findUsers, sampleUsers } from './texts.ts';

export interface ChatSpec {
  options: ChatOptions;
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
  /** USD. */
  maxCost?: number;
  /** Overrides the price table. */
  price?: Price;
  resultsDir: string;
}

/**
 * Asks (or replays), grounds and scores. Throws what `chatClient` throws, DataError for bad data or a bad replay file,
 * and RecsysError when the next request could exceed `maxCost`; answers that came are kept.
 */
export async function runChat(spec: ChatSpec, context: RunContext): Promise<LanguageRecord> {
  const { protocol, comparisonModels, hybrid } = spec;
  const ask = spec.stored === undefined ? await openClient(spec) : refuseRequests;
  const setting = await prepareChat(spec, context);
  const { record, fitted } = await runLanguageModel(
    setting,
    (prepared, users) => chatModel(spec, ask, prepared, users, context),
    { experiment: 'openai', protocol, comparisonModels, ...(hybrid && { hybrid }) },
    (chat) => ({ ...describeUsage(chat, spec), ...describeCandidates(chat, setting.prepared) }),
    context,
  );
  return { ...record, timing: { ...record.timing, ...latencyPercentiles(fitted) } };
}

/** Data, split and the users that are asked: those named, those of the stored answers, or a sample. */
export function prepareChat(
  { data, protocol, userIds, numUsers, stored }: ChatSpec,
  context: RunContext,
): Promise<LanguageSetting> {
  const ids = userIds ?? (stored && [...stored.keys()]);
  return prepareLanguage(
    data,
    protocol,
    (prepared) => (ids === undefined ? sampleUsers(prepared, numUsers) : findUsers(prepared, ids)),
    context,
  );
}

/** The chat model for the runner, with the candidates of `users` in its prompts. */
export async function chatModel(
  spec: ChatSpec,
  ask: ChatParts['ask'],
  prepared: Prepared,
  users: Int32Array,
  context: RunContext,
): Promise<RunnableModel<ChatFitted>> {
  const { options, candidates, stored } = spec;
  const source = parseCandidates(candidates);
  const lists = source && (await retrieveCandidates(source, prepared, users, context));
  const budget = budgetOf(spec);
  const parts: ChatParts = {
    options,
    ask,
    countTokens: await tokenCounter(),
    ...(lists && { candidates: (user: number) => lists.get(user)! }),
    ...(budget && { budget }),
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
export const refuseRequests: ChatParts['ask'] = () => Promise.reject(new Error('no request may be made'));

async function openClient({ options, resultsDir }: ChatSpec): Promise<ChatParts['ask']> {
  const folder = options.cacheDir ?? join(resultsDir, 'cache', 'openai');
  return await chatClient(options, options.cache ? diskCache(folder) : noCache);
}

function budgetOf({ options, price = priceOf(options.model), maxCost }: ChatSpec): ChatParts['budget'] {
  if (maxCost === undefined) return undefined;
  if (price !== undefined) return { price, maxCost };
  throw new UsageError({
    place: '--max-cost',
    found: `no price for model '${options.model}'`,
    remedy: 'Give --price-input and --price-output in USD per million tokens.',
  });
}

function describeCandidates({ exchanges }: ChatFitted, prepared: Prepared): Record<string, unknown> {
  const candidates: Candidates = new Map(
    exchanges.flatMap(({ user, question }) =>
      question.candidates ? [[user, question.candidates] as const] : [],
    ),
  );
  return candidates.size === 0 ? {} : { candidateRecall: candidateRecall(prepared, candidates) };
}

function describeUsage({ exchanges }: ChatFitted, { options, price }: ChatSpec): Record<string, unknown> {
  const total = { input: 0, output: 0 };
  for (const { answer } of exchanges) {
    total.input += answer?.usage.input ?? 0;
    total.output += answer?.usage.output ?? 0;
  }
  const known = price ?? priceOf(options.model);
  return {
    inputTokens: total.input,
    outputTokens: total.output,
    ...(known && { costUsd: costOf(total, known), pricesAsOf: price ? 'given by the user' : PRICES_AS_OF }),
  };
}

/** Percentiles of the seconds that answers took, as they were measured when they came. */
function latencyPercentiles({ exchanges }: ChatFitted): Record<string, number> {
  const seconds = exchanges.flatMap(({ answer }) => answer?.latencySeconds ?? []).sort((a, b) => a - b);
  if (seconds.length === 0) return {};
  const at = (share: number) => seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))]!;
  return { 'openai.latency.p50': at(0.5), 'openai.latency.p90': at(0.9), 'openai.latency.p99': at(0.99) };
}
