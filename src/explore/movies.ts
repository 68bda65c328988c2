/** Movies described: genres, years, the most rated, best rated and most divisive, tags. Tables are data frames. */
import { desc, escape, op, table, type ColumnTable } from 'arquero';
import type { Dataset } from '../data/dataset.ts';
import { nameMovie } from '../language/titles.ts';
import { range, sum } from '../util/arrays.ts';
import type { Exploration, RatedMovie, TagUse } from './record.ts';

/** Rows of each table of movies, and of tags. */
const MOVIE_ROWS = 10;
const TAG_ROWS = 15;
/** The most divisive are sought among this share of the rated movies, those with most ratings. */
const DIVISIVE_SHARE = 0.05;

type MovieFacts = Pick<
  Exploration,
  | 'genres'
  | 'moviesWithoutGenre'
  | 'genreCooccurrence'
  | 'years'
  | 'moviesWithoutYear'
  | 'mostRated'
  | 'bestRated'
  | 'mostDivisive'
>;

/**
 * Everything about movies, and the fewest ratings with which one counts as divisive. `damping` ratings at the overall
 * mean are added to each movie in its damped mean.
 */
export function exploreMovies(
  dataset: Dataset,
  damping: number,
): { movies: MovieFacts; minDivisiveRatings: number } {
  const totals = totalsOf(dataset);
  const columns = ratedMovies(dataset, totals, damping);
  const rated = table(columns);
  const minDivisiveRatings = countAtShare(columns.ratings, DIVISIVE_SHARE);
  const divisive = rated.filter(escape(({ ratings }: RatedMovie) => ratings >= minDivisiveRatings));
  return {
    minDivisiveRatings,
    movies: {
      ...describeGenres(dataset, totals),
      ...describeYears(dataset, totals),
      mostRated: highest<RatedMovie>(rated, 'ratings', MOVIE_ROWS),
      bestRated: highest<RatedMovie>(rated, 'dampedMean', MOVIE_ROWS),
      mostDivisive: highest<RatedMovie>(divisive, 'standardDeviation', MOVIE_ROWS),
    },
  };
}

/** Tags by use; null where the release has none. A use is one user giving one tag to one movie. */
export function exploreTags({ tags }: Pick<Dataset, 'tags'>): Exploration['tags'] {
  if (tags === undefined || tags.texts.length === 0) return null;
  const byTag = new Map<string, { uses: number; users: Set<number>; movies: Set<number> }>();
  tags.texts.forEach((text, n) => {
    const tag = text.trim().toLowerCase();
    const own = byTag.get(tag) ?? { uses: 0, users: new Set(), movies: new Set() };
    byTag.set(tag, own);
    own.uses++;
    own.users.add(tags.users[n]!);
    own.movies.add(tags.items[n]!);
  });
  const all = [...byTag.values()];
  const frame = table({
    tag: [...byTag.keys()],
    uses: all.map(({ uses }) => uses),
    users: all.map(({ users }) => users.size),
    movies: all.map(({ movies }) => movies.size),
  });
  return {
    uses: tags.texts.length,
    distinctTags: byTag.size,
    users: new Set(tags.users).size,
    movies: new Set(tags.items).size,
    mostUsed: highest<TagUse>(frame, 'uses', TAG_ROWS),
  };
}

/** Of each movie. */
interface Totals {
  ratings: Int32Array;
  /** Sums of the stars and of their squares. */
  stars: Float64Array;
  squares: Float64Array;
}

function totalsOf({ ratings: { items, values }, itemIds }: Dataset): Totals {
  const size = itemIds.length;
  const ratings = new Int32Array(size);
  const stars = new Float64Array(size);
  const squares = new Float64Array(size);
  for (let n = 0; n < items.length; n++) {
    const item = items[n]!;
    const value = values[n]!;
    ratings[item]!++;
    stars[item]! += value;
    squares[item]! += value * value;
  }
  return { ratings, stars, squares };
}

/** One entry per movie with ratings, in ascending movie id. */
function ratedMovies(
  { ratings: { items }, itemIds, movies }: Dataset,
  { ratings, stars, squares }: Totals,
  damping: number,
) {
  const overall = sum(stars) / items.length;
  const rated = Array.from(range(itemIds.length)).filter((item) => ratings[item]! > 0);
  const meanOf = (item: number) => stars[item]! / ratings[item]!;
  return {
    movieId: rated.map((item) => itemIds[item]!),
    title: rated.map((item) => nameMovie({ movies, itemIds }, item)),
    ratings: rated.map((item) => ratings[item]!),
    mean: rated.map(meanOf),
    dampedMean: rated.map((item) => (stars[item]! + damping * overall) / (ratings[item]! + damping)),
    standardDeviation: rated.map((item) =>
      Math.sqrt(Math.max(0, squares[item]! / ratings[item]! - meanOf(item) ** 2)),
    ),
  };
}

/** Fewest ratings among the most rated `share` of the movies. */
function countAtShare(counts: number[], share: number): number {
  return counts.toSorted((a, b) => b - a)[Math.ceil(counts.length * share) - 1]!;
}

/** Groups by genre, most movies first, and how often one movie is of two genres. */
function describeGenres(
  { movies }: Dataset,
  totals: Totals,
): Pick<MovieFacts, 'genres' | 'moviesWithoutGenre' | 'genreCooccurrence'> {
  const pairs = movies.genres.flatMap((own, item) => own.map((genre) => ({ genre, item })));
  const groups = totalsByKey(
    pairs.map(({ genre }) => genre),
    pairs.map(({ item }) => item),
    totals,
  );
  const genres = groups
    .map(({ key, ...group }) => ({ genre: key, ...group }))
    .sort((a, b) => b.movies - a.movies || (a.genre < b.genre ? -1 : 1));
  const indexOf = new Map(genres.map(({ genre }, n) => [genre, n]));
  const common = genres.map(() => genres.map(() => 0));
  for (const own of movies.genres) {
    for (const a of own) for (const b of own) common[indexOf.get(a)!]![indexOf.get(b)!]!++;
  }
  return {
    genres,
    moviesWithoutGenre: movies.genres.filter((own) => own.length === 0).length,
    genreCooccurrence: common.map((row, a) => row.map((count) => count / genres[a]!.movies)),
  };
}

/** Groups by year of release, ascending. */
function describeYears(
  { itemIds, movies }: Dataset,
  totals: Totals,
): Pick<MovieFacts, 'years' | 'moviesWithoutYear'> {
  const dated = Array.from(movies.years.keys()).filter((item) => movies.years[item] !== 0);
  const groups = totalsByKey(
    dated.map((item) => movies.years[item]!),
    dated,
    totals,
  );
  return {
    years: groups
      .map(({ key, ...group }) => ({ year: Number(key), ...group }))
      .sort((a, b) => a.year - b.year),
    moviesWithoutYear: itemIds.length - dated.length,
  };
}

interface Group {
  key: string;
  movies: number;
  ratings: number;
  mean: number | null;
}

/** Movies, ratings and mean rating per key, in no particular order; `items[n]` belongs to `keys[n]`. */
function totalsByKey(keys: (string | number)[], items: number[], { ratings, stars }: Totals): Group[] {
  const rows = table({
    key: keys.map(String),
    ratings: items.map((item) => ratings[item]!),
    stars: items.map((item) => stars[item]!),
  })
    .groupby('key')
    .rollup({ movies: op.count(), ratings: op.sum('ratings'), stars: op.sum('stars') })
    .objects() as { key: string; movies: number; ratings: number; stars: number }[];
  return rows.map(({ stars: total, ...group }) => ({
    ...group,
    mean: group.ratings === 0 ? null : total / group.ratings,
  }));
}

/** The first `n` rows by `column`, descending; arquero sorts stably, so ties keep ascending movie id. */
function highest<Row>(frame: ColumnTable, column: string & keyof Row, n: number): Row[] {
  return frame.orderby(desc(column)).slice(0, n).objects() as Row[];
}
