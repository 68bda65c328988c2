/** A user's training ratings in words. Built from a TrainingSet alone, which holds no test rating. */
import type { TrainingSet } from '../data/training-set.ts';
import { naturalTitle } from './titles.ts';

export interface HistoryOptions {
  /** Most movies to tell of. */
  maxMovies?: number;
  /** Longest text, counted by `countTokens`. */
  maxTokens?: number;
  countTokens?: (text: string) => number;
  /** Ratings of the user to leave out, as item indices: the answer that a training text holds back. */
  without?: ReadonlySet<number>;
}

export interface History {
  /** "User 425 has watched Trainspotting (1996), rated 5.0/5, ...". */
  text: string;
  /** The movies told of, in the order of the text. */
  items: number[];
  /** Ratings that did not fit. */
  omitted: number;
  /** The user's favourite genres in train, most liked first, at most three. */
  genres: string[];
  /** Tags the user gave in train, latest first, at most five. */
  tags: string[];
}

/** The rule by which a history that is too long is cut, as records name it. */
export const historyRule = 'highest rated first, then latest; told in order of time';

/**
 * Tells what a user has watched, in the words of the original work. A history over a limit keeps the movies that say
 * most about taste (`historyRule`); they are told in order of time. A user without ratings gets an honest sentence.
 */
export function userHistory(train: TrainingSet, user: number, options: HistoryOptions = {}): History {
  const ratings = ratingsOf(train, user).filter(({ item }) => !options.without?.has(item));
  const byTaste = ratings.toSorted((a, b) => b.stars - a.stars || b.time - a.time || a.item - b.item);
  const fits = longestFit(train, user, byTaste, options);
  const told = byTaste.slice(0, fits).sort(inTime);
  return {
    text: sentence(train, user, told),
    items: told.map(({ item }) => item),
    omitted: ratings.length - told.length,
    genres: favouriteGenres(train, ratings),
    tags: tagsOf(train, user, options.without),
  };
}

interface Rating {
  item: number;
  stars: number;
  time: number;
}

const inTime = (a: Rating, b: Rating) => a.time - b.time || a.item - b.item;

/** Training ratings of a user; the times come from the columns, whose rows are found once per training set. */
function ratingsOf(train: TrainingSet, user: number): Rating[] {
  const { items, values, timestamps } = train.ratings;
  return rowsOf(train)[user]!.map((row) => ({
    item: items[row]!,
    stars: values[row]!,
    time: timestamps[row]!,
  }));
}

const rowsByUser = new WeakMap<TrainingSet, number[][]>();

function rowsOf(train: TrainingSet): number[][] {
  let rows = rowsByUser.get(train);
  if (rows === undefined) {
    rows = Array.from({ length: train.userCount }, () => []);
    for (let row = 0; row < train.ratings.users.length; row++) rows[train.ratings.users[row]!]!.push(row);
    rowsByUser.set(train, rows);
  }
  return rows;
}

/** How many of the ratings fit, by bisection: the text grows with every movie. */
function longestFit(train: TrainingSet, user: number, ratings: Rating[], options: HistoryOptions): number {
  const { maxMovies = Infinity, maxTokens = Infinity, countTokens } = options;
  let most = Math.min(ratings.length, maxMovies);
  if (countTokens === undefined || maxTokens === Infinity) return most;
  let least = 0;
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    const text = sentence(train, user, ratings.slice(0, middle).sort(inTime));
    if (countTokens(text) <= maxTokens) least = middle;
    else most = middle - 1;
  }
  return least;
}

function sentence({ userIds, movies }: TrainingSet, user: number, told: Rating[]): string {
  const name = `User ${userIds[user]}`;
  if (told.length === 0) return `${name} has not rated any movie yet.`;
  const parts = told.map(
    ({ item, stars }) => `${naturalTitle(movies.titles[item]!)}, rated ${stars.toFixed(1)}/5`,
  );
  return `${name} has watched ${parts.join(', ')}.`;
}

/** Genres by the stars above the user's own mean that their movies got, summed; ties by name. */
function favouriteGenres({ movies }: TrainingSet, ratings: Rating[]): string[] {
  const mean = ratings.reduce((sum, { stars }) => sum + stars, 0) / Math.max(1, ratings.length);
  const liking = new Map<string, number>();
  for (const { item, stars } of ratings) {
    for (const genre of movies.genres[item]!)
      liking.set(genre, (liking.get(genre) ?? 0) + stars - mean + 0.5);
  }
  return [...liking]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, 3)
    .map(([genre]) => genre);
}

function tagsOf({ tags }: TrainingSet, user: number, without?: ReadonlySet<number>): string[] {
  if (tags === undefined) return [];
  const own = tags.texts
    .map((text, n) => ({ text, time: tags.timestamps[n]!, n }))
    .filter(({ n }) => tags.users[n] === user && !without?.has(tags.items[n]!))
    .sort((a, b) => b.time - a.time || a.n - b.n);
  return [...new Set(own.map(({ text }) => text))].slice(0, 5);
}
