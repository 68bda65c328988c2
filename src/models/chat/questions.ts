/** The requests of a run: each user's history in words, candidates and answered examples. */
import type { TrainingSet } from '../../data/training-set.ts';
import { describeHistory, type History } from '../../language/history.ts';
import { buildChatMessages, type Message, type PromptParts } from '../../language/templates.ts';
import { toNaturalTitle } from '../../language/titles.ts';
import type { Rng } from '../../util/rng.ts';
import type { ChatOptions } from './options.ts';
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
  options: ChatOptions;
  countTokens: (text: string) => number;
  /** Item indices to choose from, in the order of the prompt. */
  candidates?: (user: number) => Int32Array;
}

/** One question per user, about `k` movies unless the options say how many. `rng` draws the examples. */
export function questionsFor(
  train: TrainingSet,
  users: Int32Array,
  k: number,
  { options, countTokens, candidates }: QuestionParts,
  rng: Rng,
): ChatQuestion[] {
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
