/** A release's name or a folder to a `Dataset`: finds the files, reads them, and maps ids to indices once. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { DataError } from '../util/errors.ts';
import { sha256 } from '../util/files.ts';
import { foldersOf, installedFolder, releases, type Release } from './releases/catalogue.ts';
import { forms, type ReleaseForm } from './releases/forms.ts';
import type { Dataset, Ratings, SourceFile, Tags } from './dataset.ts';
import { compact, findDuplicates, indexer, toIndices, without, type IndexOf } from './ids.ts';
import type { MovieTable, TagTable } from './files/movies.ts';
import { cachedRatings } from './ratings/cache.ts';
import type { RatingColumns, ReadOptions } from './ratings/file.ts';
import { placeOf } from './files/records.ts';

/** Of warnings of one kind, this many are written out; the rest is counted. */
const MAX_WARNINGS_PER_KIND = 5;

/**
 * Loads a release by name, or any folder in the form of one. Tags and links come along where the folder has them.
 *
 * Throws DataError, naming file and line where there is one: unknown name, missing or empty file, bad header, missing
 * column, bad id, rating off the scale, unknown or repeated movie, text that is not UTF-8. Repeated ratings of one
 * movie by one user, and tags that cannot be used, are dropped with an entry in `warnings`.
 */
export async function loadDataset(nameOrFolder: string, options: ReadOptions = {}): Promise<Dataset> {
  const { name, folder } = findFolder(nameOrFolder);
  const { ratings, movies, tags, links } = formIn(folder);
  const has = (part: { files: string[] } | undefined) =>
    part !== undefined && part.files.every((file) => existsSync(join(folder, file)));
  // At the same time: other threads go on with the ratings while this one is busy with the movies. Of several errors,
  // the one that comes first in this order is thrown.
  const tasks = [
    cachedRatings(requireFile(folder, ratings.file), ratings, options),
    readFiles(folder, movies.files).then((read) => ({ ...read, table: movies.read(...read.bytes) })),
    tags && has(tags)
      ? readFiles(folder, tags.files).then((read) => ({ ...read, table: tags.read(...read.bytes) }))
      : Promise.resolve(undefined),
  ] as const;
  await Promise.allSettled(tasks);
  const [rated, movieFiles, tagFiles] = await Promise.all(tasks);

  const { warnings, ...dataset } = assemble(rated, movieFiles.table, movies.files[0]);
  const indexOfItem = indexer(dataset.itemIds);
  const linkFiles = links && has(links) ? await readFiles(folder, links.files) : undefined;
  return {
    name,
    files: [rated.source, ...[movieFiles, tagFiles, linkFiles].flatMap((read) => read?.sources ?? [])],
    ...dataset,
    scale: ratings.scale!,
    ...(tagFiles && {
      tags: joinTags(tagFiles.table, tags!.files[0], dataset.userIds, indexOfItem, warnings),
    }),
    ...(linkFiles && {
      links: links!.read(linkFiles.bytes[0]!, links!.files[0], indexOfItem, dataset.itemIds.length),
    }),
    warnings,
  };
}

/** The name and folder that the argument stands for. A release's name wins over a folder of that name. */
function findFolder(nameOrFolder: string): { name: string; folder: string; release?: Release } {
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

/** The form of the release in a folder, by the files that it holds. Throws DataError when there is no file of ratings. */
function formIn(folder: string): ReleaseForm {
  const form = Object.values(forms).find(({ knownBy }) =>
    knownBy.every((file) => existsSync(join(folder, file))),
  );
  if (form) return form;
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

async function readFiles(
  folder: string,
  names: string[],
): Promise<{ bytes: Buffer[]; sources: SourceFile[] }> {
  const paths = names.map((name) => requireFile(folder, name));
  const bytes = await Promise.all(paths.map((path) => readFile(path)));
  const sources = bytes.map((own, n) => ({ name: names[n]!, sha256: sha256(own), bytes: own.length }));
  return { bytes, sources };
}

/** Ids to indices, and repeated ratings dropped. */
function assemble(
  rated: RatingColumns,
  { ids: itemIds, movies }: MovieTable,
  movieFile: string,
): Pick<Dataset, 'userIds' | 'itemIds' | 'ratings' | 'movies' | 'warnings'> {
  const { columns, firstLine, source } = rated;
  const unknown = toIndices(columns.items, indexer(itemIds));
  if (unknown !== -1) {
    throw new DataError({
      place: placeOf(source.name, firstLine + unknown),
      found: `movie ${columns.items[unknown]}`,
      wanted: `a movie in ${movieFile}`,
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
  const negative = firstNegative(columns.values, (row) => placeOf(source.name, firstLine + row));
  const duplicates = findDuplicates(columns, userIds.length, itemIds.length);
  if (duplicates.length === 0) return { ...columns, ...negative };
  const sentences = duplicates.map(
    ({ kept, dropped }) =>
      `${placeOf(source.name, firstLine + dropped)}: user ${userIds[columns.users[dropped]!]} rates movie ` +
      `${itemIds[columns.items[dropped]!]} twice; the rating on line ${firstLine + kept} is kept.`,
  );
  warnings.push(...summarize(sentences, 'repeated ratings'));
  const dropped = duplicates.map(({ dropped }) => dropped);
  return { ...without(columns, dropped), ...negative };
}

function firstNegative(values: Float32Array, placeOfRow: (row: number) => string): Pick<Ratings, 'negative'> {
  const row = values.findIndex((value) => value < 0);
  return row < 0 ? {} : { negative: { place: placeOfRow(row), value: values[row]! } };
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
  if (sentences.length <= MAX_WARNINGS_PER_KIND) return sentences;
  return [
    ...sentences.slice(0, MAX_WARNINGS_PER_KIND),
    `... and ${sentences.length - MAX_WARNINGS_PER_KIND} more ${what}.`,
  ];
}
