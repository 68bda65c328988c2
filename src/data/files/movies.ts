/** Reads what releases say about movies: titles and genres, tags, links. Each form of file has one function. */
import { DataError } from '../../util/errors.ts';
import type { Links, Movies, Tags } from '../dataset.ts';
import {
  checkWidth,
  decodeLegacy,
  decodeUtf8,
  parseCount,
  readCsv,
  readLines,
  quoteField,
} from './records.ts';
import { splitYear } from '../titles.ts';

/** Movies by ascending released id. */
export interface MovieTable {
  ids: Int32Array;
  movies: Movies;
}

/** Tags by released ids; `lines[n]` is the line of tag n. */
export interface TagTable extends Tags {
  lines: Int32Array;
}

/** movies.csv: movieId,title,genres. Throws DataError naming file and line. */
export function readMoviesCsv(bytes: Uint8Array, file: string): MovieTable {
  const table = movieCollector(file);
  readTable(bytes, file, ['movieId', 'title', 'genres'], ([id, title, genres], line) => {
    table.add(id!, title!, splitGenres(genres!), line);
  });
  return table.finish();
}

/** movies.dat of 1M and 10M: movieId::Title::Genre|Genre. A title may hold colons of its own. */
export function readMoviesDat(bytes: Uint8Array, file: string): MovieTable {
  const table = movieCollector(file);
  readLines(decodeLegacy(bytes), file, (text, line) => {
    const [id, title, genres] = splitDat(text);
    table.add(id, title, splitGenres(genres), line);
  });
  return table.finish();
}

/**
 * u.item of 100K: id|title|release date|video date|address, then a 0 or 1 for each genre in u.genre. The genre
 * "unknown" means that none is listed.
 */
export function readItem100k(
  bytes: Uint8Array,
  file: string,
  genreBytes: Uint8Array,
  genreFile: string,
): MovieTable {
  const names: string[] = [];
  readLines(decodeLegacy(genreBytes), genreFile, (text) => {
    const fields = text.split('|');
    checkWidth(fields, 2);
    names[parseCount(fields[1]!, 'genre number')] = fields[0]!;
  });
  const table = movieCollector(file);
  readLines(decodeLegacy(bytes), file, (text, line) => {
    const fields = text.split('|');
    checkWidth(fields, 5 + names.length);
    const genres = names.filter((name, i) => fields[5 + i] === '1' && name !== 'unknown');
    table.add(fields[0]!, fields[1]!, genres, line);
  });
  return table.finish();
}

/** tags.csv: userId,movieId,tag,timestamp. */
export function readTagsCsv(bytes: Uint8Array, file: string): TagTable {
  const table = tagCollector();
  readTable(bytes, file, ['userId', 'movieId', 'tag', 'timestamp'], ([user, item, tag, time], line) => {
    table.add(user!, item!, tag!, time!, line);
  });
  return table.finish();
}

/** tags.dat of 10M: UserID::MovieID::Tag::Timestamp. A tag may hold colons of its own. */
export function readTagsDat(bytes: Uint8Array, file: string): TagTable {
  const table = tagCollector();
  readLines(decodeLegacy(bytes), file, (text, line) => {
    const [user, rest, time] = splitDat(text);
    const at = rest.indexOf('::');
    if (at === -1) checkWidth([user, rest, time], 4);
    table.add(user, rest.slice(0, at), rest.slice(at + 2), time, line);
  });
  return table.finish();
}

/** links.csv: movieId,imdbId,tmdbId, for the movies in `itemIds`; 0 where a field is empty. */
export function readLinksCsv(
  bytes: Uint8Array,
  file: string,
  indexOf: (movieId: number) => number,
  itemCount: number,
): Links {
  const links = { imdb: new Int32Array(itemCount), tmdb: new Int32Array(itemCount) };
  readTable(bytes, file, ['movieId', 'imdbId', 'tmdbId'], ([id, imdb, tmdb]) => {
    const item = indexOf(parseCount(id!, 'movie id'));
    if (item === -1) return; // a link to a movie that the release does not list does no harm
    links.imdb[item] = imdb === '' ? 0 : parseCount(imdb!, 'imdb id');
    links.tmdb[item] = tmdb === '' ? 0 : parseCount(tmdb!, 'tmdb id');
  });
  return links;
}

/** Reads CSV with a header that must hold `columns`, in any order, and gives each record's fields in that order. */
function readTable(
  bytes: Uint8Array,
  file: string,
  columns: string[],
  use: (fields: string[], line: number) => void,
): void {
  let order: number[] | undefined;
  let width = 0;
  readCsv(decodeUtf8(bytes, file), file, (fields, line) => {
    if (order === undefined) {
      width = fields.length;
      order = columns.map((column) => columnAt(fields, column, columns));
    } else {
      checkWidth(fields, width);
      use(
        order.map((at) => fields[at]!),
        line,
      );
    }
  });
  if (order === undefined) {
    throw new DataError({ place: file, found: 'an empty file', wanted: `the header ${columns.join(',')}` });
  }
}

function columnAt(header: string[], column: string, columns: string[]): number {
  const at = header.findIndex((name) => name.trim().toLowerCase() === column.toLowerCase());
  if (at !== -1) return at;
  throw new DataError({
    found: `no column '${column}' in the header ${quoteField(header.join(','))}`,
    wanted: columns.join(','),
  });
}

/** First field, last field and all between, of a line with fields separated by "::". */
function splitDat(text: string): [string, string, string] {
  const first = text.indexOf('::');
  const last = text.lastIndexOf('::');
  if (first === -1 || last < first + 2) checkWidth(text.split('::'), 3);
  return [text.slice(0, first), text.slice(first + 2, last), text.slice(last + 2)];
}

function splitGenres(text: string): string[] {
  return text === '' || text === '(no genres listed)' ? [] : text.split('|');
}

/** Collects movies in any order; a movie id may appear once. */
function movieCollector(file: string) {
  const rows: { id: number; title: string; genres: string[] }[] = [];
  const lines = new Map<number, number>();
  return {
    add(idText: string, title: string, genres: string[], line: number) {
      const id = parseCount(idText, 'movie id');
      const before = lines.get(id);
      if (before !== undefined) {
        throw new DataError({
          found: `movie ${id} again, first on line ${before}`,
          wanted: 'each movie once',
        });
      }
      lines.set(id, line);
      rows.push({ id, title, genres });
    },
    finish(): MovieTable {
      if (rows.length === 0) throw new DataError({ place: file, found: 'no movies', wanted: 'at least one' });
      rows.sort((a, b) => a.id - b.id);
      return {
        ids: Int32Array.from(rows, ({ id }) => id),
        movies: {
          titles: rows.map(({ title }) => title),
          years: Int16Array.from(rows, ({ title }) => splitYear(title).year),
          genres: rows.map(({ genres }) => genres),
        },
      };
    },
  };
}

function tagCollector() {
  const users: number[] = [];
  const items: number[] = [];
  const texts: string[] = [];
  const timestamps: number[] = [];
  const lines: number[] = [];
  return {
    add(user: string, item: string, text: string, time: string, line: number) {
      users.push(parseCount(user, 'user id'));
      items.push(parseCount(item, 'movie id'));
      timestamps.push(parseCount(time, 'timestamp'));
      texts.push(text);
      lines.push(line);
    },
    finish: (): TagTable => ({
      users: Int32Array.from(users),
      items: Int32Array.from(items),
      texts,
      timestamps: Int32Array.from(timestamps),
      lines: Int32Array.from(lines),
    }),
  };
}
