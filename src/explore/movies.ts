/** What the movies tell: genres, years, the most rated, best rated and most divisive, tags. Tables are data frames. */
import type { DataFrame } from 'danfojs-node';
import type { Dataset } from '../data/dataset.ts';
import type { Exploration, RatedMovie } from './record.ts';

/** Rows of each table of movies, and of tags. */
const TOP = 10;
const TOP_TAGS = 15;
/** The most divisive are sought among this share of the rated movies, those with most ratings. */
const DIVISIVE_SHARE = 0.05;

type MovieFacts = Pick<
  Exploration,
  | 'genres'
  | 'withoutGenre'
  | 'together'
  | 'years'
  | 'withoutYear'
  | 'mostRated'
  | 'bestRated'
  | 'mostDivisive'
>;

/**
 * Everything about movies, and the fewest ratings with which one counts as divisive. `damping` ratings at the overall
 * mean are added to each movie in its damped mean.
 */
export async function exploreMovies(
  dataset: Dataset,
  damping: number,
): Promise<{ movies: MovieFacts; divisiveFrom: number }> {
  const danfo = await import('danfojs-node');
  const columns = ratedMovies(dataset, damping);
  const rated = new danfo.DataFrame(columns);
  const divisiveFrom = countAtShare(columns.ratings, DIVISIVE_SHARE);
  const divisive = rated.query(rated['ratings'].ge(divisiveFrom));
  return {
    divisiveFrom,
    movies: {
      ...(await genresOf(dataset)),
      ...(await yearsOf(dataset)),
      mostRated: top<RatedMovie>(rated, 'ratings', TOP),
      bestRated: top<RatedMovie>(rated, 'damped', TOP),
      mostDivisive: top<RatedMovie>(divisive, 'deviation', TOP),
    },
  };
}

/** Tags by use; null where the release has none. A use is one user giving one tag to one movie. */
export async function exploreTags({ tags }: Pick<Dataset, 'tags'>): Promise<Exploration['tags']> {
  if (tags === undefined || tags.texts.length === 0) return null;
  const { DataFrame } = await import('danfojs-node');
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
  const frame = new DataFrame({
    tag: [...byTag.keys()],
    uses: all.map(({ uses }) => uses),
    users: all.map(({ users }) => users.size),
    movies: all.map(({ movies }) => movies.size),
  });
  return {
    uses: tags.texts.length,
    distinct: byTag.size,
    users: new Set(tags.users).size,
    movies: new Set(tags.items).size,
    top: top(frame, 'uses', TOP_TAGS),
  };
}

/** One entry per movie with ratings, in ascending movie id. */
function ratedMovies({ ratings, itemIds, movies }: Dataset, damping: number) {
  const items = itemIds.length;
  const counts = new Int32Array(items);
  const sums = new Float64Array(items);
  const squares = new Float64Array(items);
  for (let n = 0; n < ratings.items.length; n++) {
    const item = ratings.items[n]!;
    const value = ratings.values[n]!;
    counts[item]!++;
    sums[item]! += value;
    squares[item]! += value * value;
  }
  const overall = sums.reduce((sum, value) => sum + value, 0) / ratings.items.length;
  const rated = Array.from(counts.keys()).filter((item) => counts[item]! > 0);
  const meanOf = (item: number) => sums[item]! / counts[item]!;
  return {
    movieId: rated.map((item) => itemIds[item]!),
    title: rated.map((item) => movies.titles[item]!),
    ratings: rated.map((item) => counts[item]!),
    mean: rated.map(meanOf),
    damped: rated.map((item) => (sums[item]! + damping * overall) / (counts[item]! + damping)),
    deviation: rated.map((item) =>
      Math.sqrt(Math.max(0, squares[item]! / counts[item]! - meanOf(item) ** 2)),
    ),
  };
}

/** Fewest ratings among the most rated `share` of the movies. */
function countAtShare(counts: number[], share: number): number {
  return counts.toSorted((a, b) => b - a)[Math.ceil(counts.length * share) - 1]!;
}

async function genresOf({
  ratings,
  itemIds,
  movies,
}: Dataset): Promise<Pick<MovieFacts, 'genres' | 'withoutGenre' | 'together'>> {
  const totals = totalsOf(ratings.items, ratings.values, itemIds.length);
  const pairs = movies.genres.flatMap((own, item) => own.map((genre) => ({ genre, item })));
  const groups = await groupedTotals(
    pairs.map(({ genre }) => genre),
    pairs.map(({ item }) => item),
    totals,
  );
  const genres = groups
    .map(({ key, ...group }) => ({ genre: key, ...group }))
    .sort((a, b) => b.movies - a.movies || (a.genre < b.genre ? -1 : 1));
  const place = new Map(genres.map(({ genre }, n) => [genre, n]));
  const common = genres.map(() => genres.map(() => 0));
  for (const own of movies.genres) {
    for (const a of own) for (const b of own) common[place.get(a)!]![place.get(b)!]!++;
  }
  return {
    genres,
    withoutGenre: movies.genres.filter((own) => own.length === 0).length,
    together: common.map((row, a) => row.map((count) => count / genres[a]!.movies)),
  };
}

async function yearsOf({
  ratings,
  itemIds,
  movies,
}: Dataset): Promise<Pick<MovieFacts, 'years' | 'withoutYear'>> {
  const totals = totalsOf(ratings.items, ratings.values, itemIds.length);
  const dated = Array.from(movies.years.keys()).filter((item) => movies.years[item] !== 0);
  const groups = await groupedTotals(
    dated.map((item) => movies.years[item]!),
    dated,
    totals,
  );
  return {
    years: groups
      .map(({ key, ...group }) => ({ year: Number(key), ...group }))
      .sort((a, b) => a.year - b.year),
    withoutYear: itemIds.length - dated.length,
  };
}

interface Totals {
  ratings: Int32Array;
  /** Sum of the stars. */
  stars: Float64Array;
}

function totalsOf(items: Int32Array, values: Float32Array, size: number): Totals {
  const totals = { ratings: new Int32Array(size), stars: new Float64Array(size) };
  for (let n = 0; n < items.length; n++) {
    totals.ratings[items[n]!]!++;
    totals.stars[items[n]!]! += values[n]!;
  }
  return totals;
}

interface Group {
  key: string;
  movies: number;
  ratings: number;
  mean: number | null;
}

/** Movies, ratings and mean rating per key; `items[n]` belongs to `keys[n]`. */
async function groupedTotals(
  keys: (string | number)[],
  items: number[],
  { ratings, stars }: Totals,
): Promise<Group[]> {
  if (keys.length === 0) return [];
  const { DataFrame } = await import('danfojs-node');
  const frame = new DataFrame({
    key: keys.map(String),
    movies: items.map(() => 1),
    ratings: items.map((item) => ratings[item]!),
    stars: items.map((item) => stars[item]!),
  });
  const sums = frame.groupby(['key']).agg({ movies: 'sum', ratings: 'sum', stars: 'sum' });
  const rows = rowsOf<{ key: string; movies_sum: number; ratings_sum: number; stars_sum: number }>(sums);
  return rows.map(({ key, movies_sum, ratings_sum, stars_sum }) => ({
    key,
    movies: movies_sum,
    ratings: ratings_sum,
    mean: ratings_sum === 0 ? null : stars_sum / ratings_sum,
  }));
}

/** The first `n` rows by `column`, descending; danfojs sorts stably, so ties keep ascending movie id. */
function top<Row>(frame: DataFrame, column: string, n: number): Row[] {
  const sorted = frame.sortValues(column, { ascending: false });
  return rowsOf<Row>(sorted.head(Math.min(n, sorted.index.length)));
}

/** A data frame as one object per row. */
function rowsOf<Row>(frame: DataFrame): Row[] {
  const names = frame.columns;
  return (frame.values as unknown[][]).map(
    (cells) => Object.fromEntries(cells.map((cell, n) => [names[n], cell])) as Row,
  );
}
