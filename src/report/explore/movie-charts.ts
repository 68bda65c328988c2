/** The pictures of `recsys explore` that show movies: genres, years, best and worst, tags. */
import type { Exploration, RatedMovie } from '../../explore/record.ts';
import {
  bandName,
  highest,
  labelledBars,
  nameAxis,
  percent,
  rowsHeight,
  shadeScale,
  titledRows,
  BELOW_TITLE_PX,
  valueScale,
  yearAxis,
} from '../charts/parts.ts';
import type { Chart } from '../charts/chart.ts';
import { countNoun, formatCount } from '../table.ts';
import { colour } from '../theme.ts';

/** Movies of each genre. */
export function genreCountChart({ genres, moviesWithoutGenre }: Exploration): Chart {
  const [first, second] = genres;
  return {
    id: 'genre-counts',
    title:
      second === undefined
        ? `${first!.genre} is the only genre`
        : `No genre has more movies than ${first!.genre}, ${formatCount(first!.movies)}`,
    note: `Movies of each genre; a movie may have several.${moviesWithoutGenre > 0 ? ` ${formatCount(moviesWithoutGenre)} movies have none.` : ''}`,
    description: `Bars, one for each of ${genres.length} genres; the longest is ${first!.genre} with ${formatCount(first!.movies)} movies.`,
    spec: labelledBars(genres, 'genre', 'movies'),
    table: groupTable(
      'genre',
      genres.map(({ genre, ...group }) => ({ name: genre, ...group })),
    ),
  };
}

/** Mean rating of each genre, over ratings. */
export function genreMeanChart({ genres, ratings }: Exploration): Chart {
  const values = genres
    .flatMap(({ mean, ...rest }) => (mean === null ? [] : [{ ...rest, mean }]))
    .sort((a, b) => b.mean - a.mean);
  return {
    id: 'genre-means',
    title: titleOfMeans(values),
    note: `Mean rating of the movies of each genre, over ratings. The line is the mean of all ratings, ${ratings.mean.toFixed(2)}. The axis does not begin at 0.`,
    description: `Points, one for each genre, from ${values[0]!.mean.toFixed(2)} stars (${values[0]!.genre}) to ${values.at(-1)!.mean.toFixed(2)} (${values.at(-1)!.genre}).`,
    spec: {
      height: rowsHeight(values.map(({ genre }) => genre)),
      layer: [
        {
          data: { values: [{ mean: ratings.mean }] },
          mark: { type: 'rule', strokeWidth: 1 },
          encoding: { x: { field: 'mean', type: 'quantitative' } },
        },
        {
          data: { values },
          mark: { type: 'point' },
          encoding: {
            y: nameAxis('genre', true),
            x: {
              field: 'mean',
              type: 'quantitative',
              scale: { zero: false, nice: true },
              axis: { title: 'stars', tickCount: 5, grid: false, format: '.1f' },
            },
          },
        },
      ],
    },
    table: groupTable(
      'genre',
      values.map(({ genre, ...group }) => ({ name: genre, ...group })),
    ),
  };
}

/** Genres in descending order of their means, compared to the two digits that are shown. */
function titleOfMeans(genres: readonly { genre: string; mean: number }[]): string {
  const [best, worst] = [genres[0]!, genres.at(-1)!];
  const [high, low] = [best.mean.toFixed(2), worst.mean.toFixed(2)];
  if (genres.length === 1) return `The mean rating of ${best.genre} is ${high}`;
  return high === low
    ? `All genres have the same mean rating, ${high}`
    : `${best.genre} has the highest mean rating, ${high}, ${worst.genre} the lowest, ${low}`;
}

/** Per cent. */
const COOCCURRENCE_STEPS_PERCENT = [2, 5, 10, 20, 35, 50];

/** How often a movie of one genre is of another too. */
export function genreCooccurrenceChart({ genres, genreCooccurrence }: Exploration): Chart {
  const names = genres.map(({ genre }) => genre);
  const values = names.flatMap((a, row) =>
    names.flatMap((b, column) =>
      row === column ? [] : [{ a, b, share: 100 * genreCooccurrence[row]![column]! }],
    ),
  );
  const scale = { domain: names };
  const most = values.reduce((best, own) => (own.share > best.share ? own : best));
  return {
    id: 'genre-cooccurrence',
    title: `${most.share.toFixed(0)}% of ${most.a} movies are also ${most.b}`,
    note: 'Of the movies of the genre on the left, per cent that also are of the genre below.',
    description: `A square of ${names.length} by ${names.length} cells, shaded by how often two genres come together; the darkest is ${most.a} with ${most.b}.`,
    spec: {
      height: 430,
      data: {
        values: values.map(({ a, b, share }) => ({
          a,
          b,
          band: bandName(share, COOCCURRENCE_STEPS_PERCENT),
        })),
      },
      mark: 'rect',
      encoding: {
        y: { ...nameAxis('a'), scale },
        x: {
          field: 'b',
          type: 'nominal',
          scale,
          axis: { title: null, labelAngle: -90, labelLimit: 90 },
        },
        color: shadeScale('band', COOCCURRENCE_STEPS_PERCENT, 'per cent'),
      },
    },
    table: {
      head: ['of the movies of', ...names],
      rows: names.map((name, row) => [
        name,
        ...genreCooccurrence[row]!.map((share, column) => (row === column ? '' : percent(share, 0))),
      ]),
    },
  };
}

/** Movies by year of release. */
export function yearCountChart({ years, moviesWithoutYear }: Exploration): Chart {
  const first = highest(years, ({ movies }) => movies);
  const [most] = first as [(typeof years)[number]];
  return {
    id: 'year-counts',
    title:
      years.length === 1
        ? `All movies with a year are of ${most.year}`
        : first.length === 1
          ? `More movies are of ${most.year} than of any other year, ${formatCount(most.movies)}`
          : `No year has more than ${formatCount(most.movies)} ${most.movies === 1 ? 'movie' : 'movies'}`,
    note: `Number of movies.${moviesWithoutYear > 0 ? ` ${formatCount(moviesWithoutYear)} movies have no year.` : ''}`,
    description: `Bars, one for each year from ${years[0]!.year} to ${years.at(-1)!.year}; the highest is ${most.year} with ${formatCount(most.movies)} movies.`,
    spec: {
      height: 210,
      data: { values: years },
      mark: 'bar',
      encoding: {
        x: yearAxis('year', years.at(-1)!.year - years[0]!.year),
        y: { field: 'movies', type: 'quantitative', axis: { title: 'movies', tickCount: 4 } },
      },
    },
    table: groupTable(
      'year',
      years.map(({ year, ...group }) => ({ name: String(year), ...group })),
    ),
  };
}

/** Fewer ratings than this make the mean of a year too uncertain to draw. */
const MIN_RATINGS_OF_YEAR = 100;
/** Movies before this year are compared with those since. */
const FIRST_RECENT_YEAR = 1980;

/** Nothing where fewer than two years have enough ratings. */
export function yearMeanChart({ years }: Exploration): Chart[] {
  const values = years.flatMap(({ mean, ...rest }) =>
    mean === null || rest.ratings < MIN_RATINGS_OF_YEAR ? [] : [{ ...rest, mean }],
  );
  if (values.length < 2) return [];
  const old = meanOver(values.filter(({ year }) => year < FIRST_RECENT_YEAR));
  const recent = meanOver(values.filter(({ year }) => year >= FIRST_RECENT_YEAR));
  const contrast =
    old === null || recent === null
      ? ''
      : ` ${old.toFixed(2)} stars for movies before ${FIRST_RECENT_YEAR}, ${recent.toFixed(2)} since.`;
  return [
    {
      id: 'year-means',
      title: titleOfAges(old, recent, values),
      note: `Mean rating, years with at least ${MIN_RATINGS_OF_YEAR} ratings.${contrast} The axis does not begin at 0.`,
      description: `Points, one for each of ${values.length} years of release.${contrast}`,
      spec: {
        height: 210,
        data: { values },
        mark: { type: 'point', size: 18 },
        encoding: {
          x: {
            field: 'year',
            type: 'quantitative',
            scale: { zero: false },
            axis: { title: null, format: 'd', grid: false, tickCount: 6 },
          },
          y: {
            field: 'mean',
            type: 'quantitative',
            scale: { zero: false },
            axis: { title: 'stars', tickCount: 5, format: '.1f' },
          },
        },
      },
      table: groupTable(
        'year',
        values.map(({ year, ...group }) => ({ name: String(year), ...group })),
      ),
    },
  ];
}

/** Which movies are rated higher, to the two digits that are shown. */
function titleOfAges(
  old: number | null,
  recent: number | null,
  years: readonly { year: number; mean: number }[],
): string {
  if (old === null || recent === null) {
    const [best] = highest(years, ({ mean }) => mean);
    return `Movies of ${best!.year} have the highest mean rating, ${best!.mean.toFixed(2)}`;
  }
  if (old.toFixed(2) === recent.toFixed(2)) return 'Older and newer movies are rated alike';
  return `${old > recent ? 'Older' : 'Newer'} movies are rated higher`;
}

/** Over ratings; null where there are none. */
function meanOver(groups: { ratings: number; mean: number }[]): number | null {
  const ratings = groups.reduce((sum, own) => sum + own.ratings, 0);
  return ratings === 0 ? null : groups.reduce((sum, own) => sum + own.ratings * own.mean, 0) / ratings;
}

/** The movies with most ratings. */
export function mostRatedChart({ mostRated, dataset }: Exploration): Chart {
  const first = mostRated[0]!;
  return {
    id: 'most-rated',
    title: `${percent(first.ratings / dataset.users, 0)} of the users rated the most rated movie`,
    note: 'Number of ratings.',
    description: `Bars for the ${mostRated.length} movies with most ratings; first ${first.title} with ${formatCount(first.ratings)}.`,
    spec: titledRows(mostRated, [
      {
        mark: { type: 'bar', height: 7, yOffset: BELOW_TITLE_PX },
        encoding: { x: valueScale('ratings') },
      },
      {
        mark: { type: 'text', align: 'left', dx: 4, yOffset: BELOW_TITLE_PX, color: colour.muted },
        encoding: { x: valueScale('ratings'), text: { field: 'ratings', format: ',' } },
      },
    ]),
    table: movieTable(mostRated),
  };
}

/** The movies with the highest damped mean. */
export function bestRatedChart({ bestRated, settings }: Exploration): Chart {
  const first = bestRated[0]!;
  const dampedScale = valueScale('dampedMean', { zero: false, padding: 8 });
  return {
    id: 'best-rated',
    title: isTied(bestRated, ({ dampedMean }) => dampedMean)
      ? `No movie has a higher damped mean than ${first.dampedMean.toFixed(2)} stars`
      : `${first.title} has the highest damped mean, ${first.dampedMean.toFixed(2)} stars`,
    note: `Damped mean in stars: as if each movie had ${settings.damping} more ratings at the overall mean, so that a single high rating does not put a movie first.`,
    description: `Points for the ${bestRated.length} movies with the highest damped mean; first ${first.title} with ${first.dampedMean.toFixed(2)} stars.`,
    spec: titledRows(bestRated, [
      {
        mark: { type: 'point', yOffset: BELOW_TITLE_PX },
        encoding: { x: dampedScale },
      },
      {
        mark: { type: 'text', align: 'left', dx: 8, yOffset: BELOW_TITLE_PX, color: colour.muted },
        encoding: { x: dampedScale, text: { field: 'dampedMean', format: '.2f' } },
      },
    ]),
    table: movieTable(bestRated),
  };
}

/** Whether the first and the second have the same value, to the two digits that are shown. */
function isTied(movies: readonly RatedMovie[], valueOf: (movie: RatedMovie) => number): boolean {
  const [first, second] = movies;
  return second !== undefined && valueOf(first!).toFixed(2) === valueOf(second).toFixed(2);
}

/** The movies whose ratings differ most, among those with many. */
export function mostDivisiveChart({ mostDivisive, settings, ratings }: Exploration): Chart {
  const first = mostDivisive[0]!;
  const values = mostDivisive.map((movie) => ({
    ...movie,
    low: movie.mean - movie.standardDeviation,
    high: movie.mean + movie.standardDeviation,
  }));
  return {
    id: 'most-divisive',
    title: isTied(mostDivisive, ({ standardDeviation }) => standardDeviation)
      ? `On no movie do ratings differ by more than a standard deviation of ${first.standardDeviation.toFixed(2)} stars`
      : `Users differ most on ${first.title}: standard deviation ${first.standardDeviation.toFixed(2)} stars`,
    note: `Mean rating, and one standard deviation to either side, in stars. Movies with at least ${countNoun(settings.minDivisiveRatings, 'rating')}; over all ratings the deviation is ${ratings.standardDeviation.toFixed(2)}.`,
    description: `Points with bars for the ${mostDivisive.length} movies with the largest standard deviation; first ${first.title} with ${first.standardDeviation.toFixed(2)} stars.`,
    spec: titledRows(values, [
      {
        mark: {
          type: 'rule',
          clip: true,
          strokeWidth: 2,
          color: colour.quiet,
          yOffset: BELOW_TITLE_PX,
          y2Offset: BELOW_TITLE_PX,
        },
        encoding: {
          x: {
            field: 'low',
            type: 'quantitative',
            scale: { domain: [ratings.histogram[0]!.stars, ratings.histogram.at(-1)!.stars], nice: true },
            axis: { title: 'stars', tickCount: 5 },
          },
          x2: { field: 'high' },
        },
      },
      {
        mark: { type: 'point', yOffset: BELOW_TITLE_PX },
        encoding: { x: { field: 'mean', type: 'quantitative' } },
      },
    ]),
    table: movieTable(mostDivisive),
  };
}

/** The most used tags; no chart where the release has none. */
export function tagChart({ tags }: Exploration): Chart[] {
  if (tags === null) return [];
  const first = tags.mostUsed[0]!;
  return [
    {
      id: 'tags',
      title:
        tags.mostUsed[1]?.uses === first.uses
          ? `No tag is used more than ${countNoun(first.uses, 'time')}`
          : `“${first.tag}” is the most used of ${countNoun(tags.distinctTags, 'tag')}`,
      note: `Uses of each tag. In all ${formatCount(tags.uses)} uses by ${formatCount(tags.users)} users, on ${formatCount(tags.movies)} movies.`,
      description: `Bars for the ${tags.mostUsed.length} most used tags; first “${first.tag}” with ${formatCount(first.uses)} uses.`,
      spec: labelledBars(tags.mostUsed, 'tag', 'uses'),
      table: {
        head: ['tag', 'uses', 'users', 'movies'],
        rows: tags.mostUsed.map(({ tag, uses, users, movies }) => [tag, uses, users, movies]),
      },
    },
  ];
}

function groupTable(
  name: string,
  groups: { name: string; movies: number; ratings: number; mean: number | null }[],
): Chart['table'] {
  return {
    head: [name, 'movies', 'ratings', 'mean rating'],
    rows: groups.map(({ name, movies, ratings, mean }) => [name, movies, ratings, mean?.toFixed(2) ?? '–']),
  };
}

function movieTable(movies: RatedMovie[]): Chart['table'] {
  return {
    head: ['movie', 'ratings', 'mean', 'damped mean', 'deviation'],
    rows: movies.map(({ title, ratings, mean, dampedMean, standardDeviation }) => [
      title,
      ratings,
      mean.toFixed(2),
      dampedMean.toFixed(2),
      standardDeviation.toFixed(2),
    ]),
  };
}
