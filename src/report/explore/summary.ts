/** The terminal summary of `recsys explore`: the numbers of its page, in tables of text. */
import type { Exploration, RatedMovie, Spread } from '../../explore/record.ts';
import { wrapWords } from '../charts/text.ts';
import { percent } from '../charts/parts.ts';
import { formatCount, textTable } from '../table.ts';

/** Rows shown of each list; the page and the record have more. */
const MOVIE_ROWS = 5;
const GENRE_ROWS = 8;
const TAG_NAMES = 5;
/** Columns of the terminal that prose is broken for, and letters of a movie's title on one line. */
const TERMINAL_COLUMNS = 80;
const TITLE_LETTERS = 40;
/** Characters of the longest bar of the histogram. */
const BAR_WIDTH = 40;

/** What a person sees in the terminal. Ends in a newline. */
export function exploreSummary(found: Exploration): string {
  const { dataset, ratings, perUser, perMovie } = found;
  const period =
    ratings.firstDate === null ? 'without timestamps' : `${ratings.firstDate} to ${ratings.lastDate}`;
  return `${[
    `${dataset.name}: ${formatCount(dataset.ratings)} ratings, ${period}`,
    ...wrapWords(
      `mean ${ratings.mean.toFixed(2)} stars, standard deviation ${ratings.standardDeviation.toFixed(2)}; ${percent(ratings.density)} of the cells are filled; ${formatCount(found.unratedMovies)} movies have no rating`,
      TERMINAL_COLUMNS,
    ),
    '',
    ...histogramBars(ratings),
    '',
    textTable(
      ['ratings per', 'count', 'min', 'median', 'mean', 'max', 'Gini', 'half held by'],
      [spreadRow('user', perUser), spreadRow('movie', perMovie)],
    ),
    '',
    movieTable('most rated', found.mostRated),
    '',
    movieTable('best rated', found.bestRated),
    '',
    movieTable('most divisive', found.mostDivisive),
    '',
    genreTable(found),
    '',
    ...wrapWords(tagLine(found), TERMINAL_COLUMNS),
    '',
    splitTable(found),
  ].join('\n')}\n`;
}

function histogramBars({ histogram }: Exploration['ratings']): string[] {
  const largest = Math.max(...histogram.map(({ share }) => share));
  const areHalves = histogram.every(({ stars }) => Number.isInteger(stars * 2));
  const names = histogram.map(({ stars }) => (areHalves ? stars.toFixed(1) : String(stars)));
  const width = Math.max(...names.map((name) => name.length));
  return histogram.map(
    ({ share }, n) =>
      `${names[n]!.padStart(width)}  ${'█'.repeat(Math.round((BAR_WIDTH * share) / largest))} ${percent(share)}`,
  );
}

function spreadRow(name: string, spread: Spread): string[] {
  const { min, median, mean, max, gini, holdersOfHalf } = spread;
  return [
    name,
    formatCount(spread.count),
    formatCount(min),
    formatCount(median),
    mean.toFixed(1),
    formatCount(max),
    gini.toFixed(2),
    `${formatCount(holdersOfHalf)} (${percent(holdersOfHalf / spread.count)})`,
  ];
}

function movieTable(title: string, movies: readonly RatedMovie[]): string {
  return textTable(
    [title, 'ratings', 'mean', 'damped\nmean', 'standard\ndeviation'],
    movies
      .slice(0, MOVIE_ROWS)
      .map((movie) => [
        wrapWords(movie.title, TITLE_LETTERS).join('\n'),
        formatCount(movie.ratings),
        movie.mean.toFixed(2),
        movie.dampedMean.toFixed(2),
        movie.standardDeviation.toFixed(2),
      ]),
  );
}

function genreTable({ genres }: Exploration): string {
  return textTable(
    ['genre', 'movies', 'ratings', 'mean'],
    genres
      .slice(0, GENRE_ROWS)
      .map(({ genre, movies, ratings, mean }) => [
        genre,
        formatCount(movies),
        formatCount(ratings),
        mean?.toFixed(2) ?? '–',
      ]),
  );
}

function tagLine({ tags }: Exploration): string {
  if (tags === null) return 'no tags';
  const names = tags.mostUsed.slice(0, TAG_NAMES).map(({ tag }) => tag);
  return `${formatCount(tags.uses)} uses of ${formatCount(tags.distinctTags)} tags by ${formatCount(tags.users)} users; most used: ${names.join(', ')}`;
}

function splitTable({ splits }: Exploration): string {
  return textTable(
    ['split', 'test\nratings', 'users\nevaluated', 'cold\nmovies', 'cold\nratings', 'own future\nin train'],
    splits.map((own) => [
      own.split,
      formatCount(own.testRatings),
      formatCount(own.evaluatedUsers),
      formatCount(own.coldMovies),
      percent(own.coldTestShare),
      percent(own.leakedTestShare),
    ]),
  );
}
