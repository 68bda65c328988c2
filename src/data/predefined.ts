/** A split made elsewhere: one file of training ratings, one of test ratings. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { DataError } from '../util/errors.ts';
import type { Dataset, Ratings } from './dataset.ts';
import { distinctIds, findDuplicates, indexer, toIndices } from './ids.ts';
import { dropDuplicates } from './loader.ts';
import { cachedRatings } from './ratings/cache.ts';
import type { RatingColumns, ReadOptions } from './ratings/file.ts';
import type { Scale } from './ratings/form.ts';
import { placeOf } from './files/records.ts';

export interface PredefinedFiles {
  trainFile: string;
  testFile: string;
  /** Its users, movies and scale apply; without it, users and movies are those in the two files, without titles. */
  dataset?: Dataset;
}

/**
 * Reads both files: comma or tab, with or without a header, columns user, item, rating and perhaps timestamp. The
 * returned `dataset` holds the ratings of both, train first.
 *
 * Throws DataError naming file and line, as `loadDataset` does, also for a user or movie that `dataset` does not have
 * and for a rating that is in both files.
 */
export async function loadPredefinedSplit(
  { trainFile, testFile, dataset }: PredefinedFiles,
  options: ReadOptions = {},
): Promise<{ dataset: Dataset; split: { train: Ratings; test: Ratings } }> {
  const read = (path: string) => {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
      throw new DataError({ place: path, found: 'no such file', wanted: 'ratings as CSV or TSV' });
    }
    const form = {
      file: path,
      delimiter: 'detect',
      header: 'detect',
      scale: dataset?.scale ?? null,
    } as const;
    return cachedRatings(path, form, options);
  };
  const files = [await read(trainFile), await read(testFile)] as const;
  const userIds = dataset?.userIds ?? unionOf(files.map(({ columns }) => columns.users));
  const itemIds = dataset?.itemIds ?? unionOf(files.map(({ columns }) => columns.items));
  const warnings: string[] = [];
  const [train, test] = files.map((file) => {
    toKnown(file, file.columns.users, userIds, 'user');
    toKnown(file, file.columns.items, itemIds, 'movie');
    return dropDuplicates(file, userIds, itemIds, warnings);
  }) as [Ratings, Ratings];
  const ratings = concatenate(train, test);
  const whole: Dataset = {
    name: `${basename(trainFile)} + ${basename(testFile)}`,
    userIds,
    itemIds,
    movies: {
      titles: Array.from(itemIds, () => ''),
      years: new Int16Array(itemIds.length),
      genres: Array.from(itemIds, () => []),
    },
    scale: scaleOf(ratings.values),
    ...dataset,
    files: [...(dataset?.files ?? []), ...files.map(({ source }) => source)],
    ratings,
    warnings: [...(dataset?.warnings ?? []), ...warnings],
  };
  refuseOverlap(ratings, files[1], whole);
  return { dataset: whole, split: { train, test } };
}

function unionOf(columns: Int32Array[]): Int32Array {
  return Int32Array.from(new Set(columns.flatMap((column) => Array.from(distinctIds(column))))).sort();
}

function toKnown(
  { source, firstLine }: RatingColumns,
  column: Int32Array,
  ids: Int32Array,
  what: string,
): void {
  const unknown = toIndices(column, indexer(ids));
  if (unknown === -1) return;
  throw new DataError({
    place: placeOf(source.name, firstLine + unknown),
    found: `${what} ${column[unknown]}`,
    wanted: `a ${what} of the data set`,
  });
}

/** A test rating that is also in train would give the answer away. `both` is train, then test. */
function refuseOverlap(both: Ratings, test: RatingColumns, dataset: Dataset): void {
  const [overlap] = findDuplicates(both, dataset.userIds.length, dataset.itemIds.length);
  if (overlap === undefined) return;
  const row = Math.max(overlap.kept, overlap.dropped);
  const [user, item] = [both.users[row]!, both.items[row]!];
  const line = test.columns.users.findIndex((u, n) => u === user && test.columns.items[n] === item);
  throw new DataError({
    place: placeOf(test.source.name, test.firstLine + line),
    found: `user ${dataset.userIds[user]}'s rating of movie ${dataset.itemIds[item]}, which is also in the training file`,
    wanted: 'test ratings that are not in train',
  });
}

function concatenate(a: Ratings, b: Ratings): Ratings {
  const join = <T extends Int32Array | Float32Array>(first: T, second: T): T => {
    const joined = new (first.constructor as new (length: number) => T)(first.length + second.length);
    joined.set(first);
    joined.set(second, first.length);
    return joined;
  };
  return {
    users: join(a.users, b.users),
    items: join(a.items, b.items),
    values: join(a.values, b.values),
    timestamps: join(a.timestamps, b.timestamps),
  };
}

/** MovieLens' scales where the values fit one; else from the lowest to the highest, step 0 standing for any. */
function scaleOf(values: Float32Array): Scale {
  let [min, max, step] = [Infinity, -Infinity, 1];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    if (step > 0 && !Number.isInteger(value / step)) step = Number.isInteger(value * 2) ? 0.5 : 0;
  }
  if (step === 1 && min >= 1 && max <= 5) return { min: 1, max: 5, step };
  if (step === 0.5 && min >= 0.5 && max <= 5) return { min: 0.5, max: 5, step };
  return { min, max, step };
}
