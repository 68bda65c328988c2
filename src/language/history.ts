/** A user's training ratings in words. Built from a TrainingSet alone, which holds no test rating. */
import { REFERENCE_STARS } from '../data/rating-levels.ts';
import type { TrainingSet } from '../data/training-set.ts';
import { nameMovie } from './titles.ts';

/** `sentence`: every movie with its rating in running text. `table`: a line each. `likes`: grouped, without stars. */
export type HistoryForm = 'sentence' | 'table' | 'likes';

export interface HistoryOptions {
  /** Default: `sentence`. */
  form?: HistoryForm;
  /** Most movies to include. */
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
  /** Indices of the included movies, in the order of the text. */
  items: number[];
  /** Ratings left out because the text was over a limit; 0 for a history that is whole. */
  truncatedRatings: number;
  /** The user's favourite genres in train, most liked first, at most three. */
  genres: string[];
  /** Tags the user gave in train, latest first, at most five. */
  tags: string[];
}

/** Most genres and tags of a history. */
const MAX_GENRES = 3;
const MAX_TAGS = 5;

/**
 * Writes what a user has watched, in the words of the original work, oldest rating first. A history over a limit is
 * truncated: it includes the highest rated movies, of equal ratings the latest. A user without ratings gets a sentence
 * that says so.
 */
export function describeHistory(train: TrainingSet, user: number, options: HistoryOptions = {}): History {
  const ratings = collectRatings(train, user).filter(({ item }) => !options.without?.has(item));
  const byTaste = ratings.toSorted((a, b) => b.stars - a.stars || b.time - a.time || a.item - b.item);
  const fitting = countFitting(train, user, byTaste, options);
  const included = byTaste.slice(0, fitting).sort(compareTimes);
  return {
    text: writers[options.form ?? 'sentence'](train, user, included),
    items: included.map(({ item }) => item),
    truncatedRatings: ratings.length - included.length,
    genres: findFavouriteGenres(train, ratings),
    tags: findLatestTags(train, user, options.without),
  };
}

interface Rating {
  item: number;
  stars: number;
  time: number;
}

const compareTimes = (a: Rating, b: Rating) => a.time - b.time || a.item - b.item;

/** Training ratings of a user; the times come from the columns, whose rows are found once per training set. */
function collectRatings(train: TrainingSet, user: number): Rating[] {
  const { users, items, values, timestamps } = train.ratings;
  return groupRows(users, train.userCount)[user]!.map((row) => ({
    item: items[row]!,
    stars: values[row]!,
    time: timestamps[row]!,
  }));
}

const rowsByUser = new WeakMap<Int32Array, number[][]>();

/** Rows of a table by user: those of user `u` at index `u`; found once for each column of users. */
function groupRows(users: Int32Array, userCount: number): number[][] {
  let rows = rowsByUser.get(users);
  if (rows === undefined) {
    rows = Array.from({ length: userCount }, () => []);
    for (let row = 0; row < users.length; row++) rows[users[row]!]!.push(row);
    rowsByUser.set(users, rows);
  }
  return rows;
}

/** How many of the ratings fit into the limits, by bisection: the text grows with every movie. */
function countFitting(train: TrainingSet, user: number, ratings: Rating[], options: HistoryOptions): number {
  const { maxMovies = Infinity, maxTokens = Infinity, countTokens, form = 'sentence' } = options;
  let most = Math.min(ratings.length, maxMovies);
  if (countTokens === undefined || maxTokens === Infinity) return most;
  const fits = (count: number) =>
    countTokens(writers[form](train, user, ratings.slice(0, count).sort(compareTimes))) <= maxTokens;
  if (fits(most)) return most; // most histories are short
  let least = 0;
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(middle)) least = middle;
    else most = middle - 1;
  }
  return least;
}

function writeSentence(train: TrainingSet, user: number, included: Rating[]): string {
  const name = `User ${train.userIds[user]}`;
  if (included.length === 0) return `${name} has not rated any movie yet.`;
  const parts = included.map(({ item, stars }) => `${nameMovie(train, item)}, rated ${stars.toFixed(1)}/5`);
  return `${name} has watched ${parts.join(', ')}.`;
}

/** "Title | genres | stars" a line, under a head. */
function writeTable(train: TrainingSet, user: number, included: Rating[]): string {
  const { userIds, movies } = train;
  if (included.length === 0) return writeSentence(train, user, included);
  const lines = included.map(({ item, stars }) =>
    [nameMovie(train, item), movies.genres[item]!.join(', '), stars.toFixed(1)].join(' | '),
  );
  return [`Ratings of user ${userIds[user]}, oldest first (title | genres | stars of 5):`, ...lines].join(
    '\n',
  );
}

/** Stars from which a movie counts as liked, and below which as disliked. */
const LIKED_FROM_STARS = 4;
const DISLIKED_BELOW_STARS = 3;

/** "User 425 liked: ...", "Disliked: ..." and "Also watched: ...", each where there is one. */
function writeLikes(train: TrainingSet, user: number, included: Rating[]): string {
  const { userIds } = train;
  if (included.length === 0) return writeSentence(train, user, included);
  const group = (head: string, belongs: (stars: number) => boolean) => {
    const titles = included.filter(({ stars }) => belongs(stars)).map(({ item }) => nameMovie(train, item));
    return titles.length === 0 ? [] : [`${head}: ${titles.join('; ')}.`];
  };
  const lines = [
    ...group('Liked', (stars) => stars >= LIKED_FROM_STARS),
    ...group('Disliked', (stars) => stars < DISLIKED_BELOW_STARS),
    ...group('Also watched', (stars) => stars >= DISLIKED_BELOW_STARS && stars < LIKED_FROM_STARS),
  ];
  return [`Movies of user ${userIds[user]}, oldest first.`, ...lines].join('\n');
}

/** The form that a written history has, by its first words. */
export function formOfHistory(text: string): HistoryForm {
  if (text.startsWith('Ratings of user ')) return 'table';
  return text.startsWith('Movies of user ') ? 'likes' : 'sentence';
}

const writers: Record<HistoryForm, (train: TrainingSet, user: number, included: Rating[]) => string> = {
  sentence: writeSentence,
  table: writeTable,
  likes: writeLikes,
};

/** All ratings are equal and below 4 stars: nothing stands out, and nothing is good. */
export function likesNothing(stars: readonly number[]): boolean {
  return stars.every((own) => own === stars[0] && own < REFERENCE_STARS);
}

/**
 * Genres by liking, the sum over their movies of (stars - the user's own mean + 1/2); ties by name. None where nothing is
 * liked.
 */
function findFavouriteGenres({ movies }: TrainingSet, ratings: Rating[]): string[] {
  const mean = ratings.reduce((sum, { stars }) => sum + stars, 0) / Math.max(1, ratings.length);
  if (likesNothing(ratings.map(({ stars }) => stars))) return [];
  const liking = new Map<string, number>();
  for (const { item, stars } of ratings) {
    for (const genre of movies.genres[item]!)
      liking.set(genre, (liking.get(genre) ?? 0) + stars - mean + 0.5);
  }
  return [...liking]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, MAX_GENRES)
    .map(([genre]) => genre);
}

function findLatestTags(
  { tags, userCount }: TrainingSet,
  user: number,
  without?: ReadonlySet<number>,
): string[] {
  if (tags === undefined) return [];
  const rows = groupRows(tags.users, userCount)[user]!;
  const own = rows
    .filter((n) => !without?.has(tags.items[n]!))
    .map((n) => ({ text: tags.texts[n]!, time: tags.timestamps[n]!, n }))
    .sort((a, b) => b.time - a.time || a.n - b.n);
  return [...new Set(own.map(({ text }) => text))].slice(0, MAX_TAGS);
}
