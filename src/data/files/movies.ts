/** Reads what a data set says about movies: titles and genres, tags, links. Each form of file has one function. */
import { DataError } from '../../util/errors.ts';
import type { Id, Ids, Links, Movies } from '../dataset.ts';
import { compareIds, idIndexer } from '../ids.ts';
import { areTextIds, idOf, timeSeconds, wholeNumber } from '../ratings/values.ts';
import { splitYear } from '../titles.ts';
import { normalizeName } from './dialect.ts';
import {
  checkWidth,
  GET_AGAIN,
  LEAVE_OUT_STRICT,
  MEND_LINE,
  parseCount,
  placeOf,
  quoteField,
  readLines,
  type TextFile,
} from './records.ts';
import { readTable } from './tables.ts';

/** Movies by ascending released id. */
export interface MovieTable {
  ids: Ids;
  movies: Movies;
  notes: string[];
}

/** Tags by released ids, in the order of the file; `line` is that of each. */
export interface TagTable {
  rows: { user: Id; item: Id; text: string; time: number; line: number }[];
  notes: string[];
}

const movieColumns = {
  id: ['movieid', 'itemid', 'movie', 'item', 'filmid', 'mid', 'iid', 'id'],
  title: ['title', 'movietitle', 'name', 'moviename', 'primarytitle', 'originaltitle'],
  genres: ['genres', 'genre', 'class', 'categories', 'category'],
  year: ['year', 'releaseyear', 'startyear'],
};

/**
 * movies.csv: movieId,title,genres by their names, or in this order without a header; genres may be missing. A year in a
 * column of its own is put behind a title without one. `genreSeparator` stands between genres where no `|` does.
 */
export function readMoviesCsv(file: TextFile, strict: boolean, genreSeparator = /[,;]/): MovieTable {
  const table = new MovieCollector(file.name);
  const repaired = new OddRows(file.name, strict);
  const onRepair = (line: number) => repaired.add('a title with a comma', 'quotes around it', line);
  const { header } = readTable(
    file,
    {
      columns: movieColumns,
      needed: ['id', 'title'],
      order: ['id', 'title', 'genres'],
      freeText: { key: 'title', onRepair },
    },
    ({ id, title, genres = '', year = '' }, line) =>
      table.add(id!, withYear(title!, year.trim()), splitGenres(genres.trim(), genreSeparator), line),
  );
  const notes = repaired.notes('titles with commas but without quotes');
  if (header !== null && !header.some((name) => movieColumns.genres.includes(normalizeName(name)))) {
    if (strict)
      throw new DataError({
        place: placeOf(file.name, 1),
        found: 'no column of genres',
        wanted: 'genres',
        remedy: LEAVE_OUT_STRICT,
      });
    notes.push(`${file.name}: no column of genres.`);
  }
  return table.finish(notes);
}

function withYear(title: string, year: string): string {
  const isYear = /^(18|19|20)\d\d(\.0)?$/.test(year) && splitYear(title).year === 0;
  return isYear && title !== '' ? `${title} (${year.slice(0, 4)})` : title;
}

/**
 * movies_metadata.csv of Kaggle's "The Movies Dataset", whose id is TMDb's: the movie id stands in links.csv. Rows
 * without a link are left out and counted.
 */
export function readMoviesMetadata(file: TextFile, links: TextFile, strict: boolean): MovieTable {
  const movieOf = new Map<number, string>();
  readTable(links, { columns: linkColumns, needed: ['id', 'tmdb'], order: [] }, ({ id, tmdb }) => {
    const number = wholeNumber(tmdb!.trim());
    if (number > 0) movieOf.set(number, id!.trim());
  });
  const table = new MovieCollector(file.name);
  let unlinked = 0;
  const seen = new Set<string>();
  readTable(
    file,
    { columns: movieColumns, needed: ['id', 'title'], order: [] },
    ({ id, title, genres }, line) => {
      const movie = movieOf.get(wholeNumber(id!.trim()));
      if (movie === undefined || seen.has(movie)) unlinked++;
      else table.add(movie, title!, splitGenres(genres ?? ''), line);
      if (movie !== undefined) seen.add(movie);
    },
  );
  const found = `${file.name}: ${unlinked} movies without a link in ${links.name}, or there twice, left out`;
  if (unlinked > 0 && strict)
    throw new DataError({ found, wanted: 'a link for each', remedy: LEAVE_OUT_STRICT });
  return table.finish([
    `${file.name}: ids are TMDb's; movie ids by ${links.name}.`,
    ...(unlinked > 0 ? [`${found}.`] : []),
  ]);
}

/** movies.dat of 1M and 10M: movieId::Title::Genre|Genre. A title may hold colons of its own. */
export function readMoviesDat(file: TextFile): MovieTable {
  const table = new MovieCollector(file.name);
  readLines(file.text, file.name, (text, line) => {
    const [id, title, genres] = splitDat(text);
    if (line === 1 && movieColumns.id.includes(normalizeName(id))) return; // a header, which the release does not have
    table.add(id, title, splitGenres(genres), line);
  });
  return table.finish([]);
}

/** Fields of u.item before the genres. */
const ITEM_FIELDS_BEFORE_GENRES = 5;

/**
 * u.item of 100K: id|title|release date|video date|address, then a 0 or 1 for each genre in u.genre. The genre
 * "unknown" means that none is listed. Without u.genre there are no genres. A `|` in a title is told by the fields behind it.
 */
export function readItem100k(file: TextFile, genreFile: TextFile | undefined, strict: boolean): MovieTable {
  const repaired = new OddRows(file.name, strict);
  const names: string[] = [];
  if (genreFile !== undefined) {
    readLines(genreFile.text, genreFile.name, (text) => {
      const fields = text.split('|');
      checkWidth(fields, 2);
      names[parseCount(fields[1]!, 'genre number')] = fields[0]!;
    });
  }
  const table = new MovieCollector(file.name);
  readLines(file.text, file.name, (text, line) => {
    const fields = text.split('|');
    const extra = genreFile === undefined ? 0 : fields.length - ITEM_FIELDS_BEFORE_GENRES - names.length;
    if (
      extra > 0 &&
      /^(\d\d?-\w{3}-\d{4})?$/.test(fields[extra + 2]!) &&
      !/^[01]$/.test(fields[extra + 4]!)
    ) {
      fields.splice(1, extra + 1, fields.slice(1, extra + 2).join('|'));
      repaired.add("a title with a '|'", 'another character', line);
    }
    if (genreFile !== undefined) checkWidth(fields, ITEM_FIELDS_BEFORE_GENRES + names.length);
    const genres = names.filter(
      (name, i) => fields[ITEM_FIELDS_BEFORE_GENRES + i] === '1' && name !== 'unknown',
    );
    table.add(fields[0]!, fields[1] ?? '', genres, line);
  });
  const missing =
    genreFile === undefined ? [`${file.name}: no u.genre beside it; movies have no genres.`] : [];
  return table.finish([...missing, ...repaired.notes("titles with a '|'")]);
}

const tagColumns = {
  user: ['userid', 'user', 'uid'],
  item: ['movieid', 'itemid', 'movie', 'item', 'iid'],
  tag: ['tag', 'tags', 'text', 'keyword'],
  time: ['timestamp', 'time', 'ts', 'date', 'datetime'],
};

/** tags.csv: userId,movieId,tag,timestamp; the last may be missing. Rows that are no tag are left out and counted. */
export function readTagsCsv(file: TextFile, strict: boolean): TagTable {
  const table = new TagCollector(file.name, strict);
  const { header } = readTable(
    file,
    { columns: tagColumns, needed: ['user', 'item', 'tag'], order: ['user', 'item', 'tag', 'time'] },
    ({ user, item, tag, time }, line) => table.add(user!, item!, tag!, time ?? '', line),
  );
  const timed = header === null || header.some((name) => tagColumns.time.includes(normalizeName(name)));
  return table.finish(timed ? [] : [`${file.name}:1: no column 'timestamp'; all times are 0.`]);
}

/** tags.dat of 10M: UserID::MovieID::Tag::Timestamp. A tag may hold colons of its own. */
export function readTagsDat(file: TextFile, strict: boolean): TagTable {
  const table = new TagCollector(file.name, strict);
  readLines(file.text, file.name, (text, line) => {
    const [user, rest, time] = splitDat(text);
    const at = rest.indexOf('::');
    if (at === -1) checkWidth([user, rest, time], 4);
    if (line === 1 && tagColumns.user.includes(normalizeName(user))) return;
    table.add(user, rest.slice(0, at), rest.slice(at + 2), time, line);
  });
  return table.finish([]);
}

const linkColumns = {
  id: ['movieid', 'itemid', 'movie', 'item', 'id'],
  imdb: ['imdbid', 'imdb'],
  tmdb: ['tmdbid', 'tmdb'],
};

/**
 * links.csv: movieId,imdbId,tmdbId, for the movies in `itemIds`; 0 where a field is empty. IMDb's "tt" may stand before
 * its numbers. Ids that are no numbers count as unknown and are noted.
 */
export function readLinksCsv(
  file: TextFile,
  itemIds: Ids,
  strict: boolean,
): { links: Links; notes: string[] } {
  const indexOf = idIndexer(itemIds);
  const links = { imdb: new Int32Array(itemIds.length), tmdb: new Int32Array(itemIds.length) };
  const odd = new OddRows(file.name, strict);
  readTable(
    file,
    { columns: linkColumns, needed: ['id'], order: ['id', 'imdb', 'tmdb'] },
    ({ id, imdb = '', tmdb = '' }, line) => {
      const item = indexOf(idOf(id!));
      if (item === -1) return; // a link to a movie that the data set does not list does no harm
      links.imdb[item] = odd.number(imdb.trim().replace(/^tt/i, ''), 'imdb id', line);
      links.tmdb[item] = odd.number(tmdb, 'tmdb id', line);
    },
  );
  return { links, notes: odd.notes('ids that are no numbers, taken as unknown') };
}

/** Counts what an optional file says amiss, or throws DataError, without a place, where everything must be right. */
class OddRows {
  #count = 0;
  #first = '';

  constructor(
    readonly file: string,
    readonly strict: boolean,
  ) {}

  /** A whole number; 0 where the text is empty or, counted, none. */
  number(written: string, what: string, line: number): number {
    const text = written.trim();
    if (text === '') return 0;
    const number = wholeNumber(text);
    if (number !== -1) return number;
    this.add(`${what} ${quoteField(written)}`, 'a whole number', line);
    return 0;
  }

  add(found: string, wanted: string, line: number): void {
    if (this.strict) throw new DataError({ found, wanted, remedy: LEAVE_OUT_STRICT });
    if (this.#count++ === 0) this.#first = `${found} on line ${line}`;
  }

  notes(what: string): string[] {
    return this.#count === 0 ? [] : [`${this.file}: ${this.#count} ${what}, first ${this.#first}.`];
  }
}

/** First field, last field and all between, of a line with fields separated by "::". */
function splitDat(text: string): [string, string, string] {
  const first = text.indexOf('::');
  const last = text.lastIndexOf('::');
  if (first === -1 || last < first + 2) checkWidth(text.split('::'), 3);
  return [text.slice(0, first), text.slice(first + 2, last), text.slice(last + 2)];
}

/** "Drama|War", or a list as Python or JSON writes it, of names or of objects with a name. */
function splitGenres(text: string, otherSeparator = /[,;]/): string[] {
  if (text === '' || text === '(no genres listed)' || text === '[]') return [];
  if (!text.startsWith('[') || !text.endsWith(']')) {
    const separator = text.includes('|') ? '|' : otherSeparator;
    return text
      .split(separator)
      .map((genre) => genre.trim())
      .filter((genre) => genre !== '');
  }
  const objects = [...text.matchAll(/['"]name['"]\s*:\s*(?:'([^']*)'|"([^"]*)")/g)];
  const names = objects.length > 0 ? objects : [...text.matchAll(/'([^']*)'|"([^"]*)"/g)];
  return names.map(([, single, double]) => single ?? double ?? '').filter((name) => name !== '');
}

/** Collects movies in any order; a movie id may appear once. */
class MovieCollector {
  readonly #rows: { id: string; title: string; genres: string[]; line: number }[] = [];
  readonly #lines = new Map<Id, number>();

  constructor(readonly file: string) {}

  /** Throws DataError, without a place, for an empty id or one that was there. */
  add(written: string, title: string, genres: string[], line: number): void {
    const id = written.trim();
    if (id === '') throw new DataError({ found: `movie id ''`, wanted: 'an id', remedy: MEND_LINE });
    const key = idOf(id);
    const before = this.#lines.get(key);
    if (before !== undefined) {
      throw new DataError({
        found: `movie ${key} again, first on line ${before}`,
        wanted: 'each movie once',
        remedy: 'Delete one of the two lines.',
      });
    }
    this.#lines.set(key, line);
    this.#rows.push({ id, title, genres, line });
  }

  /** Throws DataError when there are no movies, or single ids that are no numbers. */
  finish(notes: string[]): MovieTable {
    const rows = this.#rows;
    if (rows.length === 0)
      throw new DataError({
        place: this.file,
        found: 'no movies',
        wanted: 'at least one',
        remedy: GET_AGAIN,
      });
    const isText = areTextIds(rows.map(({ id }) => id));
    const odd = isText ? undefined : rows.find(({ id }) => wholeNumber(id) === -1);
    if (odd) {
      throw new DataError({
        place: placeOf(this.file, odd.line),
        found: `movie id ${quoteField(odd.id)}`,
        wanted: 'a whole number from 0 to 2147483647',
        remedy: MEND_LINE,
      });
    }
    rows.sort((a, b) => (isText ? compareIds(a.id, b.id) : Number(a.id) - Number(b.id)));
    return {
      ids: isText ? rows.map(({ id }) => id) : Int32Array.from(rows, ({ id }) => Number(id)),
      movies: {
        titles: rows.map(({ title }) => title),
        years: Int16Array.from(rows, ({ title }) => splitYear(title).year),
        genres: rows.map(({ genres }) => genres),
      },
      notes,
    };
  }
}

class TagCollector {
  readonly #rows: TagTable['rows'] = [];
  readonly #odd: OddRows;

  constructor(file: string, strict: boolean) {
    this.#odd = new OddRows(file, strict);
  }

  add(user: string, item: string, text: string, time: string, line: number): void {
    const seconds = timeSeconds(time.trim());
    if (user === '' || item === '')
      this.#odd.add(`a tag without a ${user === '' ? 'user' : 'movie'}`, 'both', line);
    else if (Number.isNaN(seconds)) this.#odd.add(`timestamp ${quoteField(time)}`, 'a time', line);
    else this.#rows.push({ user: idOf(user), item: idOf(item), text, time: Math.max(seconds, 0), line });
  }

  finish(notes: string[]): TagTable {
    return { rows: this.#rows, notes: [...notes, ...this.#odd.notes('tags left out')] };
  }
}
