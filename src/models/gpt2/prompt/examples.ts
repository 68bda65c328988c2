/**
 * Training texts and prompts out of the training ratings alone. For a training text some movies that the user liked
 * are held back from the history and become the list to be written; a prompt tells the whole history.
 */
import type { TrainingSet } from '../../../data/training-set.ts';
import { describeHistory, type History } from '../../../language/history.ts';
import { range } from '../../../util/arrays.ts';
import type { Rng } from '../../../util/rng.ts';
import { entriesOf, rowLength } from '../../../util/sparse-rows.ts';
import { toExample, type Example } from './batch.ts';
import { TOKENS_PER_ENTRY, type PromptTemplate } from './template.ts';

export interface TextOptions {
  /** Longest text in tokens. */
  contextLength: number;
  /** Entries of a list. */
  listLength: number;
  /** Ratings of at least so many stars are liked. */
  threshold: number;
  lossOn: 'answer' | 'text';
}

/** A prompt for one user. */
export interface Prompt {
  tokens: number[];
  history: History;
  /** What the context leaves for the reply. */
  maxReplyTokens: number;
}

/** Tokens that are kept for the list: what its entries need, but never more than half of the text. */
function tokensForList({
  contextLength,
  listLength,
}: Pick<TextOptions, 'contextLength' | 'listLength'>): number {
  return Math.min(listLength * TOKENS_PER_ENTRY, contextLength >> 1);
}

/** The prompt of a user, without the movies in `without`; a long history is cut by its own rule. */
export function promptOf(
  train: TrainingSet,
  user: number,
  template: PromptTemplate,
  options: Pick<TextOptions, 'contextLength' | 'listLength'>,
  without?: ReadonlySet<number>,
): Prompt {
  const longest = options.contextLength - tokensForList(options);
  const history = describeHistory(train, user, {
    countTokens: (text) => template.prompt({ text }).length,
    maxTokens: longest,
    ...(without && { without }),
  });
  const tokens = template.prompt(history);
  return { tokens, history, maxReplyTokens: options.contextLength - tokens.length };
}

/**
 * The movies that a training text of this user holds back, in the order of its list: a random half of the movies that
 * the user liked, `listLength` at most, in random order. A user who liked fewer than two movies by `threshold` is
 * taken to have liked the better half. Undefined for a user with fewer than two ratings: nothing is left to tell.
 */
export function chooseTargets(
  train: TrainingSet,
  user: number,
  { listLength, threshold }: Pick<TextOptions, 'listLength' | 'threshold'>,
  rng: Rng,
): number[] | undefined {
  const ratings = Array.from(entriesOf(train.byUser, user), ([item, stars]) => ({ item, stars })).filter(
    ({ item }) => train.movies.titles[item] !== '',
  );
  if (ratings.length < 2) return undefined;
  let liked = ratings.filter(({ stars }) => stars >= threshold);
  if (liked.length < 2) {
    liked = ratings.sort((a, b) => b.stars - a.stars || a.item - b.item).slice(0, ratings.length >> 1);
  }
  const items = rng.shuffle(liked.map(({ item }) => item));
  return items.slice(0, Math.max(1, Math.min(listLength, items.length >> 1)));
}

/**
 * One training text per user for one pass over them; another `pass` holds back other movies. Users with fewer than two
 * ratings have none. The texts of a user depend on the user and the pass alone.
 */
export function trainingTexts(
  train: TrainingSet,
  users: Int32Array,
  pass: number,
  template: PromptTemplate,
  options: TextOptions,
  rng: Rng,
): Example[] {
  return Array.from(users).flatMap((user) => {
    const targets = chooseTargets(
      train,
      user,
      options,
      rng.derive(`pass ${pass} user ${train.userIds[user]}`),
    );
    return targets === undefined ? [] : [trainingText(train, user, targets, template, options)];
  });
}

function trainingText(
  train: TrainingSet,
  user: number,
  targets: number[],
  template: PromptTemplate,
  options: TextOptions,
): Example {
  const { tokens, history, maxReplyTokens } = promptOf(train, user, template, options, new Set(targets));
  let listed = targets;
  let answer = template.answer(listed, history.genres);
  while (answer.length > maxReplyTokens && listed.length > 1) {
    listed = listed.slice(0, -1);
    answer = template.answer(listed, history.genres);
  }
  return toExample(tokens, answer.slice(0, maxReplyTokens), options.lossOn);
}

/** Users for training and users whose texts only measure the loss, drawn by `rng`; each ascending. */
export function divideUsers(
  train: TrainingSet,
  validationShare: number,
  rng: Rng,
): { training: Int32Array; validation: Int32Array } {
  const users = range(train.userCount).filter((user) => rowLength(train.byUser, user) >= 2);
  const order = rng.shuffle(users.slice());
  const held = Math.round(validationShare * users.length);
  return { validation: order.slice(0, held).sort(), training: order.slice(held).sort() };
}
