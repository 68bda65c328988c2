/** A release's name or a folder to a `Dataset`: finds the files, reads them, and maps ids to indices once. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { DataError } from '../util/errors.ts';
import { sha256 } from '../util/files.ts';
import {
  formats,
  foldersOf,
  installedFolder,
  releases,
  type Format,
  type Release,
} from './releases/catalogue.ts';
import type { Dataset, Ratings, SourceFile, Tags } from './dataset.ts';
import { compact, findDuplicates, indexer, toIndices, without, type IndexOf } from './ids.ts';
import {
  readItem100k,
  readLinksCsv,
  readMoviesCsv,
  readMoviesDat,
  readTagsCsv,
  readTagsDat,
  type MovieTable,
  type TagTable,
} from './files/movies.ts';
import { cachedRatings } from './ratings/cache.ts';
import type { RatingColumns, RatingForm, ReadOptions } from './ratings/file.ts';
import { placeOf } from './files/records.ts';

/** Of warnings of one kind, this many are written out; the rest is counted. */
const WARNINGS = 5;

/**
 * Loads a release by name, or any folder in the form of one. Tags and links come along where the folder has them.
 *
 * Throws DataError, naming file and line where there is one: unknown name, missing or empty file, bad header, missing
 * column, bad id, rating off the scale, unknown or repeated movie, text that is not UTF-8. Repeated ratings of one
 * movie by one user, and tags that cannot be used, are dropped with an entry in `warnings`.
 */
export async function loadDataset(nameOrFolder: string, options: ReadOptions = {}): Promise<Dataset> {
  const { name, folder } = locate(nameOrFolder);
  const format = formatOf(folder);
  const files = formats[format];
  const read = async (file: string) => {
    const bytes = await readFile(requireFile(folder, file));
    return { bytes, source: { name: file, sha256: sha256(bytes), bytes: bytes.length } };
  };
  const has = (file: string | undefined) => file !== undefined && existsSync(join(folder, file));
  // At the same time: other threads go on with the ratings while this one is busy with the movies. Of several errors,
  // the one that comes first in this order is told.
  const tasks = [
    cachedRatings(requireFile(folder, files.ratings), formOf(format), options),
    readMovies(format, read),
    has(files.tags) ? readTags(format, read) : Promise.resolve(undefined),
  ] as const;
  await Promise.allSettled(tasks);
  const [rated, movies, tags] = await Promise.all(tasks);

  const { warnings, ...dataset } = assemble(rated, movies.table, files);
  const indexOfItem = indexer(dataset.itemIds);
  const links = has(files.links) ? await read(files.links!) : undefined;
  return {
    name,
    files: [rated, ...movies.read, ...(tags?.read ?? []), ...(links ? [links] : [])].map(
      ({ source }) => source,
    ),
    ...dataset,
    scale: files.scale,
    ...(tags && { tags: joinTags(tags.table, files.tags!, dataset.userIds, indexOfItem, warnings) }),
    ...(links && { links: readLinksCsv(links.bytes, files.links!, indexOfItem, dataset.itemIds.length) }),
    warnings,
  };
}

function formOf(format: Format): RatingForm {
  const { ratings: file, delimiter, scale } = formats[format];
  return { file, delimiter, header: format === 'csv' ? 'required' : 'none', scale };
}

/** The name and folder that the argument stands for. A release's name wins over a folder of that name. */
export function locate(nameOrFolder: string): { name: string; folder: string; release?: Release } {
  const release = releases.find(({ name }) => name === nameOrFolder);
  const folder = release ? (installedFolder(release) ?? resolve(nameOrFolder)) : resolve(nameOrFolder);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    return { name: basename(folder), folder, ...(release && { release }) };
  }
  if (release) {
    throw new DataError({
      found: `${release.name} is not on this machine (looked in ${foldersOf(release).join(' and ')})`,
      remedy: `Run \`recsys data download ${release.name}\`.`,
    });
  }
  throw new DataError({
    found: `no data set '${nameOrFolder}': neither a known release nor a folder`,
    wanted: `a folder or one of ${releases.map(({ name }) => name).join(', ')}`,
    remedy: '`recsys data list` describes the releases.',
  });
}

/** Told by the files in the folder. */
function formatOf(folder: string): Format {
  const has = (file: string) => existsSync(join(folder, file));
  if (has('ratings.csv')) return 'csv';
  if (has('ratings.dat')) return has('users.dat') ? 'ml-1m' : 'ml-10m';
  if (has('u.data')) return 'ml-100k';
  throw new DataError({
    place: folder,
    found: 'no file of ratings',
    wanted: 'ratings.csv, ratings.dat or u.data',
    remedy: '`recsys data download NAME` fetches a release; `recsys data list` names them.',
  });
}

function requireFile(folder: string, file: string): string {
  const path = join(folder, file);
  if (existsSync(path)) return path;
  throw new DataError({
    place: path,
    found: 'no such file',
    wanted: 'the files of a MovieLens release',
    remedy: '`recsys data download NAME` fetches a release; `recsys data list` names them.',
  });
}

type ReadFile = (file: string) => Promise<{ bytes: Buffer; source: SourceFile }>;

/** A table and the files that it was read from. */
interface FromFiles<T> {
  table: T;
  read: { source: SourceFile }[];
}

async function readMovies(format: Format, read: ReadFile): Promise<FromFiles<MovieTable>> {
  const file = formats[format].movies;
  const movies = await read(file);
  if (format === 'ml-100k') {
    const genres = await read('u.genre');
    return { table: readItem100k(movies.bytes, file, genres.bytes, 'u.genre'), read: [movies, genres] };
  }
  const table = format === 'csv' ? readMoviesCsv(movies.bytes, file) : readMoviesDat(movies.bytes, file);
  return { table, read: [movies] };
}

async function readTags(format: Format, read: ReadFile): Promise<FromFiles<TagTable>> {
  const file = formats[format].tags!;
  const tags = await read(file);
  const table = format === 'csv' ? readTagsCsv(tags.bytes, file) : readTagsDat(tags.bytes, file);
  return { table, read: [tags] };
}

/** Ids to indices, and repeated ratings dropped. */
function assemble(
  rated: RatingColumns,
  { ids: itemIds, movies }: MovieTable,
  files: { movies: string },
): Pick<Dataset, 'userIds' | 'itemIds' | 'ratings' | 'movies' | 'warnings'> {
  const { columns, firstLine, source } = rated;
  const unknown = toIndices(columns.items, indexer(itemIds));
  if (unknown !== -1) {
    throw new DataError({
      place: placeOf(source.name, firstLine + unknown),
      found: `movie ${columns.items[unknown]}`,
      wanted: `a movie in ${files.movies}`,
    });
  }
  const userIds = compact(columns.users);
  const warnings: string[] = [];
  if (!rated.hasTimestamps) warnings.push(`${source.name}:1: no column 'timestamp'; all times are 0.`);
  const ratings = dropDuplicates(rated, userIds, itemIds, warnings);
  return { userIds, itemIds, ratings, movies, warnings };
}

/** One rating for each user and movie, of columns that hold indices already; says in `warnings` what was dropped. */
export function dropDuplicates(
  { columns, firstLine, source }: RatingColumns,
  userIds: Int32Array,
  itemIds: Int32Array,
  warnings: string[],
): Ratings {
  const duplicates = findDuplicates(columns, userIds.length, itemIds.length);
  if (duplicates.length === 0) return columns;
  const sentences = duplicates.map(
    ({ kept, dropped }) =>
      `${placeOf(source.name, firstLine + dropped)}: user ${userIds[columns.users[dropped]!]} rates movie ` +
      `${itemIds[columns.items[dropped]!]} twice; the rating on line ${firstLine + kept} is kept.`,
  );
  warnings.push(...summarize(sentences, 'repeated ratings'));
  const dropped = duplicates.map(({ dropped }) => dropped);
  return without(columns, dropped);
}

/** Tags by index. A tag by a user without ratings or on a movie that the release does not list is dropped. */
function joinTags(
  table: TagTable,
  file: string,
  userIds: Int32Array,
  indexOfItem: IndexOf,
  warnings: string[],
): Tags {
  const indexOfUser = indexer(userIds);
  const kept: number[] = [];
  const dropped: string[] = [];
  for (let n = 0; n < table.texts.length; n++) {
    const [user, item] = [table.users[n]!, table.items[n]!];
    const reason =
      indexOfItem(item) === -1
        ? `movie ${item} is unknown`
        : indexOfUser(user) === -1
          ? `user ${user} has no rating`
          : undefined;
    if (reason === undefined) kept.push(n);
    else dropped.push(`${placeOf(file, table.lines[n]!)}: ${reason}; the tag is dropped.`);
  }
  warnings.push(...summarize(dropped, 'dropped tags'));
  return {
    users: Int32Array.from(kept, (n) => indexOfUser(table.users[n]!)),
    items: Int32Array.from(kept, (n) => indexOfItem(table.items[n]!)),
    texts: kept.map((n) => table.texts[n]!),
    timestamps: Int32Array.from(kept, (n) => table.timestamps[n]!),
  };
}

function summarize(sentences: string[], what: string): string[] {
  if (sentences.length <= WARNINGS) return sentences;
  return [...sentences.slice(0, WARNINGS), `... and ${sentences.length - WARNINGS} more ${what}.`];
}
