/** What the ratings alone tell: their values, how they spread over users and movies, when they were given. */
import type { Dataset, Ratings } from '../data/dataset.ts';
import { rowsAt } from '../data/ratings/rows.ts';
import { gini } from '../evaluation/beyond-accuracy.ts';
import { extremes } from '../util/arrays.ts';
import { exp, log } from '../util/math.ts';
import type { Exploration, Spread } from './record.ts';

/** Points on a curve of ranks, and on a Lorenz curve: enough for a smooth line. */
const CURVE_POINTS = 60;
const LORENZ_POINTS = 50;
/** Rows and columns of the picture of the matrix. */
const MAX_GRID_BLOCKS = 24;
/** Most bars of a histogram, as for whole numbers from 0 to 100, and the bars where that is not enough. */
const MAX_BARS = 101;
const BARS_OF_RANGES = 21;
/** Significant digits of what such a bar stands for. */
const BAR_DIGITS = 4;
const DAY_SECONDS = 24 * 60 * 60;

/** Values and period of the ratings. Deviation is that of the population, in stars. The period is that of known times. */
export function describeRatings(
  data: Pick<Dataset, 'ratings' | 'scale' | 'withoutTime'>,
  users: number,
  ratedMovies: number,
): Exploration['ratings'] {
  const { values } = data.ratings;
  const levels = levelsOf(data.scale);
  const histogram = new Float64Array(levels.stars.length);
  for (const value of values) histogram[Math.round((value - data.scale.min) / levels.step)]!++;
  const { mean, variance } = levels.areExact ? momentsOf(levels.stars, histogram) : momentsOf(values);
  const timed = ratingsWithTime(data);
  const period = hasTimes(timed) ? extremes(timed.timestamps) : undefined;
  return {
    mean,
    standardDeviation: Math.sqrt(variance),
    density: values.length / (users * ratedMovies),
    firstDate: period ? dateOf(period.min) : null,
    lastDate: period ? dateOf(period.max) : null,
    shareWithinOneDay: period ? shareOfUsersWithinOneDay(timed, users) : null,
    histogram: Array.from(histogram, (count, level) => ({
      stars: levels.stars[level]!,
      ratings: count,
      share: count / values.length,
    })),
  };
}

/**
 * The bars of the histogram: each rating that the scale allows, or, where these are too many to draw or any number is
 * one, numbers evenly spaced from the lowest to the highest rating, each for the ratings nearest to it.
 */
function levelsOf({ min, max, step }: Dataset['scale']): {
  stars: number[];
  step: number;
  areExact: boolean;
} {
  const areExact = min === max || (step > 0 && (max - min) / step < MAX_BARS);
  const width = areExact ? step || 1 : (max - min) / (BARS_OF_RANGES - 1);
  const count = Math.round((max - min) / width) + 1;
  const shorten = (stars: number) => (areExact ? stars : Number(stars.toPrecision(BAR_DIGITS)));
  return { stars: Array.from({ length: count }, (_, n) => shorten(min + n * width)), step: width, areExact };
}

/** Mean and variance (of the population) of values, each counted as often as `counts` says, else once. */
function momentsOf(values: ArrayLike<number>, counts?: Float64Array): { mean: number; variance: number } {
  const weigh = (term: (value: number) => number) => {
    let sum = 0;
    for (let n = 0; n < values.length; n++) sum += (counts?.[n] ?? 1) * term(values[n]!);
    return sum;
  };
  const total = weigh(() => 1);
  const mean = weigh((value) => value) / total;
  return { mean, variance: weigh((value) => (value - mean) ** 2) / total };
}

/**
 * All ratings, or those whose time is known where some are not: an unknown time is kept as 0, which would count as the
 * year 1970.
 */
export function ratingsWithTime({
  ratings,
  withoutTime = 0,
}: Pick<Dataset, 'ratings' | 'withoutTime'>): Ratings {
  if (withoutTime === 0) return ratings;
  const { timestamps } = ratings;
  return rowsAt(
    ratings,
    Int32Array.from(timestamps.keys()).filter((row) => timestamps[row] !== 0),
  );
}

/** Share of the users with a rating whose first and last rating are at most a day apart. */
function shareOfUsersWithinOneDay({ users, timestamps }: Ratings, userCount: number): number {
  const first = new Float64Array(userCount).fill(Infinity);
  const last = new Float64Array(userCount).fill(-Infinity);
  for (let n = 0; n < users.length; n++) {
    const user = users[n]!;
    first[user] = Math.min(first[user]!, timestamps[n]!);
    last[user] = Math.max(last[user]!, timestamps[n]!);
  }
  const spans = last.map((time, user) => time - first[user]!).filter((span) => span !== -Infinity);
  return spans.reduce((sum, span) => sum + (span <= DAY_SECONDS ? 1 : 0), 0) / spans.length;
}

/** How ratings spread, given the number that each user (or movie) has; those without any are left out. */
export function describeSpread(counts: Int32Array): Spread {
  const ascending = counts.filter((count) => count > 0).sort();
  const n = ascending.length;
  const total = ascending.reduce((sum, count) => sum + count, 0);
  const atRank = (rank: number) => ascending[n - rank]!;
  let holdersOfHalf = 0;
  for (let held = 0; held < total / 2; holdersOfHalf++) held += atRank(holdersOfHalf + 1);
  return {
    count: n,
    min: ascending[0]!,
    median: (ascending[(n - 1) >> 1]! + ascending[n >> 1]!) / 2,
    mean: total / n,
    max: ascending[n - 1]!,
    gini: gini(ascending, n),
    holdersOfHalf,
    ratingsByRank: logarithmicRanks(n).map((rank) => [rank, atRank(rank)]),
    lorenzCurve: lorenzCurve(ascending, total),
  };
}

/** 1 to n, evenly spaced on a logarithmic scale, each once. */
function logarithmicRanks(n: number): number[] {
  const ranks = Array.from({ length: CURVE_POINTS }, (_, step) =>
    Math.round(exp((log(n) * step) / (CURVE_POINTS - 1))),
  );
  return [...new Set(ranks)];
}

function lorenzCurve(ascending: Int32Array, total: number): [number, number][] {
  const points: [number, number][] = [[0, 0]];
  let held = 0;
  let next = 0;
  for (let step = 1; step <= LORENZ_POINTS; step++) {
    const until = Math.round((ascending.length * step) / LORENZ_POINTS);
    while (next < until) held += ascending[next++]!;
    points.push([until / ascending.length, held / total]);
  }
  return points;
}

/** Ratings, active users and new users per calendar month (UTC), without gaps; empty where there are no timestamps. */
export function activityByMonth(ratings: Ratings, users: number): Exploration['activity'] {
  if (!hasTimes(ratings)) return [];
  const { min, max } = extremes(ratings.timestamps);
  const first = monthOf(min);
  const months = monthOf(max) - first + 1;
  const firstDay = Math.floor(min / DAY_SECONDS);
  const days = Math.floor(max / DAY_SECONDS) - firstDay + 1;
  /** Of each day its month. */
  const monthOfDay = Int32Array.from(
    { length: days },
    (_, n) => monthOf((firstDay + n) * DAY_SECONDS) - first,
  );
  const perMonth = new Int32Array(months);
  const activeUsers = new Int32Array(months);
  const firstMonth = new Int32Array(users).fill(months);
  /** (users, months): a bit for each. */
  const isActive = new Uint8Array(Math.ceil((users * months) / 8));
  for (let n = 0; n < ratings.users.length; n++) {
    const month = monthOfDay[Math.floor(ratings.timestamps[n]! / DAY_SECONDS) - firstDay]!;
    const user = ratings.users[n]!;
    perMonth[month]!++;
    const cell = user * months + month;
    const byte = Math.floor(cell / 8);
    const bit = 1 << (cell % 8);
    if ((isActive[byte]! & bit) === 0) activeUsers[month]!++;
    isActive[byte]! |= bit;
    if (month < firstMonth[user]!) firstMonth[user] = month;
  }
  const newUsers = new Int32Array(months + 1);
  for (const month of firstMonth) newUsers[month]!++;
  return Array.from(perMonth, (count, month) => ({
    month: monthName(first + month),
    ratings: count,
    users: activeUsers[month]!,
    newUsers: newUsers[month]!,
  }));
}

/** Share of filled cells in blocks of users (most active first) by blocks of movies (most rated first). */
export function densityGridOf(ratings: Ratings, perUser: Int32Array, perMovie: Int32Array): number[][] {
  const rows = blocksByRank(perUser);
  const columns = blocksByRank(perMovie);
  const filled = new Float64Array(rows.sizes.length * columns.sizes.length);
  for (let n = 0; n < ratings.users.length; n++) {
    filled[rows.blockOf[ratings.users[n]!]! * columns.sizes.length + columns.blockOf[ratings.items[n]!]!]!++;
  }
  return rows.sizes.map((height, r) =>
    columns.sizes.map((width, c) => filled[r * columns.sizes.length + c]! / (height * width)),
  );
}

/** Divides those with a count into blocks of equal size, largest counts first. */
function blocksByRank(counts: Int32Array): { blockOf: Int32Array; sizes: number[] } {
  const order = Array.from(counts.keys())
    .filter((index) => counts[index]! > 0)
    .sort((a, b) => counts[b]! - counts[a]! || a - b);
  const blocks = Math.min(MAX_GRID_BLOCKS, order.length);
  const blockOf = new Int32Array(counts.length);
  const sizes = Array.from({ length: blocks }, () => 0);
  order.forEach((index, rank) => {
    const block = Math.floor((rank * blocks) / order.length);
    blockOf[index] = block;
    sizes[block]!++;
  });
  return { blockOf, sizes };
}

/** Does the source have times at all? Without, every timestamp is 0. */
export function hasTimes(ratings: Ratings): boolean {
  return ratings.timestamps.some((time) => time !== 0);
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** Months since January 1970. */
function monthOf(seconds: number): number {
  const date = new Date(seconds * 1000);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** "1996-03". */
function monthName(month: number): string {
  return `${1970 + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`;
}
