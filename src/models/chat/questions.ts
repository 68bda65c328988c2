/** The requests of a run: each user's history in words, candidates and answered examples. */
import type { TrainingSet } from '../../data/training-set.ts';
import { describeHistory, type History } from '../../language/history.ts';
import { buildChatMessages, type Message, type PromptParts } from '../../language/templates.ts';
import { toNaturalTitle } from '../../language/titles.ts';
import type { Rng } from '../../util/rng.ts';
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
  /** Counts a text in the model's tokens, or an estimate. */
  countTokens: (text: string) => number;
  /** The server's own count, where it has one: it decides what fits. */
  countOnServer?: ((text: string) => Promise<number | undefined>) | undefined;
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
  const questions: ChatQuestion[] = [];
  for (const user of users) {
    const history = await fitHistory(train, user, parts);
    const own = candidates?.(user);
    const prompt: PromptParts = {
      history,
      count,
      examples: exampleUsers(train, user, options.fewShot, rng).map((other) =>
        exampleOf(train, other, countTokens),
      ),
      ...(own && { candidates: Array.from(own, (item) => toNaturalTitle(train.movies.titles[item]!)) }),
    };
    const messages = buildChatMessages(prompt);
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

/** The longest history within `historyTokens`, by the server's own count where that could differ and there is one. */
async function fitHistory(
  train: TrainingSet,
  user: number,
  { options: { historyTokens }, countTokens, countOnServer }: QuestionParts,
): Promise<History> {
  let maxTokens = historyTokens;
  for (let tries = 1; ; tries++) {
    const history = describeHistory(train, user, { maxTokens, countTokens });
    // Tokenizers differ by less than a factor of two: far below the limit nobody need be asked.
    if (countOnServer === undefined || 2 * countTokens(history.text) < historyTokens) return history;
    const tokens = await countOnServer(history.text);
    if (tokens === undefined || tokens <= historyTokens || tries === MAX_FIT_TRIES) return history;
    maxTokens = Math.floor((0.98 * maxTokens * historyTokens) / tokens);
  }
}

/** Movies that a few-shot example holds back as its answer, and the longest history it shows. */
const MOVIES_PER_EXAMPLE_ANSWER = 5;
const EXAMPLE_HISTORY_TOKENS = 600;

/** Other users with enough ratings, drawn by the user's own stream so that a prompt does not depend on who else is asked. */
function exampleUsers(train: TrainingSet, user: number, count: number, rng: Rng): number[] {
  if (count === 0) return [];
  const { pointers } = train.byUser;
  const enough = (other: number) =>
    other !== user && pointers[other + 1]! - pointers[other]! >= 4 * MOVIES_PER_EXAMPLE_ANSWER;
  const others = Array.from({ length: train.userCount }, (_, other) => other).filter(enough);
  return rng.derive(`examples ${train.userIds[user]}`).shuffle(others).slice(0, count);
}

/** The example's answer is what that user rated highest in train; its history leaves those movies out. */
function exampleOf(train: TrainingSet, user: number, countTokens: (text: string) => number) {
  const liked = describeHistory(train, user, { maxMovies: MOVIES_PER_EXAMPLE_ANSWER }).items;
  const history = describeHistory(train, user, {
    without: new Set(liked),
    maxTokens: EXAMPLE_HISTORY_TOKENS,
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
