/** A chat model as a recommender: the history in words goes out, titles come back and are found in the catalogue. */
import pLimit from 'p-limit';
import { has } from '../../data/csr.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { ground } from '../../language/grounding.ts';
import { parseReply } from '../../language/reply.ts';
import { nameTemplate } from '../../language/templates.ts';
import { TitleIndex } from '../../language/titles.ts';
import { AbortedError, RecsysError } from '../../util/errors.ts';
import { rankExchanges, type Exchange, type LanguageFitted } from '../language-model.ts';
import type { FitContext, Recommender } from '../recommender.ts';
import type { Ask, AskOutcome } from './ask.ts';
import type { Answer } from './cache.ts';
import { costOf } from './cost.ts';
import type { Price } from './families.ts';
import { questionsFor, type ChatQuestion, type QuestionParts } from './questions.ts';

/** One user's question and its outcome. */
export interface ChatExchange extends Exchange {
  question: ChatQuestion;
  answer?: Answer;
}

export interface ChatParts extends QuestionParts {
  ask: Ask;
  budget?: { price: Price; maxCost: number };
}

export interface ChatFitted extends LanguageFitted<ChatExchange> {
  /** The questions that `recommend` would ask, without asking them. */
  questions(users: Int32Array, k: number): ChatQuestion[];
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
  question: ChatQuestion,
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

/** Asks with bounded concurrency, in order, within the budget; answers are kept by `ask` as they come. */
async function askAll(
  questions: ChatQuestion[],
  { options, ask, budget }: ChatParts,
  { progress, signal, rng }: FitContext,
  conclude: (question: ChatQuestion, outcome: AskOutcome) => ChatExchange,
): Promise<ChatExchange[]> {
  const task = progress.start(options.model, questions.length, 'users');
  const seed = rng.derive('sampling').int(2 ** 31);
  const failed = new AbortController();
  const anyStop = AbortSignal.any([signal, failed.signal]);
  let spent = 0;
  let done = 0;
  const askOne = async (question: ChatQuestion) => {
    anyStop.throwIfAborted();
    const { messages, maxOutputTokens, inputTokens, candidates } = question;
    const most = budget ? costOf({ input: inputTokens, output: maxOutputTokens }, budget.price) : 0;
    if (budget && spent + most > budget.maxCost)
      throw budgetError(budget.maxCost, spent, done, questions.length);
    spent += most; // reserved until the answer says what it cost
    const outcome = await ask(
      { messages, maxOutputTokens, seed, numbered: candidates !== undefined },
      anyStop,
    );
    if (budget) {
      const free = 'failure' in outcome || outcome.fromCache;
      spent += (free ? 0 : costOf(outcome.answer.usage, budget.price)) - most;
    }
    done++;
    task.advance();
    return conclude(question, outcome);
  };
  try {
    return await pLimit(options.concurrency).map(questions, async (question) => {
      try {
        return await askOne(question);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    });
  } catch (error) {
    if (signal.aborted) throw stoppedError(done, questions.length);
    throw error;
  } finally {
    task.finish();
  }
}

function stoppedError(done: number, total: number): AbortedError {
  return new AbortedError({
    found: `stopped: ${done} of ${total} answers are kept and will not be asked for again`,
  });
}

function budgetError(maxCost: number, spent: number, done: number, total: number): RecsysError {
  return new RecsysError({
    place: '--max-cost',
    found: `the next request could exceed ${maxCost} USD (${spent.toFixed(4)} spent or reserved, ${done} of ${total} users answered)`,
    remedy: 'The answers so far are kept: raise the limit and run again, or ask fewer users.',
  });
}
