/** A chat model as a recommender: the history in words goes out, titles come back and are found in the catalogue. */
import { has } from '../../data/csr.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { ground } from '../../language/grounding.ts';
import { describeHistory, type History } from '../../language/history.ts';
import { parseReply } from '../../language/reply.ts';
import { buildChatMessages, nameTemplate, type Message, type PromptParts } from '../../language/templates.ts';
import { toNaturalTitle, TitleIndex } from '../../language/titles.ts';
import { AbortedError, RecsysError } from '../../util/errors.ts';
import type { Rng } from '../../util/rng.ts';
import { rankExchanges, type Exchange, type LanguageFitted } from '../language-model.ts';
import type { FitContext, Recommender } from '../recommender.ts';
import type { Answer } from './cache.ts';
import type { Ask } from './openai-client.ts';
import { costOf, countMessages, type Price } from './cost.ts';
import type { OpenAiOptions } from './options.ts';

/** What was asked of the model about one user, before it answers. */
export interface Question {
  user: number;
  history: History;
  messages: Message[];
  maxOutputTokens: number;
  /** Input tokens, by the model's own tokenizer. */
  inputTokens: number;
  candidates?: Int32Array;
}

/** One user's question and what came of it. */
export interface ChatExchange extends Exchange {
  question: Question;
  answer?: Answer;
}

export interface ChatParts {
  options: OpenAiOptions;
  ask: Ask;
  countTokens: (text: string) => number;
  /** Item indices to choose from, in the order of the prompt. */
  candidates?: (user: number) => Int32Array;
  budget?: { price: Price; maxCost: number };
}

export interface ChatFitted extends LanguageFitted<ChatExchange> {
  /** The questions that `recommend` would ask, without asking them. */
  questions(users: Int32Array, k: number): Question[];
}

/** The untrained model; `fit` only remembers the training set. */
export function createChatModel(parts: ChatParts): Recommender<ChatFitted> {
  return {
    name: 'openai',
    async fit(train, context) {
      const titles = new TitleIndex(train.movies);
      const exchanges: ChatExchange[] = [];
      const questions = (users: Int32Array, k: number) => questionsFor(train, users, k, parts, context.rng);
      return {
        questions,
        template: templateOf(parts),
        exchanges,
        get facts() {
          return countStates(exchanges);
        },
        async recommend(users, k) {
          const asked = await askAll(questions(users, k), parts, context, (question, outcome) =>
            toExchange(train, titles, question, outcome),
          );
          exchanges.push(...asked);
          return rankExchanges(asked, k);
        },
      };
    },
  };
}

/** The name of the template that the options and parts make. */
function templateOf({ options, candidates }: ChatParts): string {
  const examples = Array.from({ length: options.fewShot }, () => ({ history: {} as never, liked: [] }));
  return nameTemplate({ examples, ...(candidates && { candidates: [] }) });
}

/** How many exchanges ended in each state. */
export function countStates(exchanges: readonly Pick<Exchange, 'state'>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of exchanges) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** A question and its answer as an exchange; also used for stored answers. */
export function toExchange(
  train: TrainingSet,
  titles: TitleIndex,
  question: Question,
  outcome: { answer: Answer } | { failure: string },
): ChatExchange {
  const { user, history, candidates } = question;
  const about = { question, user, history };
  if ('failure' in outcome) return { ...about, state: 'failed', reply: outcome.failure, entries: [] };
  const { answer } = outcome;
  if (answer.refusal !== null)
    return { ...about, state: 'refused', reply: answer.refusal, entries: [], answer };
  const reply = parseReply(answer.text, answer.finishReason === 'length');
  const entries = 'entries' in reply ? reply.entries : [];
  const grounded = ground(candidates ? entries : entries.map(({ title, reason }) => ({ title, reason })), {
    titles,
    inCatalogue: (item) => train.byItem.pointers[item + 1]! > train.byItem.pointers[item]!,
    seen: (item) => has(train.byUser, user, item),
    ...(candidates && { candidates }),
  });
  return { ...about, state: reply.state, reply: answer.text, entries: grounded, answer };
}

function questionsFor(
  train: TrainingSet,
  users: Int32Array,
  k: number,
  { options, countTokens, candidates }: ChatParts,
  rng: Rng,
): Question[] {
  const count = options.topN ?? k;
  const maxOutputTokens = options.maxOutputTokens ?? 200 + 80 * count;
  const limits = { maxTokens: options.historyTokens, countTokens };
  return Array.from(users, (user) => {
    const history = describeHistory(train, user, limits);
    const own = candidates?.(user);
    const parts: PromptParts = {
      history,
      count,
      examples: exampleUsers(train, user, options.fewShot, rng).map((other) =>
        exampleOf(train, other, countTokens),
      ),
      ...(own && { candidates: Array.from(own, (item) => toNaturalTitle(train.movies.titles[item]!)) }),
    };
    const messages = buildChatMessages(parts);
    const inputTokens = countMessages(messages, countTokens);
    return { user, history, messages, maxOutputTokens, inputTokens, ...(own && { candidates: own }) };
  });
}

/** Movies that a few-shot example holds back as its answer, and the length of its history. */
const EXAMPLE_ANSWERS = 5;
const EXAMPLE_TOKENS = 600;

/** Other users with enough ratings, drawn by the user's own stream so that a prompt does not depend on who else is asked. */
function exampleUsers(train: TrainingSet, user: number, count: number, rng: Rng): number[] {
  if (count === 0) return [];
  const { pointers } = train.byUser;
  const enough = (other: number) =>
    other !== user && pointers[other + 1]! - pointers[other]! >= 4 * EXAMPLE_ANSWERS;
  const others = Array.from({ length: train.userCount }, (_, other) => other).filter(enough);
  return rng.derive(`examples ${train.userIds[user]}`).shuffle(others).slice(0, count);
}

/** The example's answer is what that user rated highest in train; its history leaves those movies out. */
function exampleOf(train: TrainingSet, user: number, countTokens: (text: string) => number) {
  const liked = describeHistory(train, user, { maxMovies: EXAMPLE_ANSWERS }).items;
  const history = describeHistory(train, user, {
    without: new Set(liked),
    maxTokens: EXAMPLE_TOKENS,
    countTokens,
  });
  return {
    history,
    liked: liked.map((item) => ({
      title: toNaturalTitle(train.movies.titles[item]!),
      genres: train.movies.genres[item]!.slice(0, 2),
    })),
  };
}

/** Asks with bounded concurrency, in order, within the budget; answers are kept by `ask` as they come. */
async function askAll(
  questions: Question[],
  { options, ask, budget }: ChatParts,
  { progress, signal, rng }: FitContext,
  conclude: (question: Question, outcome: Awaited<ReturnType<Ask>>) => ChatExchange,
): Promise<ChatExchange[]> {
  const exchanges: ChatExchange[] = [];
  const task = progress.start(options.model, questions.length, 'users');
  const seed = rng.derive('sampling').int(2 ** 31);
  let spent = 0;
  let next = 0;
  let done = 0;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const worker = async () => {
    while (next < questions.length && !either.aborted) {
      const at = next++;
      const question = questions[at]!;
      const { messages, maxOutputTokens, inputTokens, candidates } = question;
      const most = budget ? costOf({ input: inputTokens, output: maxOutputTokens }, budget.price) : 0;
      if (budget && spent + most > budget.maxCost)
        throw overBudget(budget.maxCost, spent, done, questions.length);
      spent += most; // reserved until the answer says what it cost
      const outcome = await ask(
        { messages, maxOutputTokens, seed, numbered: candidates !== undefined },
        either,
      );
      if (budget) {
        const free = 'failure' in outcome || outcome.fromCache;
        spent += (free ? 0 : costOf(outcome.answer.usage, budget.price)) - most;
      }
      exchanges[at] = conclude(question, outcome);
      done++;
      task.advance();
    }
  };
  try {
    const workers = Array.from({ length: Math.min(options.concurrency, questions.length) }, worker);
    await Promise.all(
      workers.map((work) =>
        work.catch((error: unknown) => {
          stop.abort();
          throw error;
        }),
      ),
    );
  } catch (error) {
    if (signal.aborted) throw stopped(done, questions.length);
    throw error;
  } finally {
    task.finish();
  }
  if (signal.aborted) throw stopped(done, questions.length);
  return exchanges;
}

function stopped(done: number, total: number): AbortedError {
  return new AbortedError({
    found: `stopped: ${done} of ${total} answers are kept and will not be asked for again`,
  });
}

function overBudget(maxCost: number, spent: number, done: number, total: number): RecsysError {
  return new RecsysError({
    place: '--max-cost',
    found: `the next request could exceed ${maxCost} USD (${spent.toFixed(4)} spent or reserved, ${done} of ${total} users answered)`,
    remedy: 'The answers so far are kept: raise the limit and run again, or ask fewer users.',
  });
}
