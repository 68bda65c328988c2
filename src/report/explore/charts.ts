/** The pictures of `recsys explore` that show ratings and splits. Titles say what is seen, in the data's own numbers. */
import type { Exploration } from '../../explore/record.ts';
import {
  bandName,
  highest,
  labelledBars,
  logAxis,
  percent,
  percentAxis,
  seriesColour,
  shadeScale,
  yearAxis,
} from '../charts/parts.ts';
import type { Chart } from '../charts/chart.ts';
import { countNoun, formatCount, joinNames } from '../table.ts';
import { colour } from '../theme.ts';

/** More bars than this are too narrow for a number above each. */
const MAX_LABELLED_BARS = 12;

/** How often each number of stars was given. */
export function histogramChart({ ratings }: Exploration): Chart {
  const most = highest(ratings.histogram, ({ ratings }) => ratings);
  const levels = joinNames(most.map(({ stars }) => String(stars)));
  const labelled = ratings.histogram.length <= MAX_LABELLED_BARS;
  return {
    id: 'histogram',
    title:
      most.length === 1
        ? `${levels} ${levels === '1' ? 'star' : 'stars'} is the most common rating, ${percent(most[0]!.share, 0)} of all`
        : `${levels} stars are the most common ratings, ${percent(most[0]!.share, 0)} of all each`,
    note: `Share of all ratings, in per cent. Mean ${ratings.mean.toFixed(2)}, standard deviation ${ratings.standardDeviation.toFixed(2)} stars.`,
    description: `Bars, one for each rating from ${ratings.histogram[0]!.stars} to ${ratings.histogram.at(-1)!.stars} stars; the highest is ${percent(most[0]!.share)} at ${levels} stars.`,
    spec: {
      height: 210,
      data: { values: ratings.histogram.map(({ stars, share }) => ({ stars, share: 100 * share })) },
      encoding: {
        x: { field: 'stars', type: 'ordinal', title: 'stars', axis: { labelAngle: 0, labelOverlap: true } },
        y: {
          field: 'share',
          type: 'quantitative',
          axis: labelled ? null : { title: 'per cent', tickCount: 4 },
        },
      },
      layer: [
        { mark: { type: 'bar' } },
        ...(labelled
          ? [{ mark: { type: 'text', dy: -7 }, encoding: { text: { field: 'share', format: '.1f' } } }]
          : []),
      ],
    },
    table: {
      head: ['stars', 'ratings', 'share'],
      rows: ratings.histogram.map(({ stars, ratings, share }) => [String(stars), ratings, percent(share)]),
    },
  };
}

/** Ratings against rank, of movies and of users, on logarithmic axes. */
export function longTailChart({ perUser, perMovie }: Exploration): Chart {
  const series = [
    { name: 'movies', points: perMovie.ratingsByRank },
    { name: 'users', points: perUser.ratingsByRank },
  ];
  const values = series.flatMap(({ name, points }) =>
    points.map(([rank, ratings]) => ({ name, rank, ratings })),
  );
  return {
    id: 'long-tail',
    title: `Half of the ratings are of ${percent(perMovie.holdersOfHalf / perMovie.count)} of the movies and by ${percent(perUser.holdersOfHalf / perUser.count)} of the users`,
    note: `Ratings of the most rated movie, the second, and so on; of users likewise. Both axes are logarithmic. The median movie has ${formatCount(perMovie.median)}, the median user ${formatCount(perUser.median)}.`,
    description: `Two curves on logarithmic axes. Movies go from ${formatCount(perMovie.max)} ratings to ${formatCount(perMovie.min)}, users from ${formatCount(perUser.max)} to ${formatCount(perUser.min)}.`,
    spec: {
      height: 240,
      data: { values },
      encoding: {
        x: { field: 'rank', ...logAxis('rank') },
        y: { field: 'ratings', ...logAxis('ratings') },
        color: seriesColour(['movies', 'users']),
      },
      mark: 'line',
    },
    table: {
      head: ['of', 'rank', 'ratings'],
      rows: values.map(({ name, rank, ratings }) => [name, rank, ratings]),
    },
  };
}

/** Lorenz curves of ratings over users and over movies, with their Gini indices. */
export function lorenzChart({ perUser, perMovie }: Exploration): Chart {
  const series = [
    { name: `movies, Gini ${perMovie.gini.toFixed(2)}`, points: perMovie.lorenzCurve },
    { name: `users, Gini ${perUser.gini.toFixed(2)}`, points: perUser.lorenzCurve },
  ];
  const values = series.flatMap(({ name, points }) =>
    points.map(([x, y]) => ({ name, x: 100 * x, y: 100 * y })),
  );
  return {
    id: 'lorenz',
    title: titleOfSpread(perUser.gini, perMovie.gini),
    note: `Users and movies with the fewest ratings first: share of all ratings that the first so many per cent hold. Equal shares would be the straight line (Gini 0). Half is held by ${countNoun(perMovie.holdersOfHalf, 'movie')} and by ${countNoun(perUser.holdersOfHalf, 'user')}.`,
    description: `Two Lorenz curves beside the diagonal of equal shares: Gini ${perMovie.gini.toFixed(2)} for movies, ${perUser.gini.toFixed(2)} for users.`,
    spec: {
      height: 240,
      encoding: {
        x: percentAxis('x', 'per cent of users or movies'),
        y: percentAxis('y', 'per cent of the ratings'),
        color: seriesColour(series.map(({ name }) => name)),
      },
      layer: [
        {
          data: { values: [0, 100].map((x) => ({ x, y: x })) },
          mark: { type: 'line', strokeWidth: 1 },
          encoding: { color: { value: colour.quiet } },
        },
        { data: { values }, mark: 'line' },
      ],
    },
    table: {
      head: ['of', 'per cent of them', 'per cent of the ratings'],
      rows: values.map(({ name, x, y }) => [name, x.toFixed(1), y.toFixed(1)]),
    },
  };
}

/** Which of the two is more concentrated, to the two digits that are shown. */
function titleOfSpread(users: number, movies: number): string {
  const [ofUsers, ofMovies] = [users.toFixed(2), movies.toFixed(2)];
  if (ofUsers === ofMovies) return `Ratings are as unequal over movies as over users, Gini ${ofMovies}`;
  return movies > users
    ? `Ratings are more unequal over movies (Gini ${ofMovies}) than over users (${ofUsers})`
    : `Ratings are more unequal over users (Gini ${ofUsers}) than over movies (${ofMovies})`;
}

/** Ratings per calendar month (UTC). */
export function activityChart({ activity, ratings }: Exploration): Chart {
  const busiest = highest(activity, ({ ratings }) => ratings);
  const [most] = busiest as [(typeof activity)[number]];
  const last = activity.at(-1)!;
  const end = { month: followingMonth(last.month), ratings: last.ratings }; // closes the last step
  const values = [...activity, end].map(({ month, ratings }) => ({ month: `${month}-01`, ratings }));
  return {
    id: 'activity',
    title: titleOfActivity(activity, busiest),
    note: `Ratings per month, ${ratings.firstDate} to ${ratings.lastDate}. ${percent(ratings.shareWithinOneDay ?? 0, 0)} of the users gave all of their ratings within 24 hours.`,
    description: `Bars, one for each of ${activity.length} months; the highest is ${most.month}.`,
    spec: {
      height: 210,
      data: { values },
      mark: { type: 'area', interpolate: 'step-after' },
      encoding: {
        x: {
          field: 'month',
          type: 'temporal',
          scale: { type: 'utc' },
          axis: { title: null, format: '%Y', tickCount: 6, grid: false },
        },
        y: { field: 'ratings', type: 'quantitative', axis: { title: 'ratings', tickCount: 4 } },
      },
    },
    table: {
      head: ['month', 'ratings', 'users', 'new users'],
      rows: activity.map(({ month, ratings, users, newUsers }) => [month, ratings, users, newUsers]),
    },
  };
}

function titleOfActivity(
  activity: Exploration['activity'],
  busiest: readonly { month: string; ratings: number }[],
): string {
  const [{ month, ratings }] = busiest as [(typeof busiest)[number]];
  if (activity.length === 1) return `All ratings are of one month, ${month}`;
  if (busiest.length > 1) return `No month has more than ${countNoun(ratings, 'rating')}`;
  return `The busiest month, ${month}, has ${countNoun(ratings, 'rating')}`;
}

/** "2016-12" to "2017-01". */
function followingMonth(month: string): string {
  const date = new Date(`${month}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() + 1);
  return date.toISOString().slice(0, 7);
}

/** Users by the year of their first rating. */
export function newUsersChart({ activity }: Exploration): Chart {
  const years = new Map<string, { users: number; ratings: number }>();
  for (const { month, newUsers, ratings } of activity) {
    const year = month.slice(0, 4);
    const sum = years.get(year) ?? { users: 0, ratings: 0 };
    years.set(year, { users: sum.users + newUsers, ratings: sum.ratings + ratings });
  }
  const values = [...years].map(([year, sums]) => ({ year: Number(year), ...sums }));
  const first = highest(values, ({ users }) => users);
  const [most] = first as [(typeof values)[number]];
  const share = percent(most.users / values.reduce((sum, { users }) => sum + users, 0), 0);
  return {
    id: 'new-users',
    title:
      values.length === 1
        ? `All users joined in ${most.year}`
        : first.length === 1
          ? `${share} of the users joined in ${most.year}, more than in any other year`
          : `No year has more than ${share} of the new users`,
    note: 'Users by the year of their first rating.',
    description: `Bars, one for each year from ${values[0]!.year} to ${values.at(-1)!.year}; the highest is ${most.year} with ${formatCount(most.users)} users.`,
    spec: {
      height: 210,
      data: { values },
      mark: 'bar',
      encoding: {
        x: yearAxis('year', values.length),
        y: { field: 'users', type: 'quantitative', axis: { title: 'new users', tickCount: 4 } },
      },
    },
    table: {
      head: ['year', 'new users', 'ratings'],
      rows: values.map(({ year, users, ratings }) => [String(year), users, ratings]),
    },
  };
}

/** Per cent; filled cells range over three orders of magnitude. */
const DENSITY_STEPS_PERCENT = [0.1, 0.5, 2, 5, 15, 40];

/** Where the matrix of users and movies is filled, in blocks from the most active and most rated down. */
export function densityChart({ densityGrid, ratings, dataset, perMovie }: Exploration): Chart {
  const values = densityGrid.flatMap((row, r) =>
    row.map((share, c) => ({ r, c, band: bandName(100 * share, DENSITY_STEPS_PERCENT) })),
  );
  const corner = densityGrid[0]?.[0] ?? 0;
  return {
    id: 'density',
    title:
      ratings.density === 1
        ? 'Every user has rated every movie'
        : `${percent(1 - ratings.density)} of the matrix is empty`,
    note: `Users from the most active (top) to the least, movies from the most rated (left) to the least, in blocks of equal size. Shade: per cent of a block’s cells that hold a rating. ${countNoun(dataset.users, 'user')} by ${countNoun(perMovie.count, 'rated movie')}.`,
    description: `A grid of ${densityGrid.length} by ${densityGrid[0]?.length ?? 0} blocks. In the top left one, of the most active users and most rated movies, ${percent(corner, 0)} of the cells are filled; in the bottom right one ${percent(densityGrid.at(-1)?.at(-1) ?? 0, 0)}.`,
    spec: {
      height: 300,
      data: { values },
      mark: 'rect',
      encoding: {
        x: { field: 'c', type: 'ordinal', axis: null },
        y: { field: 'r', type: 'ordinal', axis: null },
        color: shadeScale('band', DENSITY_STEPS_PERCENT, 'per cent filled'),
      },
    },
    table: {
      head: ['users \\ movies', ...densityGrid[0]!.map((_, c) => `block ${c + 1}`)],
      rows: densityGrid.map((row, r) => [`block ${r + 1}`, ...row.map((share) => percent(share))]),
    },
  };
}

/** One small chart for each way in which splits differ. */
export function splitCharts({ splits, dataset }: Exploration): Chart[] {
  const temporal = splits.find(({ split }) => split === 'global-temporal');
  const random = splits[0]!;
  const bars = (
    id: string,
    title: string,
    note: string,
    valueOf: (split: Exploration['splits'][number]) => number | null,
    format: ',' | '.1f',
  ): Chart => {
    const values = splits.flatMap((split) => {
      const value = valueOf(split);
      return value === null ? [] : [{ split: split.split, value }];
    });
    return {
      id,
      title,
      note,
      description: `Bars, one for each split: ${values.map(({ split, value }) => `${split} ${format === ',' ? formatCount(value) : `${value.toFixed(1)}%`}`).join(', ')}.`,
      spec: labelledBars(values, 'split', 'value', format),
      table: {
        head: ['split', title],
        rows: values.map(({ split, value }) => [split, format === ',' ? value : value.toFixed(2)]),
      },
    };
  };
  return [
    bars(
      'split-users',
      temporal === undefined
        ? `${formatCount(random.evaluatedUsers)} of ${countNoun(dataset.users, 'user')} can be evaluated`
        : `A split by time leaves ${formatCount(temporal.evaluatedUsers)} of ${countNoun(dataset.users, 'user')} to evaluate`,
      'Users with a relevant rating in test.',
      ({ evaluatedUsers }) => evaluatedUsers,
      ',',
    ),
    bars(
      'split-cold',
      `${percent(temporal?.coldTestShare ?? random.coldTestShare, 0)} of the test ratings are cold when ${temporal ? 'time divides them' : 'chance divides them'}`,
      'Test ratings of a user or movie without any training rating, in per cent: no collaborative model can get these right.',
      ({ coldTestShare }) => 100 * coldTestShare,
      '.1f',
    ),
    ...(random.leakedTestShare === null
      ? []
      : [
          bars(
            'split-future',
            `A random split lets models see the future of ${percent(random.leakedTestShare, 0)} of the test ratings`,
            'Test ratings whose user has a later rating in train, in per cent: easier than recommending what comes next.',
            ({ leakedTestShare }) => leakedTestShare && 100 * leakedTestShare,
            '.1f',
          ),
        ]),
  ];
}
