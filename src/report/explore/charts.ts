/** The pictures of `recsys explore` that show ratings and splits. Titles say what is seen, in the data's own numbers. */
import type { Exploration } from '../../explore/record.ts';
import {
  bandName,
  labelledBars,
  logAxis,
  percent,
  percentAxis,
  seriesColour,
  shadeScale,
  yearAxis,
} from '../charts/parts.ts';
import type { Chart } from '../charts/chart.ts';
import { formatCount } from '../table.ts';
import { colour } from '../page/theme.ts';

/** How often each number of stars was given. */
export function histogramChart({ ratings }: Exploration): Chart {
  const most = ratings.histogram.reduce((best, bin) => (bin.ratings > best.ratings ? bin : best));
  return {
    id: 'histogram',
    title: `${most.stars} stars is the most common rating`,
    note: `Share of all ratings, in per cent. Mean ${ratings.mean.toFixed(2)}, standard deviation ${ratings.standardDeviation.toFixed(2)} stars.`,
    description: `Bars, one for each rating from ${ratings.histogram[0]!.stars} to ${ratings.histogram.at(-1)!.stars} stars; the highest is ${percent(most.share)} at ${most.stars} stars.`,
    spec: {
      height: 210,
      data: { values: ratings.histogram.map(({ stars, share }) => ({ stars, share: 100 * share })) },
      encoding: {
        x: { field: 'stars', type: 'ordinal', title: 'stars', axis: { labelAngle: 0 } },
        y: { field: 'share', type: 'quantitative', axis: null },
      },
      layer: [
        { mark: { type: 'bar' } },
        {
          mark: { type: 'text', dy: -7 },
          encoding: { text: { field: 'share', format: '.1f' } },
        },
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
    note: `Ratings of the most rated movie, the second, and so on; of users likewise. Both axes are logarithmic. The median movie has ${perMovie.median}, the median user ${perUser.median}.`,
    description: `Two falling curves on logarithmic axes. Movies fall from ${formatCount(perMovie.max)} ratings to ${perMovie.min}, users from ${formatCount(perUser.max)} to ${perUser.min}.`,
    spec: {
      height: 240,
      data: { values },
      encoding: {
        x: { field: 'rank', ...logAxis('rank') },
        y: { field: 'ratings', ...logAxis('ratings') },
        color: seriesColour(['movies', 'users']),
      },
      layer: [
        { mark: 'line' },
        {
          transform: [
            { window: [{ op: 'row_number', as: 'row' }], groupby: ['name'] },
            { filter: 'datum.row == 8' },
          ],
          mark: { type: 'text', align: 'left', dx: 7, dy: -7, fontWeight: 600 },
          encoding: { text: { field: 'name' } },
        },
      ],
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
    { name: 'movies', label: `movies, Gini ${perMovie.gini.toFixed(2)}`, points: perMovie.lorenzCurve },
    { name: 'users', label: `users, Gini ${perUser.gini.toFixed(2)}`, points: perUser.lorenzCurve },
  ];
  const values = series.flatMap(({ name, points }) =>
    points.map(([x, y]) => ({ name, x: 100 * x, y: 100 * y })),
  );
  const labels = series.map(({ name, label, points }, n) => {
    const [x, y] = points[Math.floor(points.length * (n === 0 ? 0.86 : 0.52))]!;
    return { name, label, x: 100 * x, y: 100 * y };
  });
  return {
    id: 'lorenz',
    title: titleOfSpread(perUser.gini, perMovie.gini),
    note: `Users and movies with the fewest ratings first: share of all ratings that the first so many per cent hold. Equal shares would be the straight line (Gini 0). Half is held by ${formatCount(perMovie.holdersOfHalf)} movies and by ${formatCount(perUser.holdersOfHalf)} users.`,
    description: `Two Lorenz curves far below the diagonal: Gini ${perMovie.gini.toFixed(2)} for movies, ${perUser.gini.toFixed(2)} for users.`,
    spec: {
      height: 240,
      encoding: {
        x: percentAxis('x', 'per cent of users or movies'),
        y: percentAxis('y', 'per cent of the ratings'),
        color: seriesColour(['movies', 'users']),
      },
      layer: [
        {
          data: { values: [0, 100].map((x) => ({ x, y: x })) },
          mark: { type: 'line', strokeWidth: 1 },
          encoding: { color: { value: colour.quiet } },
        },
        { data: { values }, mark: 'line' },
        {
          data: { values: labels },
          mark: { type: 'text', align: 'right', dx: -7, dy: -6, fontWeight: 600 },
          encoding: { text: { field: 'label' } },
        },
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
  const most = activity.reduce((best, month) => (month.ratings > best.ratings ? month : best));
  return {
    id: 'activity',
    title: `The busiest month, ${most.month}, has ${formatCount(most.ratings)} ratings`,
    note: `Ratings per month, ${ratings.firstDate} to ${ratings.lastDate}. ${percent(ratings.shareWithinOneDay ?? 0, 0)} of the users gave all of their ratings within 24 hours.`,
    description: `Bars, one for each of ${activity.length} months; the highest is ${most.month}.`,
    spec: {
      height: 210,
      data: { values: activity.map(({ month, ratings }) => ({ month: `${month}-01`, ratings })) },
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

/** Users by the year of their first rating. */
export function newUsersChart({ activity }: Exploration): Chart {
  const years = new Map<string, { users: number; ratings: number }>();
  for (const { month, newUsers, ratings } of activity) {
    const year = month.slice(0, 4);
    const sum = years.get(year) ?? { users: 0, ratings: 0 };
    years.set(year, { users: sum.users + newUsers, ratings: sum.ratings + ratings });
  }
  const values = [...years].map(([year, sums]) => ({ year: Number(year), ...sums }));
  const most = values.reduce((best, own) => (own.users > best.users ? own : best));
  return {
    id: 'new-users',
    title:
      values.length === 1
        ? `All users joined in ${most.year}`
        : `${percent(most.users / values.reduce((sum, { users }) => sum + users, 0), 0)} of the users joined in ${most.year}, more than in any other year`,
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
    title: `${percent(1 - ratings.density)} of the matrix is empty`,
    note: `Users from the most active (top) to the least, movies from the most rated (left) to the least, in blocks of equal size. Shade: per cent of a block’s cells that hold a rating. ${formatCount(dataset.users)} users by ${formatCount(perMovie.count)} rated movies.`,
    description: `A grid that is dark only in the top left corner, where ${percent(corner, 0)} of the cells are filled, and empty over most of its area.`,
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
    valueOf: (split: Exploration['splits'][number]) => number,
    format: ',' | '.1f',
  ): Chart => {
    const values = splits.map((split) => ({ split: split.split, value: valueOf(split) }));
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
        ? 'Users that each split can evaluate'
        : `A split by time leaves ${formatCount(temporal.evaluatedUsers)} of ${formatCount(dataset.users)} users to evaluate`,
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
    bars(
      'split-future',
      `A random split lets models see the future of ${percent(random.leakedTestShare, 0)} of the test ratings`,
      'Test ratings whose user has a later rating in train, in per cent: easier than recommending what comes next.',
      ({ leakedTestShare }) => 100 * leakedTestShare,
      '.1f',
    ),
  ];
}
