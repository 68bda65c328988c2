/** The page of `recsys explore`. */
import type { Exploration } from '../../explore/record.ts';
import {
  activityChart,
  densityChart,
  histogramChart,
  longTailChart,
  lorenzChart,
  newUsersChart,
  splitCharts,
} from './charts.ts';
import {
  bestRatedChart,
  genreCountChart,
  genreMeanChart,
  mostDivisiveChart,
  mostRatedChart,
  tagChart,
  genreCooccurrenceChart,
  yearCountChart,
  yearMeanChart,
} from './movie-charts.ts';
import { percent } from '../charts/parts.ts';
import { renderPage, type Section, type TableBlock } from '../page/page.ts';
import { countNoun, formatCount } from '../table.ts';

/** The whole page as HTML; `command` is what the person typed. */
export async function explorePage(found: Exploration, command: string): Promise<string> {
  const { dataset, ratings, perMovie, environment } = found;
  const period = ratings.firstDate === null ? '' : ` from ${ratings.firstDate} to ${ratings.lastDate}`;
  return await renderPage({
    title: `What is in ${dataset.name}`,
    lead:
      `${countNoun(dataset.ratings, 'rating')} of ${countNoun(perMovie.count, 'movie')} by ${countNoun(dataset.users, 'user')}${period}. ` +
      (ratings.density === 1
        ? 'Every user has rated every movie: there is nothing left to recommend.'
        : `${percent(ratings.density)} of all pairs of a user and a movie have a rating; the rest is what a recommender must guess.`),
    figures: [
      { label: 'ratings', value: formatCount(dataset.ratings) },
      { label: 'users', value: formatCount(dataset.users) },
      { label: 'movies with a rating', value: formatCount(perMovie.count) },
      { label: 'mean rating', value: ratings.mean.toFixed(2) },
      { label: 'filled cells', value: percent(ratings.density) },
      { label: 'ratings of the median user', value: formatCount(found.perUser.median) },
    ],
    sections: sectionsOf(found),
    made: { command, environment, dataset, notes: dataset.warnings },
  });
}

function sectionsOf(found: Exploration): Section[] {
  const hasYears = found.years.length > 0;
  const hasGenres = found.genres.length > 0;
  const hasTimes = found.activity.length > 0;
  return [
    {
      title: 'Ratings',
      charts: [histogramChart(found), longTailChart(found), lorenzChart(found)],
    },
    {
      title: 'Where and when',
      charts: [densityChart(found), ...(hasTimes ? [activityChart(found), newUsersChart(found)] : [])],
    },
    {
      title: 'Movies',
      charts: [
        mostRatedChart(found),
        bestRatedChart(found),
        mostDivisiveChart(found),
        ...(hasYears ? [yearCountChart(found), ...yearMeanChart(found)] : []),
        ...tagChart(found),
      ],
    },
    ...(hasGenres
      ? [
          {
            title: 'Genres',
            charts: [
              genreCountChart(found),
              genreMeanChart(found),
              ...(found.genres.length > 1 ? [genreCooccurrenceChart(found)] : []),
            ],
          },
        ]
      : []),
    ...(found.splits.length > 0
      ? [
          {
            title: 'What each split does',
            intro: `Test share ${percent(found.settings.testShare, 0)}, seed ${found.settings.seed}; relevant is a rating of at least ${found.settings.threshold} stars.`,
            charts: splitCharts(found),
            tables: [splitTable(found)],
          },
        ]
      : []),
  ];
}

function splitTable({ splits }: Exploration): TableBlock {
  return {
    id: 'splits',
    title: 'The splits side by side',
    note:
      'Cold: without any training rating. Own future: test ratings whose user has a later rating in train. ' +
      'Any future: training ratings later than the first test rating.',
    table: {
      head: [
        'split',
        'train',
        'test',
        'users in test',
        'evaluated',
        'cold users',
        'cold movies',
        'cold ratings',
        'own future',
        'any future',
      ],
      rows: splits.map((own) => [
        own.split,
        formatCount(own.trainRatings),
        formatCount(own.testRatings),
        formatCount(own.testUsers),
        formatCount(own.evaluatedUsers),
        formatCount(own.coldUsers),
        formatCount(own.coldMovies),
        percent(own.coldTestShare),
        percent(own.leakedTestShare),
        percent(own.leakedTrainShare),
      ]),
    },
  };
}
