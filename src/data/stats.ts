/** What a data set holds, in numbers, and whether its files are those that were released. */
import { releases } from './releases/catalogue.ts';
import type { Dataset, SourceFile } from './dataset.ts';

export interface DatasetStats {
  name: string;
  users: number;
  movies: number;
  /** Movies with at least one rating. */
  ratedMovies: number;
  ratings: number;
  /** Ratings as a share of users times rated movies. */
  density: number;
  scale: Dataset['scale'];
  /** Stars. */
  meanRating: number;
  medianRatingsPerUser: number;
  medianRatingsPerMovie: number;
  /** ISO 8601, UTC, of the known times; null where the source has none. */
  firstRating: string | null;
  lastRating: string | null;
  tags: number;
  moviesWithoutYear: number;
  moviesWithoutGenre: number;
  files: SourceFile[];
  warnings: string[];
}

/** Counts in one pass over the columns. */
export function datasetStats(dataset: Dataset): DatasetStats {
  const { ratings, movies, userIds, itemIds } = dataset;
  const perUser = new Int32Array(userIds.length);
  const perItem = new Int32Array(itemIds.length);
  let [sum, first, last] = [0, Infinity, -Infinity];
  for (let n = 0; n < ratings.values.length; n++) {
    perUser[ratings.users[n]!]!++;
    perItem[ratings.items[n]!]!++;
    sum += ratings.values[n]!;
    const time = ratings.timestamps[n]!;
    if (time === 0 && dataset.withoutTime) continue; // not known
    if (time < first) first = time;
    if (time > last) last = time;
  }
  const count = ratings.values.length;
  const rated = perItem.filter((n) => n > 0);
  const date = (seconds: number) => (last === 0 ? null : new Date(seconds * 1000).toISOString());
  return {
    name: dataset.name,
    users: userIds.length,
    movies: itemIds.length,
    ratedMovies: rated.length,
    ratings: count,
    density: count / (userIds.length * rated.length),
    scale: dataset.scale,
    meanRating: sum / count,
    medianRatingsPerUser: median(perUser),
    medianRatingsPerMovie: median(rated),
    firstRating: date(first),
    lastRating: date(last),
    tags: dataset.tags?.texts.length ?? 0,
    moviesWithoutYear: movies.years.filter((year) => year === 0).length,
    moviesWithoutGenre: movies.genres.filter((genres) => genres.length === 0).length,
    files: dataset.files,
    warnings: dataset.warnings,
  };
}

/** Sorts its argument. Of an even number of values, the mean of the middle two. */
function median(values: Int32Array): number {
  values.sort();
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}

/** A file that was read and parsed, beside what is known of it. */
export interface VerifiedFile extends SourceFile {
  /** 'unknown' where the catalogue has no checksum of this file. */
  status: 'as released' | 'different' | 'unknown';
}

/** Compares the files of a data set with the checksums of the release of the same name. */
export function verifyFiles({ name, files }: Pick<Dataset, 'name' | 'files'>): VerifiedFile[] {
  const known = releases.find((release) => release.name === name)?.files ?? {};
  return files.map((file) => {
    const expected = known[file.name];
    if (expected === undefined) return { ...file, status: 'unknown' };
    return { ...file, status: expected === file.sha256 ? 'as released' : 'different' };
  });
}
