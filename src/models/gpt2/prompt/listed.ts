/** A ranking written as a list: titles, and reasons that the history shows. */
import type { TrainingSet } from '../../../data/training-set.ts';
import type { GroundedEntry } from '../../../language/grounding.ts';
import { likesNothing } from '../../../language/history.ts';
import { nameMovie } from '../../../language/titles.ts';
import { entriesOf } from '../../../util/sparse-rows.ts';
import { reasonFor, sharedGenres } from './genre-reasons.ts';

const NOTHING_SHARED = 'Liked by people whose ratings are like yours.';

/**
 * The list of `items` for `user` as text, and its entries. Reasons rest on the ratings of the movies in `shown`, those that
 * the model was given of the user's history.
 */
export function writeList(
  train: Pick<TrainingSet, 'movies' | 'itemIds' | 'byUser'>,
  user: number,
  items: Iterable<number>,
  shown: readonly number[],
): { reply: string; entries: GroundedEntry[] } {
  const { liked, rated } = genresOf(train, user, new Set(shown));
  const entries = Array.from(items, (item) => ({
    title: nameMovie(train, item),
    reason: reasonFor(train.movies.genres[item]!, liked, rated, NOTHING_SHARED),
    item,
    match: 'exact' as const,
  }));
  return {
    entries,
    reply: entries.map(({ title, reason }, n) => `${n + 1}. ${title} - ${reason}\n`).join(''),
  };
}

/**
 * The same rule as reasons of a saved model: for each of `items` the genres that it shares with the user's liking, most
 * liked first, at most two and at most `count`; their weights are the liking in stars. None where it shares nothing.
 */
export function genreReasons(
  train: Pick<TrainingSet, 'movies' | 'byUser'>,
  user: number,
  items: Int32Array,
  shown: readonly number[],
  count: number,
): { because: string; weight: number }[][] {
  const { liked, liking } = genresOf(train, user, new Set(shown));
  return Array.from(items, (item) =>
    sharedGenres(liked, train.movies.genres[item]!)
      .slice(0, count)
      .map((genre) => ({ because: `genres:${genre}`, weight: liking.get(genre)! })),
  );
}

/** Genres of a history. */
interface ShownGenres {
  /** Rated at the user's own mean or above, the most liked first; none where all ratings are equal and below 4 stars. */
  liked: string[];
  /** Of each genre with a rating, see `genresOf`. */
  liking: Map<string, number>;
  /** With at least one rating. */
  rated: Set<string>;
}

/**
 * A genre's liking is the sum over its movies of (stars - the user's own mean + 1/2), that of a written history
 * (src/language/history.ts): here the halves are added at the end, there one by one, so that the last bits, which order
 * equal genres, differ.
 */
function genresOf(
  { movies, byUser }: Pick<TrainingSet, 'movies' | 'byUser'>,
  user: number,
  shown: ReadonlySet<number>,
): ShownGenres {
  const ratings = [...entriesOf(byUser, user)].filter(([item]) => shown.has(item));
  const mean = ratings.reduce((sum, [, stars]) => sum + stars, 0) / Math.max(1, ratings.length);
  const isNothingLiked = likesNothing(ratings.map(([, stars]) => stars));
  const above = new Map<string, { sum: number; count: number }>();
  for (const [item, stars] of ratings) {
    for (const genre of movies.genres[item]!) {
      const { sum, count } = above.get(genre) ?? { sum: 0, count: 0 };
      above.set(genre, { sum: sum + stars - mean, count: count + 1 });
    }
  }
  const liking = new Map([...above].map(([genre, { sum, count }]) => [genre, sum + count / 2]));
  const liked = [...above]
    .filter(([, { sum }]) => sum >= 0 && !isNothingLiked)
    .map(([genre]) => genre)
    .sort((a, b) => liking.get(b)! - liking.get(a)! || (a < b ? -1 : 1));
  return { liked, liking, rated: new Set(above.keys()) };
}
