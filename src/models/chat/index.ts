/** A chat model as a recommender: the history in words goes out, titles come back and are found in the catalogue. */
import { has } from '../../data/csr.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { ground } from '../../language/grounding.ts';
import { nameTemplate } from '../../language/templates.ts';
import { TitleIndex } from '../../language/titles.ts';
import { AbortedError, RecsysError } from '../../util/errors.ts';
import { countStates, rankExchanges, type Exchange, type LanguageFitted } from '../language-model.ts';
import type { FitContext, Recommender } from '../recommender.ts';
import { askAll } from './ask-all.ts';
import type { Ask, AskOutcome, ChatRequest } from './ask.ts';
import type { Answer } from './cache.ts';
import { readAnswer } from './reading.ts';
import { buildQuestions, type ChatQuestion, type QuestionParts } from './questions.ts';

/** One user's question and its outcome. */
export interface ChatExchange extends Exchange {
  question: ChatQuestion;
  answer?: Answer;
}

export interface ChatParts extends QuestionParts {
  ask: Ask;
  /** Has the answers of many requests kept before they are asked for one by one. */
  askInBatch?: ((requests: readonly ChatRequest[], signal: AbortSignal) => Promise<void>) | undefined;
  /** How often each question was asked before in this run; answers are kept apart by it. */
  repeat?: number;
}

export interface ChatFitted extends LanguageFitted<ChatExchange> {
  /** The questions that `recommend` would ask, without asking them. */
  questions(users: Int32Array, k: number): Promise<ChatQuestion[]>;
}

/** The untrained model; `fit` only remembers the training set. */
export function createChatModel(parts: ChatParts): Recommender<ChatFitted> {
  return {
    name: 'openai',
    async fit(train, context) {
      const titles = new TitleIndex(train.movies);
      const exchanges: ChatExchange[] = [];
      const questions = (users: Int32Array, k: number) => buildQuestions(train, users, k, parts, context.rng);
      return {
        questions,
        template: nameTemplate(parts.template, {
          examples: parts.options.fewShot,
          hasCandidates: parts.candidates !== undefined,
        }),
        exchanges,
        get facts() {
          return countStates(exchanges);
        },
        async recommend(users, k) {
          const asked = await askQuestions(await questions(users, k), parts, context, (question, outcome) =>
            toExchange(train, titles, question, outcome),
          );
          exchanges.push(...asked);
          requireAnswers(asked);
          return rankExchanges(asked, k);
        },
      };
    },
  };
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
  const { state, text, entries } = readAnswer(answer);
  const grounded = ground(entries, {
    titles,
    inCatalogue: (item) => train.ratingCounts[item]! > 0,
    seen: (item) => has(train.byUser, user, item),
    ...(candidates && { candidates }),
  });
  return { ...about, state, reply: text, entries: grounded, answer };
}

/** Asks all questions; answers are kept by `ask` as they come. */
async function askQuestions(
  questions: ChatQuestion[],
  { options, ask, askInBatch, repeat = 0 }: ChatParts,
  { progress, signal, rng }: FitContext,
  conclude: (question: ChatQuestion, outcome: AskOutcome) => ChatExchange,
): Promise<ChatExchange[]> {
  const seed = rng.derive('sampling').int(2 ** 31);
  const requestOf = ({ messages, inputTokens, maxOutputTokens, candidates }: ChatQuestion): ChatRequest => ({
    messages,
    inputTokens,
    maxOutputTokens,
    seed: seed + repeat,
    numbered: candidates !== undefined,
    ...(repeat > 0 && { repeat }),
  });
  if (askInBatch) await collectBatch(() => askInBatch(questions.map(requestOf), signal), signal);
  return await askAll(
    questions,
    { options, unit: 'users', progress, signal },
    (question, stop) => ask(requestOf(question), stop),
    conclude,
  );
}

async function collectBatch(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new AbortedError({ found: 'stopped: what the batch holds goes on; the same command collects it' });
  }
}

/** What a state without a single recommendation is called, where it says nothing about the model's taste. */
const WITHOUT_ANSWER: Partial<Record<Exchange['state'], string>> = {
  failed: 'failed',
  empty: 'empty',
  filtered: 'filtered',
  truncated: 'cut off before the first recommendation',
};

/**
 * Throws RecsysError when no user's question was answered: scores of that would be zeros that mean nothing. A refusal, a text
 * without recommendations and an empty list are answers.
 */
export function requireAnswers(exchanges: readonly Exchange[]): void {
  const isAnswer = ({ state, entries }: Exchange) => entries.length > 0 || !(state in WITHOUT_ANSWER);
  const [first] = exchanges;
  if (first === undefined || exchanges.some(isAnswer)) return;
  const count = exchanges.length;
  const counts = countStates(exchanges);
  if (counts['failed'] === count) {
    throw new RecsysError({
      place: 'openai',
      found: `${count === 1 ? 'the one request' : `all ${count} requests`} failed, the first with: ${first.reply}`,
      remedy: 'No record was written.',
    });
  }
  const shares = Object.entries(WITHOUT_ANSWER).flatMap(([state, words]) =>
    counts[state] === undefined ? [] : [`${counts[state]} ${words}`],
  );
  const failure = exchanges.find(({ state }) => state === 'failed');
  throw new RecsysError({
    place: 'openai',
    found:
      `no recommendation in ${count === 1 ? 'the one answer' : `any of ${count} answers`}: ${shares.join(', ')}` +
      (failure ? `, the first with: ${failure.reply}` : ''),
    wanted: 'at least one answer',
    remedy:
      'No record was written. Raise --max-output-tokens for a model that thinks, or try another --prompt or --model. ' +
      'What is empty or failed is not kept and is asked again.',
  });
}
