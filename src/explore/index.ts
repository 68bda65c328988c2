/** `recsys explore` in five visible steps: load, ratings, movies, tags, splits. */
import { loadDataset } from '../data/loader.ts';
import { asWritten } from '../data/ratings/values.ts';
import type { Progress, ProgressTask } from '../util/progress.ts';
import { countsOf } from '../util/arrays.ts';
import { throwIfAborted } from '../util/errors.ts';
import { fourStarsOn } from '../experiment/protocol.ts';
import { environment, Stopwatch } from '../experiment/environment.ts';
import { readingOptions } from '../experiment/prepare.ts';
import { describeDataset } from '../experiment/record.ts';
import { exploreMovies, exploreTags } from './movies.ts';
import {
  activityByMonth,
  describeRatings,
  densityGridOf,
  describeSpread,
  ratingsWithTime,
} from './ratings.ts';
import type { Exploration } from './record.ts';
import { exploreSplits, type SplitSettings } from './splits.ts';

export interface ExploreOptions extends Omit<SplitSettings, 'threshold'> {
  /** A test rating of at least this is relevant; by default what 4 of 5 stars are on the data's scale. */
  threshold?: number | undefined;
  /** Release name or folder. */
  dataset: string;
  /** Ratings at the overall mean added to each movie in its damped mean. */
  damping: number;
  columns?: string | undefined;
  strict?: boolean | undefined;
}

/** Looks at a data set from all sides. Throws DataError for unreadable data and AbortedError when the signal fires. */
export async function explore(
  options: ExploreOptions,
  context: { progress: Progress; signal: AbortSignal },
): Promise<Exploration> {
  const task = context.progress.start('exploring', 5, 'steps');
  try {
    return await exploreInSteps(options, { ...context, task });
  } finally {
    task.finish();
  }
}

async function exploreInSteps(
  { dataset: source, damping, columns, strict, threshold: given, seed, testShare }: ExploreOptions,
  { progress, signal, task }: { progress: Progress; signal: AbortSignal; task: ProgressTask },
): Promise<Exploration> {
  const watch = new Stopwatch();
  const step = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
    throwIfAborted(signal);
    const result = await watch.time(name, work);
    task.advance(1, name);
    return result;
  };
  const reading = { ...readingOptions({ columns, strict }), progress, signal };
  const data = await step('load', () => loadDataset(source, reading));
  const settings = { seed, testShare, threshold: given ?? asWritten(fourStarsOn(data.scale)) };
  for (const warning of data.warnings) progress.note(`note: ${warning}`);
  const { ratings, userIds, itemIds } = data;
  const fromRatings = await step('ratings', () => {
    const perUser = countsOf(ratings.users, userIds.length);
    const perMovie = countsOf(ratings.items, itemIds.length);
    const movies = describeSpread(perMovie);
    return {
      ratings: describeRatings(data, userIds.length, movies.count),
      perUser: describeSpread(perUser),
      perMovie: movies,
      unratedMovies: itemIds.length - movies.count,
      activity: activityByMonth(ratingsWithTime(data), userIds.length),
      densityGrid: densityGridOf(ratings, perUser, perMovie),
    };
  });
  const { movies, minDivisiveRatings } = await step('movies', () => exploreMovies(data, damping));
  const tags = await step('tags', () => exploreTags(data));
  const splits = await step('splits', () => exploreSplits(data, settings));
  return {
    schemaVersion: 2,
    experiment: 'exploration',
    source: {
      dataset: source,
      ...(columns !== undefined && { columns }),
      ...(strict !== undefined && { strict }),
    },
    settings: { ...settings, damping, minDivisiveRatings },
    dataset: describeDataset(data),
    ...fromRatings,
    ...movies,
    tags,
    splits,
    environment: environment(),
    timing: watch.seconds,
  };
}
