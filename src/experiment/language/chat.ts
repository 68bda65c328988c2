/** GPT-4o's recommendations for a sample of users: asked or replayed, with candidates, hybrids and company. */
import { join } from 'node:path';
import { rankByScore, TextIndex } from '../../language/bm25.ts';
import { describeHistory } from '../../language/history.ts';
import { nameTemplate } from '../../language/templates.ts';
import { TitleIndex } from '../../language/titles.ts';
import { diskCache, noCache } from '../../models/chat/cache.ts';
import { chatClient } from '../../models/chat/openai-client.ts';
import { costOf, priceOf } from '../../models/chat/cost.ts';
import { PRICES_AS_OF, type Price } from '../../models/chat/families.ts';
import {
  countStates,
  createChatModel,
  toExchange,
  type ChatExchange,
  type ChatParts,
} from '../../models/chat/index.ts';
import type { ChatOptions } from '../../models/chat/options.ts';
import type { ChatQuestion } from '../../models/chat/questions.ts';
import { tokenCounter } from '../../models/chat/tokens.ts';
import { rankExchanges } from '../../models/language-model.ts';
import type { TopK } from '../../models/recommender.ts';
import { createModel, specOf } from '../../models/registry.ts';
import { UsageError } from '../../util/errors.ts';
import { Rng } from '../../util/rng.ts';
import { Stopwatch } from '../environment.ts';
import { chooseHybridWeight, hybridLists } from './hybrid.ts';
import { chooseUsers, languagePart } from './texts.ts';
import { prepare, type Prepared } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import type { LanguageRecord, ModelResult } from '../record.ts';
import { readStoredAnswers } from './replay.ts';
import type { RunContext } from '../run.ts';
import { buildRecord, scoreLists } from '../score.ts';

export interface OpenAiSpec {
  options: ChatOptions;
  data: DataOptions;
  protocol: Protocol;
  /** Released ids, comma-separated; or a sample of `numUsers`. */
  users?: string;
  numUsers: number;
  /** "none", "mf:100" or "bm25:100". */
  candidates: string;
  /** Name of a model to blend with. */
  hybrid?: string;
  /** Weight of the language model in the blend, 0 to 1; chosen on validation users when absent. */
  hybridWeight?: number;
  /** Names of models to evaluate on the same users. */
  compareWith: string[];
  replay?: string;
  maxCost?: number;
  /** Overrides the price table. */
  price?: Price;
  resultsDir: string;
}

export interface CostEstimate {
  users: number;
  inputTokens: number;
  /** The most that the answers can have. */
  outputTokens: number;
  /** USD; undefined when the model's price is not known. */
  cost?: number;
  pricesAsOf: string;
  questions: ChatQuestion[];
}

/** What a run would ask and cost at most, without asking. A hybrid's validation users are counted in. */
export async function estimateOpenAi(spec: OpenAiSpec, context: RunContext): Promise<CostEstimate> {
  const setting = await setUp(spec, context);
  const fitted = await createChatModel(await chatParts(spec, setting, context, noRequests)).fit(
    setting.prepared.train,
    fitContext(setting.prepared, context),
  );
  const questions = fitted.questions(setting.users, topK(spec));
  const times = spec.hybrid !== undefined && spec.hybridWeight === undefined ? 2 : 1;
  const inputTokens = times * questions.reduce((sum, question) => sum + question.inputTokens, 0);
  const outputTokens = times * questions.reduce((sum, question) => sum + question.maxOutputTokens, 0);
  const price = spec.price ?? priceOf(spec.options.model);
  return {
    users: questions.length,
    inputTokens,
    outputTokens,
    ...(price && { cost: costOf({ input: inputTokens, output: outputTokens }, price) }),
    pricesAsOf: spec.price ? 'your own' : PRICES_AS_OF,
    questions,
  };
}

/**
 * Asks (or replays), grounds and scores. Throws what `chatClient` throws, DataError for bad data or a bad replay file,
 * and RecsysError when the next request could exceed `maxCost`; answers that came are kept.
 */
export async function runOpenAi(spec: OpenAiSpec, context: RunContext): Promise<LanguageRecord> {
  const setting = await setUp(spec, context);
  const { prepared, users, watch } = setting;
  const conversations = await watch.time('openai.recommend', () =>
    spec.replay === undefined ? converse(spec, setting, context) : replay(spec, setting),
  );
  const lists = { users, ...rankExchanges(conversations, topK(spec)) };
  const hyperparameters = shapingOptions(spec);
  const chat = scoreLists(prepared, { name: 'openai', model: 'openai', hyperparameters }, lists, {
    asked: users,
  });
  chat.facts = countStates(conversations);
  const models = [chat, ...(await company(spec, setting, context))];
  const weight = await blendInto(models, spec, setting, context, lists);
  const record = buildRecord('openai', prepared, models, watch);
  return {
    ...record,
    language: languagePart(prepared, templateOf(spec), conversations, {
      ...usage(conversations, spec),
      ...(spec.candidates !== 'none' && { candidateRecall: candidateRecall(prepared, conversations) }),
      ...(weight !== undefined && { hybridWeight: weight }),
    }),
    timing: { ...record.timing, ...latencies(conversations) },
  };
}

interface Setting {
  prepared: Prepared;
  users: Int32Array;
  watch: Stopwatch;
  /** With --replay: the stored text of each user, in the order of `users`. */
  stored?: string[];
}

async function setUp(spec: OpenAiSpec, context: RunContext): Promise<Setting> {
  const watch = new Stopwatch();
  const prepared = await prepare(spec.data, spec.protocol, context, watch);
  if (prepared.dataset.movies.titles.every((title) => title === '')) {
    throw new UsageError({
      place: '--train',
      found: 'ratings without titles',
      wanted: 'titles to write prompts and to find answers',
      remedy: 'Add --dataset NAME|DIR, whose movies.csv has them.',
    });
  }
  if (spec.replay === undefined) {
    const choice = { ...(spec.users !== undefined && { ids: spec.users }), count: spec.numUsers };
    return { prepared, users: chooseUsers(prepared, choice), watch };
  }
  const answers = await readStoredAnswers(spec.replay);
  const textOf = new Map(answers.map(({ userId, text }) => [userId, text]));
  const users = chooseUsers(prepared, { ids: spec.users ?? [...textOf.keys()].join(','), count: 0 });
  const stored = Array.from(users, (user) => textOf.get(prepared.dataset.userIds[user]!) ?? '');
  return { prepared, users, watch, stored };
}

/** Length of the lists: the longest cut-off. */
function topK({ protocol }: OpenAiSpec): number {
  return protocol.k.at(-1)!;
}

function fitContext({ protocol }: Prepared, context: RunContext, name = 'openai') {
  return { ...context, rng: new Rng(protocol.seed).derive(`model:${name}`) };
}

const noRequests: ChatParts['ask'] = () => Promise.reject(new Error('a dry run asks nobody'));

async function chatParts(
  spec: OpenAiSpec,
  { prepared, users }: Pick<Setting, 'prepared' | 'users'>,
  context: RunContext,
  ask: ChatParts['ask'],
): Promise<ChatParts> {
  const lists = await candidateLists(spec.candidates, prepared, users, context);
  const price = spec.price ?? priceOf(spec.options.model);
  if (spec.maxCost !== undefined && price === undefined) {
    throw new UsageError({
      place: '--max-cost',
      found: `no price for model '${spec.options.model}'`,
      remedy: 'Give --price-input and --price-output in USD per million tokens.',
    });
  }
  return {
    options: spec.options,
    ask,
    countTokens: await tokenCounter(),
    ...(lists && { candidates: (user: number) => lists.get(user)! }),
    ...(price && spec.maxCost !== undefined && { budget: { price, maxCost: spec.maxCost } }),
  };
}

async function converse(spec: OpenAiSpec, setting: Setting, context: RunContext): Promise<ChatExchange[]> {
  const { prepared, users } = setting;
  const parts = await chatParts(spec, setting, context, await client(spec));
  const fitted = await createChatModel(parts).fit(prepared.train, fitContext(prepared, context));
  await fitted.recommend(users, topK(spec));
  return [...fitted.exchanges];
}

async function client({ options, resultsDir }: OpenAiSpec) {
  const folder = options.cacheDir ?? join(resultsDir, 'cache', 'openai');
  return chatClient(options, options.cache ? diskCache(folder) : noCache);
}

async function replay(
  { options }: OpenAiSpec,
  { prepared, users, stored }: Setting,
): Promise<ChatExchange[]> {
  const titles = new TitleIndex(prepared.dataset.movies);
  return Array.from(users, (user, n) => {
    const history = describeHistory(prepared.train, user);
    const question = { user, history, messages: [], maxOutputTokens: 0, inputTokens: 0 };
    const answer = {
      text: stored![n]!,
      refusal: null,
      finishReason: 'stop',
      model: options.model,
      usage: { input: 0, output: 0 },
      latencySeconds: 0,
    };
    return toExchange(prepared.train, titles, question, { answer });
  });
}

/** The candidates of each user, in a shuffled order so that their rank tells the model nothing. */
async function candidateLists(
  kind: string,
  prepared: Prepared,
  users: Int32Array,
  context: RunContext,
): Promise<Map<number, Int32Array> | undefined> {
  if (kind === 'none') return undefined;
  const [name, length] = kind.split(':') as [string, string];
  const count = Number(length);
  const list =
    name === 'bm25'
      ? bm25Lists(prepared, users, count)
      : await modelLists(name, prepared, users, count, context);
  const rng = new Rng(prepared.protocol.seed).derive('candidates');
  return new Map(
    Array.from(users, (user, row) => {
      const own = list.items.slice(row * list.k, (row + 1) * list.k).filter((item) => item >= 0);
      return [user, rng.derive(String(prepared.dataset.userIds[user])).shuffle(own)];
    }),
  );
}

/** Movies a user's history is summarised by for the text index: those told first when it is cut. */
const LIKED = 20;

function bm25Lists({ train }: Prepared, users: Int32Array, k: number): TopK {
  const index = new TextIndex(train);
  const items = new Int32Array(users.length * k).fill(-1);
  for (const [row, user] of users.entries()) {
    const liked = describeHistory(train, user, { maxMovies: LIKED }).items;
    items.set(rankByScore(index.score(liked), train, user).subarray(0, k), row * k);
  }
  return { k, items, scores: new Float32Array(items.length) };
}

async function modelLists(
  name: string,
  prepared: Prepared,
  users: Int32Array,
  k: number,
  context: RunContext,
): Promise<TopK> {
  const model = await createModel(specOf(name));
  const fitted = await model.fit(prepared.train, fitContext(prepared, context, name));
  try {
    return await fitted.recommend(users, k);
  } finally {
    await fitted.dispose?.();
  }
}

/** The baselines on the same users. */
async function company(spec: OpenAiSpec, setting: Setting, context: RunContext): Promise<ModelResult[]> {
  const { prepared, users, watch } = setting;
  const results: ModelResult[] = [];
  for (const name of spec.compareWith) {
    const lists = await watch.time(name, () => modelLists(name, prepared, users, topK(spec), context));
    results.push(scoreLists(prepared, specOf(name), { users, ...lists }, { asked: users }));
  }
  return results;
}

/** Adds the hybrid's result; returns the weight that was used. */
async function blendInto(
  models: ModelResult[],
  spec: OpenAiSpec,
  setting: Setting,
  context: RunContext,
  lists: TopK,
): Promise<number | undefined> {
  if (spec.hybrid === undefined) return undefined;
  const { prepared, users } = setting;
  const name = spec.hybrid;
  const lengths = { chat: topK(spec), baseline: 100 };
  const weight =
    spec.hybridWeight ??
    (await chooseHybridWeight(prepared, users, spec.protocol, async (inner, others) => ({
      chat: rankExchanges(
        await converse(spec, { ...setting, prepared: inner, users: others }, context),
        lengths.chat,
      ),
      baseline: await modelLists(name, inner, others, lengths.baseline, context),
    })));
  const baseline = await modelLists(name, prepared, users, lengths.baseline, context);
  const blend = { users, ...hybridLists(lists, baseline, weight, lengths.chat) };
  const model = {
    name: `openai+${name}`,
    model: 'hybrid',
    hyperparameters: { weight, models: ['openai', name] },
  };
  models.push(scoreLists(prepared, model, blend, { asked: users }));
  return weight;
}

function templateOf({ options, candidates }: OpenAiSpec): string {
  const examples = Array.from({ length: options.fewShot }, () => ({ history: {} as never, liked: [] }));
  return nameTemplate({ examples, ...(candidates !== 'none' && { candidates: [] }) });
}

/** Options that shape the answers; the others may differ between two runs with equal records. */
function shapingOptions({ options, candidates, replay: file }: OpenAiSpec): Record<string, unknown> {
  const { model, temperature, topN, maxOutputTokens, historyTokens, fewShot } = options;
  if (file !== undefined) return { replayed: true };
  return { model, temperature, topN, maxOutputTokens, historyTokens, fewShot, candidates };
}

function usage(conversations: ChatExchange[], { options, price }: OpenAiSpec) {
  const total = { input: 0, output: 0 };
  for (const { answer } of conversations) {
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

/** Mean share of a user's relevant test items that the candidates hold: no answer can recall more. */
function candidateRecall({ relevant }: Prepared, conversations: ChatExchange[]): number {
  const recalls = conversations.flatMap(({ question: { user, candidates } }) => {
    const own = relevant.indices.subarray(relevant.pointers[user], relevant.pointers[user + 1]);
    if (own.length === 0 || candidates === undefined) return [];
    return [own.filter((item) => candidates.includes(item)).length / own.length];
  });
  return recalls.reduce((sum, recall) => sum + recall, 0) / Math.max(1, recalls.length);
}

/** Percentiles of the seconds that answers took, as they were measured when they came. */
function latencies(conversations: ChatExchange[]): Record<string, number> {
  const seconds = conversations.flatMap(({ answer }) => answer?.latencySeconds ?? []).sort((a, b) => a - b);
  if (seconds.length === 0) return {};
  const at = (share: number) => seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))]!;
  return { 'openai.latency.p50': at(0.5), 'openai.latency.p90': at(0.9), 'openai.latency.p99': at(0.99) };
}
