/** A release's name or a path to a `Dataset`: finds the files, reads them, and maps ids to indices once. */
import { join } from 'node:path';
import { DataError } from '../util/errors.ts';
import { sha256OfFile } from '../util/files.ts';
import type { Dataset, Ids, Movies, Ratings, SourceFile, Tags } from './dataset.ts';
import { openContent, packingNotes, readText } from './files/content.ts';
import type { MovieTable, TagTable } from './files/movies.ts';
import { parquetText } from './files/parquet.ts';
import { LEAVE_OUT_STRICT, placeOf, quoteField, type TextFile } from './files/records.ts';
import { findDataset, type DataFolder } from './folder.ts';
import {
  compact,
  findDuplicates,
  idIndexer,
  mapToIndices,
  unionIds,
  without,
  type IdColumnOf,
} from './ids.ts';
import { cachedRatings } from './ratings/cache.ts';
import type { RatingColumns, ReadOptions } from './ratings/file.ts';
import type { ColumnChoice } from './ratings/columns.ts';
import { scaleOf } from './ratings/form.ts';
import { countWithoutTime } from './ratings/rows.ts';
import { asWritten } from './ratings/values.ts';
import { findFile } from './releases/forms.ts';

/** Of warnings of one kind, this many are written out; the rest is counted. */
const MAX_WARNINGS_PER_KIND = 5;

/** How strictly, and with which columns, data are read. */
export interface LoadOptions extends ReadOptions {
  /** Names or numbers of the columns of the ratings. */
  columns?: ColumnChoice;
  /** Refuses what would else be noted: odd optional files, times that cannot be read, ratings of unknown movies. */
  strict?: boolean | undefined;
}

/**
 * Loads a release by name, or a folder, file or zip archive of ratings in any of the forms in docs/data.md. Movies, tags
 * and links come along where there are files of them.
 *
 * Throws DataError, naming file and line where there is one: unknown name, missing or empty file, columns that cannot be
 * told, bad id, rating that is no number or off a release's scale, repeated movie. Repeated ratings of one movie by one
 * user, and tags that cannot be used, are dropped with an entry in `warnings`, which also says what was detected.
 */
export async function loadDataset(nameOrPath: string, options: LoadOptions = {}): Promise<Dataset> {
  const found = await findDataset(nameOrPath);
  try {
    return await loadFolder(found, options);
  } finally {
    await found.dispose();
  }
}

async function loadFolder(found: DataFolder, options: LoadOptions): Promise<Dataset> {
  const { name, folder, form, ratings } = found;
  const { columns, strict = false } = options;
  const ratingForm = {
    file: ratings,
    scale: form.ratings.scale,
    isRelease: form.isRelease ?? false,
    ...(columns && { columns }),
    strict,
  };
  // At the same time: other threads go on with the ratings while this one is busy with the movies. Of several errors,
  // the one that comes first in this order is thrown.
  const tasks = [
    cachedRatings(join(folder, ratings), ratingForm, options),
    readMovies(found, strict),
    readPart(found, form.tags?.names),
  ] as const;
  await Promise.allSettled(tasks);
  const [rated, movies, tagFile] = await Promise.all(tasks);
  const tagTable = tagFile && form.tags?.read(tagFile, strict);

  if (columns === undefined) refuseSwapped(rated, movies);
  const { warnings, ...dataset } = assemble(rated, movies, strict);
  const linkFile = await readPart(found, form.links?.names);
  const linked = linkFile && form.links?.read(linkFile, dataset.itemIds, strict);
  const tags = tagTable && joinTags(tagTable, tagFile.name, dataset, strict);
  return {
    name,
    files: [rated.source, ...[...movies.files, tagFile, linkFile].flatMap((file) => file?.source ?? [])],
    ...dataset,
    ...(tags && { tags: tags.tags }),
    ...(linked && { links: linked.links }),
    warnings: [...found.notes, ...warnings, ...(tags?.notes ?? []), ...(linked?.notes ?? [])],
  };
}

/** Of the ratings of a table without a header, so many may be of movies that the movie file does not list. */
const MAX_SHARE_UNLISTED = 0.1;

/** Throws DataError where a table without a header has ids of the movie file in its first column and not in its second. */
function refuseSwapped(
  { columns, texts, firstLine, source }: RatingColumns,
  { table, files }: MovieFiles,
): void {
  if (table === undefined || firstLine > 1) return;
  const indexOf = idIndexer(table.ids);
  const unlisted = (column: Int32Array, own: readonly string[] | undefined) =>
    column.reduce((count, id) => count + (indexOf(own?.[id] ?? id) === -1 ? 1 : 0), 0);
  const count = unlisted(columns.items, texts.items);
  if (count <= MAX_SHARE_UNLISTED * columns.items.length || unlisted(columns.users, texts.users) > 0) return;
  throw new DataError({
    place: placeOf(source.name, 1),
    found: `no header, and all ids of the first column are in ${files[0]!.name}, of the second not those of ${count} ratings`,
    wanted: 'users first, then movies, or a first line with the names of the columns',
    remedy: 'Or say which column is which by number: `--columns user=2,item=1,rating=3`.',
  });
}

interface ReadFile extends TextFile {
  source: SourceFile;
  notes: string[];
}

/** The text of the file with one of the names; undefined where there is none. */
async function readPart(
  { folder, files }: DataFolder,
  names: Parameters<typeof findFile>[1] | undefined,
): Promise<ReadFile | undefined> {
  const name = names && findFile(files, names);
  if (name === undefined) return undefined;
  const path = join(folder, name);
  const content = await openContent(path, name);
  if (content.packing === 'parquet') {
    const source = { name, sha256: await sha256OfFile(path), bytes: content.bytes };
    return { name, text: await parquetText(path, name), source, notes: packingNotes(content) };
  }
  const { text, encoding } = await readText(content);
  const isLegacy = encoding === 'windows-1252' && name.toLowerCase().endsWith('.csv');
  return {
    name,
    text,
    source: { name, sha256: await sha256OfFile(path), bytes: content.bytes },
    notes: [
      ...packingNotes(content),
      ...(isLegacy ? [`${name}: not UTF-8; read as Latin-1 (Windows-1252).`] : []),
    ],
  };
}

interface MovieFiles {
  table: MovieTable | undefined;
  /** The file of the movies first. */
  files: ReadFile[];
}

async function readMovies(found: DataFolder, strict: boolean): Promise<MovieFiles> {
  for (const part of found.form.movies) {
    const file = await readPart(found, part.names);
    if (file === undefined) continue;
    const beside = await readPart(found, part.beside);
    const table = part.read(file, beside, strict);
    const notes = [...file.notes, ...table.notes];
    return { table: { ...table, notes }, files: beside ? [file, beside] : [file] };
  }
  const wanted = found.form.movies[0]?.names[0];
  if (strict) {
    throw new DataError({
      place: join(found.folder, String(wanted)),
      found: 'no such file',
      wanted: 'a file of movies',
      remedy: LEAVE_OUT_STRICT,
    });
  }
  return { table: undefined, files: [] };
}

/** Ids to indices, and repeated ratings dropped. */
function assemble(
  rated: RatingColumns,
  movieFiles: MovieFiles,
  strict: boolean,
): Pick<
  Dataset,
  'userIds' | 'itemIds' | 'ratings' | 'movies' | 'warnings' | 'scale' | 'isImplicit' | 'withoutTime'
> {
  const { columns, texts } = rated;
  const { itemIds, movies, notes } = joinMovies(rated, movieFiles, strict);
  let userIds: Ids;
  if (texts.users === undefined) userIds = compact(columns.users);
  else {
    const column = { column: columns.users, texts: texts.users };
    userIds = unionIds([column]);
    mapToIndices(column, userIds);
  }
  const warnings = [...rated.notes, ...notes];
  if (!rated.hasTimestamps && rated.withoutTime === 0) {
    warnings.unshift(`${rated.source.name}:1: no column 'timestamp'; all times are 0.`);
  }
  const ratings = dropDuplicates(rated, userIds, itemIds, warnings);
  const withoutTime = rated.hasTimestamps ? countWithoutTime(ratings, rated) : 0;
  return {
    userIds,
    itemIds,
    ratings,
    movies,
    scale: rated.hasRatings ? (rated.scale ?? scaleOf(ratings.values)) : implicitScale,
    ...(!rated.hasRatings && { isImplicit: true }),
    ...(withoutTime > 0 && { withoutTime }),
    warnings,
  };
}

/** Of data without ratings, every row of which is a 1. */
export const implicitScale: Dataset['scale'] = { min: 1, max: 1, step: 1 };

/** Maps the items of the ratings, in place, to the movies of the movie file and those that it does not list. */
function joinMovies(
  { columns, texts, firstLine, source }: RatingColumns,
  { table, files }: MovieFiles,
  strict: boolean,
): { itemIds: Ids; movies: Movies; notes: string[] } {
  const column = { column: columns.items, texts: texts.items };
  if (table === undefined) {
    const itemIds = texts.items === undefined ? compact(columns.items) : unionIds([column]);
    if (texts.items !== undefined) mapToIndices(column, itemIds);
    const note = `${source.name}: no file of movies beside it; movies have no titles, years and genres.`;
    return { itemIds, movies: withoutFacts(itemIds.length), notes: [note] };
  }
  const first = mapToIndices(column, table.ids);
  if (first === -1) return { itemIds: table.ids, movies: table.movies, notes: table.notes };
  unmap(column, table.ids, first);
  const itemIds = unionIds([column], table.ids);
  mapToIndices(column, itemIds);
  return widen(table, itemIds, columns.items, { firstLine, source, movieFile: files[0]!.name, strict });
}

/** Takes back what `mapToIndices` did to the first rows of a column. */
function unmap({ column, texts }: IdColumnOf, ids: Ids, rows: number): void {
  const codeOf = texts && new Map(texts.map((text, code) => [text, code]));
  for (let row = 0; row < rows; row++) {
    const id = ids[column[row]!]!;
    column[row] = codeOf ? codeOf.get(String(id))! : Number(id);
  }
}

interface Places {
  firstLine: number;
  source: SourceFile;
  movieFile: string;
  strict: boolean;
}

/** The movies of a table among more ids; those that it does not list are counted, or refused. */
function widen(
  table: MovieTable,
  itemIds: Ids,
  items: Int32Array,
  { firstLine, source, movieFile, strict }: Places,
): { itemIds: Ids; movies: Movies; notes: string[] } {
  const indexOf = idIndexer(itemIds);
  const movies = withoutFacts(itemIds.length);
  const isListed = new Uint8Array(itemIds.length);
  const ids = table.ids instanceof Int32Array ? Array.from(table.ids) : table.ids;
  ids.forEach((id, n) => {
    const item = indexOf(id);
    isListed[item] = 1;
    movies.titles[item] = table.movies.titles[n]!;
    movies.years[item] = table.movies.years[n]!;
    movies.genres[item] = table.movies.genres[n]!;
  });
  const rows = items.reduce((count, item) => count + (isListed[item] === 1 ? 0 : 1), 0);
  const unlisted = isListed.reduce((count, listed) => count + 1 - listed, 0);
  const first = items.findIndex((item) => isListed[item] === 0);
  const place = placeOf(source.name, firstLine + first);
  const found = `movie ${quoteId(itemIds[items[first]!]!)}`;
  if (strict)
    throw new DataError({ place, found, wanted: `a movie in ${movieFile}`, remedy: LEAVE_OUT_STRICT });
  if (rows === items.length) {
    throw new DataError({
      place,
      found: `${found}, and no movie of ${source.name} at all`,
      wanted: `movies in ${movieFile}`,
      remedy: 'The two files do not belong together, or a column of ids is another; see --columns.',
    });
  }
  const note =
    `${place}: ${found} is not in ${movieFile}; ${rows} ratings of ${unlisted} such movies are kept, without ` +
    `titles, years and genres.`;
  return { itemIds, movies, notes: [...table.notes, note] };
}

function quoteId(id: number | string): string {
  return typeof id === 'number' ? String(id) : quoteField(id);
}

/** Movies of which nothing but the ids is known. */
export function withoutFacts(count: number): Movies {
  return {
    titles: Array.from({ length: count }, () => ''),
    years: new Int16Array(count),
    genres: Array.from({ length: count }, (): string[] => []),
  };
}

/** One rating for each user and movie, of columns that hold indices already; says in `warnings` what was dropped. */
export function dropDuplicates(
  { columns, firstLine, source, withoutTime }: RatingColumns,
  userIds: Ids,
  itemIds: Ids,
  warnings: string[],
): Ratings {
  const negative = firstNegative(columns.values, (row) => placeOf(source.name, firstLine + row));
  const duplicates = findDuplicates(columns, userIds.length, itemIds.length, withoutTime);
  if (duplicates.length === 0) return { ...columns, ...negative };
  const sentences = duplicates.map(
    ({ kept, dropped }) =>
      `${placeOf(source.name, firstLine + dropped)}: user ${quoteId(userIds[columns.users[dropped]!]!)} rates movie ` +
      `${quoteId(itemIds[columns.items[dropped]!]!)} twice; the rating on line ${firstLine + kept} is kept.`,
  );
  warnings.push(...summarize(sentences, 'repeated ratings'));
  const dropped = duplicates.map(({ dropped }) => dropped);
  return { ...without(columns, dropped), ...negative };
}

function firstNegative(values: Float32Array, placeOfRow: (row: number) => string): Pick<Ratings, 'negative'> {
  const row = values.findIndex((value) => value < 0);
  return row < 0 ? {} : { negative: { place: placeOfRow(row), value: asWritten(values[row]!) } };
}

/** Tags by index. A tag by a user without ratings or on a movie that the data set does not have is dropped. */
function joinTags(
  table: TagTable,
  file: string,
  { userIds, itemIds }: Pick<Dataset, 'userIds' | 'itemIds'>,
  strict: boolean,
): { tags: Tags; notes: string[] } {
  const [indexOfUser, indexOfItem] = [idIndexer(userIds), idIndexer(itemIds)];
  const kept: { user: number; item: number; text: string; time: number }[] = [];
  const dropped: string[] = [];
  for (const { user, item, text, time, line } of table.rows) {
    const indices = { user: indexOfUser(user), item: indexOfItem(item) };
    const reason =
      indices.item === -1
        ? `movie ${quoteId(item)} is unknown`
        : indices.user === -1
          ? `user ${quoteId(user)} has no rating`
          : undefined;
    if (reason === undefined) kept.push({ ...indices, text, time });
    else if (strict)
      throw new DataError({
        place: placeOf(file, line),
        found: reason,
        wanted: 'a known one',
        remedy: LEAVE_OUT_STRICT,
      });
    else dropped.push(`${placeOf(file, line)}: ${reason}; the tag is dropped.`);
  }
  return {
    tags: {
      users: Int32Array.from(kept, ({ user }) => user),
      items: Int32Array.from(kept, ({ item }) => item),
      texts: kept.map(({ text }) => text),
      timestamps: Int32Array.from(kept, ({ time }) => time),
    },
    notes: [...table.notes, ...summarize(dropped, 'dropped tags')],
  };
}

function summarize(sentences: string[], what: string): string[] {
  if (sentences.length <= MAX_WARNINGS_PER_KIND) return sentences;
  return [
    ...sentences.slice(0, MAX_WARNINGS_PER_KIND),
    `... and ${sentences.length - MAX_WARNINGS_PER_KIND} more ${what}.`,
  ];
}
