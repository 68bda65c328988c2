/** The requests of a run: each user's history in words, candidates and answered examples. */
import type { TrainingSet } from '../../data/training-set.ts';
import { describeHistory, type History } from '../../language/history.ts';
import {
  buildChatMessages,
  type Message,
  type OfferedMovie,
  type PromptExample,
  type PromptParts,
  type PromptTemplate,
} from '../../language/templates.ts';
import { nameMovie } from '../../language/titles.ts';
import type { Rng } from '../../util/rng.ts';
import { rowLength } from '../../util/sparse-rows.ts';
import { reasoningTokens } from './families.ts';
import type { ResolvedChatOptions } from './options.ts';
import { countMessages } from './tokens.ts';

/** The request about one user, before it is sent. */
export interface ChatQuestion {
  user: number;
  history: History;
  messages: Message[];
  maxOutputTokens: number;
  /** Input tokens, by the model's own tokenizer. */
  inputTokens: number;
  candidates?: Int32Array;
}

export interface QuestionParts {
  options: ResolvedChatOptions;
  template: PromptTemplate;
  /** Counts a text in the model's tokens, or an estimate. */
  countTokens: (text: string) => number;
  /** The server's own count, where it has one: it decides what fits. */
  countOnServer?: ((text: string) => Promise<number | undefined>) | undefined;
  /** Movies that the history included when a recorded question was asked; undefined where that is not known. */
  includedMovies?: (user: number) => number | undefined;
  /** Item indices to choose from, in the order of the prompt. */
  candidates?: (user: number) => Int32Array;
}

/** Tokens of an answer: its frame, and each movie with a reason. */
const ANSWER_TOKENS = 200;
const TOKENS_PER_MOVIE = 80;

/** One question per user, about `k` movies unless the options say how many. `rng` draws the examples. */
export async function buildQuestions(
  train: TrainingSet,
  users: Int32Array,
  k: number,
  parts: QuestionParts,
  rng: Rng,
): Promise<ChatQuestion[]> {
  const { options, countTokens, candidates } = parts;
  const count = options.topN ?? k;
  const maxOutputTokens =
    options.maxOutputTokens ??
    ANSWER_TOKENS + TOKENS_PER_MOVIE * count + reasoningTokens(options.model, options.reasoningEffort);
  const { template } = parts;
  const shared = template.sharedExamples ? sharedExamples(train, parts, rng) : [];
  const questions: ChatQuestion[] = [];
  for (const user of users) {
    const history = await fitHistory(train, user, parts);
    const own = candidates?.(user);
    const examples = exampleUsers(train, user, options.fewShot, rng).map((other) =>
      exampleOf(train, other, parts),
    );
    const prompt: PromptParts = {
      history,
      count,
      examples: [...shared, ...examples],
      ...(own && { candidates: Array.from(own, (item) => offeredMovie(train, item)) }),
    };
    const messages = buildChatMessages(template, prompt);
    const inputTokens = countMessages(messages, countTokens);
    questions.push({
      user,
      history,
      messages,
      maxOutputTokens,
      inputTokens,
      ...(own && { candidates: own }),
    });
  }
  return questions;
}

/** Tries to fit a history by the server's count before the last one is taken. */
const MAX_FIT_TRIES = 5;

/**
 * The history as it was recorded, or the longest one within `historyTokens`, by the server's own count where that could
 * differ and there is one.
 */
async function fitHistory(
  train: TrainingSet,
  user: number,
  {
    options: { historyTokens },
    template: { form },
    countTokens,
    countOnServer,
    includedMovies,
  }: QuestionParts,
): Promise<History> {
  const maxMovies = includedMovies?.(user);
  if (maxMovies !== undefined) return describeHistory(train, user, { form, maxMovies });
  let maxTokens = historyTokens;
  for (let tries = 1; ; tries++) {
    const history = describeHistory(train, user, { form, maxTokens, countTokens });
    // Tokenizers differ by less than a factor of two: far below the limit the server need not be asked.
    if (countOnServer === undefined || 2 * countTokens(history.text) < historyTokens) return history;
    const tokens = await countOnServer(history.text);
    if (tokens === undefined || tokens <= historyTokens || tries === MAX_FIT_TRIES) return history;
    maxTokens = Math.floor((0.98 * maxTokens * historyTokens) / tokens);
  }
}

/** Movies that a few-shot example holds back as its answer, and the longest history it shows. */
const MOVIES_PER_EXAMPLE_ANSWER = 5;
const EXAMPLE_HISTORY_TOKENS = 600;

/** Users with this many ratings or more have enough for an example. */
const MIN_EXAMPLE_RATINGS = 4 * MOVIES_PER_EXAMPLE_ANSWER;

/** Servers cache the leading part of a prompt from 1,024 tokens on; some more, as their tokens may differ from ours. */
const MIN_SHARED_TOKENS = 1_100;
const MAX_SHARED_EXAMPLES = 10;

/** The same examples for every user: as many as make a leading part that servers cache. */
function sharedExamples(train: TrainingSet, parts: QuestionParts, rng: Rng): PromptExample[] {
  const { template, countTokens } = parts;
  const examples: PromptExample[] = [];
  for (const user of rng.derive('shared examples').shuffle(usersWithExamples(train))) {
    examples.push(exampleOf(train, user, parts));
    const { history } = examples[0]!;
    const messages = buildChatMessages(template, { history, count: 1, examples }).slice(0, -1);
    if (countMessages(messages, countTokens) >= MIN_SHARED_TOKENS) break;
    if (examples.length === MAX_SHARED_EXAMPLES) break;
  }
  return examples;
}

function usersWithExamples({ userCount, byUser }: TrainingSet): number[] {
  return Array.from({ length: userCount }, (_, user) => user).filter(
    (user) => rowLength(byUser, user) >= MIN_EXAMPLE_RATINGS,
  );
}

/** Other users, drawn by the user's own stream so that a prompt does not depend on who else is asked. */
function exampleUsers(train: TrainingSet, user: number, count: number, rng: Rng): number[] {
  if (count === 0) return [];
  const others = usersWithExamples(train).filter((other) => other !== user);
  return rng.derive(`examples ${train.userIds[user]}`).shuffle(others).slice(0, count);
}

/** The example's answer is what that user rated highest in train; its history leaves those movies out. */
function exampleOf(
  train: TrainingSet,
  user: number,
  { template: { form }, countTokens }: QuestionParts,
): PromptExample {
  const liked = describeHistory(train, user, { maxMovies: MOVIES_PER_EXAMPLE_ANSWER }).items;
  const history = describeHistory(train, user, {
    form,
    without: new Set(liked),
    maxTokens: EXAMPLE_HISTORY_TOKENS,
    countTokens,
  });
  return {
    history,
    liked: liked.map((item) => {
      const { title, genres } = offeredMovie(train, item);
      return { title, genres: genres.slice(0, 2) };
    }),
  };
}

function offeredMovie(train: TrainingSet, item: number): OfferedMovie {
  return { title: nameMovie(train, item), genres: train.movies.genres[item]! };
}
