/** A split made elsewhere: one file of training ratings, one of test ratings. */
import { basename } from 'node:path';
import { sum } from '../util/arrays.ts';
import { DataError } from '../util/errors.ts';
import type { Dataset, Ids, Ratings } from './dataset.ts';
import { findDuplicates, idIndexer, mapToIndices, unionIds, type IdColumnOf } from './ids.ts';
import { dropDuplicates, implicitScale, withoutFacts, type LoadOptions } from './loader.ts';
import { cachedRatings } from './ratings/cache.ts';
import type { RatingColumns } from './ratings/file.ts';
import { scaleOf, type Scale } from './ratings/form.ts';
import { concatenate } from './ratings/rows.ts';
import { placeOf, quoteField } from './files/records.ts';

export interface PredefinedFiles {
  trainFile: string;
  testFile: string;
  /**
   * Its users and movies apply, and its scale where the ratings of both files keep to it; without it, users and movies are
   * those in the two files, without titles.
   */
  dataset?: Dataset;
}

/**
 * Reads both files, in any of the forms of `loadDataset`'s ratings. The returned `dataset` holds the ratings of both,
 * train first.
 *
 * Throws DataError naming file and line, as `loadDataset` does, also for a user that `dataset` does not have, for a
 * movie that it does not have under `strict` (else it is counted in a note), and for a rating that is in both files.
 */
export async function loadPredefinedSplit(
  { trainFile, testFile, dataset: given }: PredefinedFiles,
  options: LoadOptions = {},
): Promise<{ dataset: Dataset; split: { train: Ratings; test: Ratings } }> {
  const { columns, strict = false } = options;
  const read = (path: string, scale: Scale | null) =>
    cachedRatings(path, { file: path, scale, ...(columns && { columns }), strict }, options);
  const trained = await read(trainFile, given && !given.isImplicit ? given.scale : null);
  const files = [trained, await read(testFile, trained.scale)] as const;
  requireSameKind(...files);
  const userColumns = files.map(({ columns, texts }) => ({ column: columns.users, texts: texts.users }));
  const itemColumns = files.map(({ columns, texts }) => ({ column: columns.items, texts: texts.items }));
  const dataset = given && !strict ? withMovies(given, itemColumns) : given;
  const unknown = (dataset?.itemIds.length ?? 0) - (given?.itemIds.length ?? 0);
  const userIds = dataset?.userIds ?? unionIds(userColumns);
  const itemIds = dataset?.itemIds ?? unionIds(itemColumns);
  const warnings: string[] = files.flatMap(({ notes }) => notes);
  if (given && unknown > 0) {
    const names = files.map(({ source }) => source.name).join(' and ');
    if (unknown === unionIds(itemColumns).length) {
      throw new DataError({
        place: names,
        found: `no movie of ${given.name} at all`,
        wanted: 'ratings of its movies',
        remedy: 'The files do not belong together, or a column of ids is another; see --columns.',
      });
    }
    warnings.push(
      `${names}: ${unknown} movies are not in ${given.name}; they are kept, without titles, years and genres.`,
    );
  }
  const [train, test] = files.map((file, n) => {
    mapToKnown(file, userColumns[n]!, userIds, 'user');
    mapToKnown(file, itemColumns[n]!, itemIds, 'movie');
    return dropDuplicates(file, userIds, itemIds, warnings);
  }) as [Ratings, Ratings];
  const ratings = concatenate(train, test);
  const isImplicit = !files[0].hasRatings;
  const whole: Dataset = {
    name: `${basename(trainFile)} + ${basename(testFile)}`,
    userIds,
    itemIds,
    movies: withoutFacts(itemIds.length),
    ...dataset,
    isImplicit,
    scale: isImplicit ? implicitScale : (files[1].scale ?? scaleOf(ratings.values)),
    withoutTime: sum(files.map((file) => (file.hasTimestamps ? file.withoutTime : 0))),
    files: [...(dataset?.files ?? []), ...files.map(({ source }) => source)],
    ratings,
    warnings: [...(dataset?.warnings ?? []), ...warnings],
  };
  refuseOverlap(ratings, files[1], whole);
  return { dataset: whole, split: { train, test } };
}

function requireSameKind(train: RatingColumns, test: RatingColumns): void {
  if (train.hasRatings === test.hasRatings) return;
  const [without, other] = train.hasRatings ? [test, train] : [train, test];
  throw new DataError({
    place: without.source.name,
    found: `no column of ratings, which ${other.source.name} has`,
    wanted: 'ratings in both files or in none',
    remedy: 'Add the column, or take it out of the other file.',
  });
}

function mapToKnown(
  { source, firstLine }: RatingColumns,
  column: { column: Int32Array; texts: readonly string[] | undefined },
  ids: Ids,
  what: string,
): void {
  const unknown = mapToIndices(column, ids);
  if (unknown === -1) return;
  const id = column.column[unknown]!;
  throw new DataError({
    place: placeOf(source.name, firstLine + unknown),
    found: `${what} ${column.texts ? quoteField(column.texts[id]!) : id}`,
    wanted: `a ${what} of the data set`,
    remedy: 'Name the data set that the files were made from, or leave out --dataset.',
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
    remedy: 'Delete it from one of the two files.',
  });
}

/**
 * `dataset`, its ratings left aside, with the movies of `columns` among its own, of which nothing but the ids is known; itself
 * where it has them all.
 */
function withMovies(dataset: Dataset, columns: IdColumnOf[]): Dataset {
  const itemIds = unionIds(columns, dataset.itemIds);
  const { length } = itemIds;
  if (length === dataset.itemIds.length) return dataset;
  const indexOf = idIndexer(itemIds);
  const indices = Array.from<number | string, number>(dataset.itemIds, (id) => indexOf(id));
  const movies = withoutFacts(length);
  for (const [item, index] of indices.entries()) {
    movies.titles[index] = dataset.movies.titles[item]!;
    movies.years[index] = dataset.movies.years[item]!;
    movies.genres[index] = dataset.movies.genres[item]!;
  }
  const { tags, links } = dataset;
  const moved = (values: Int32Array) => {
    const column = new Int32Array(length);
    for (const [item, index] of indices.entries()) column[index] = values[item]!;
    return column;
  };
  return {
    ...dataset,
    itemIds,
    movies,
    ...(tags && { tags: { ...tags, items: tags.items.map((item) => indices[item]!) } }),
    ...(links && { links: { imdb: moved(links.imdb), tmdb: moved(links.tmdb) } }),
  };
}
