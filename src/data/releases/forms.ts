/**
 * The forms in which a folder of ratings is known: names of its files, scale, and the reader of each file. Adding a form is
 * one entry.
 */
import type { Dataset, Ids, Links } from '../dataset.ts';
import {
  readItem100k,
  readLinksCsv,
  readMoviesCsv,
  readMoviesDat,
  readMoviesMetadata,
  readTagsCsv,
  readTagsDat,
  type MovieTable,
  type TagTable,
} from '../files/movies.ts';
import type { TextFile } from '../files/records.ts';

export type FormName = 'csv' | 'ml-1m' | 'ml-10m' | 'ml-100k' | 'recbole';

/** Names of a file, the usual one first; case, a further `.txt` and packing as `.gz` or `.zip` do not count. */
type Names = readonly (string | RegExp)[];

/** How a file is read, and which others are needed beside it; those that are not there are undefined. */
interface Part<Read> {
  names: Names;
  beside?: Names;
  read: Read;
}

export interface ReleaseForm {
  ratings: { names: Names; scale: Dataset['scale'] };
  /** A file that must be there too; the first form in the table that fits is taken. */
  requires?: Names;
  /** A release's own file: without a header, its columns are user, item, rating, time. */
  isRelease?: boolean;
  /** In the order in which they are looked for. */
  movies: Part<(file: TextFile, beside: TextFile | undefined, strict: boolean) => MovieTable>[];
  tags?: Part<(file: TextFile, strict: boolean) => TagTable>;
  links?: Part<(file: TextFile, itemIds: Ids, strict: boolean) => { links: Links; notes: string[] }>;
}

const halves: Dataset['scale'] = { min: 0.5, max: 5, step: 0.5 };
const whole: Dataset['scale'] = { min: 1, max: 5, step: 1 };
const links = ['links.csv', 'link.csv', 'links_small.csv'];

/** 1M and 10M differ in the scale, and 10M has tags but no users.dat. */
export const forms: Record<FormName, ReleaseForm> = {
  csv: {
    ratings: {
      names: ['ratings.csv', 'rating.csv', 'ratings_small.csv', /^ratings?\.(tsv|parquet|txt)$/],
      scale: halves,
    },
    movies: [
      {
        names: ['movies.csv', 'movie.csv', /^movies?\.(tsv|parquet|txt)$/],
        read: (movies, _, strict) => readMoviesCsv(movies, strict),
      },
      {
        names: ['movies_metadata.csv'],
        beside: links,
        read: (movies, beside, strict) =>
          beside ? readMoviesMetadata(movies, beside, strict) : readMoviesCsv(movies, strict),
      },
    ],
    tags: { names: ['tags.csv', 'tag.csv'], read: readTagsCsv },
    links: { names: links, read: readLinksCsv },
  },
  'ml-1m': {
    ratings: { names: ['ratings.dat'], scale: whole },
    requires: ['users.dat'],
    isRelease: true,
    movies: [{ names: ['movies.dat'], read: readMoviesDat }],
  },
  'ml-10m': {
    ratings: { names: ['ratings.dat'], scale: halves },
    isRelease: true,
    movies: [{ names: ['movies.dat'], read: readMoviesDat }],
    tags: { names: ['tags.dat'], read: readTagsDat },
  },
  'ml-100k': {
    ratings: { names: ['u.data', 'u.data.csv', 'u.data.tsv'], scale: whole },
    isRelease: true,
    movies: [{ names: ['u.item'], beside: ['u.genre'], read: readItem100k }],
  },
  recbole: {
    ratings: { names: [/\.inter$/], scale: halves },
    movies: [{ names: [/\.item$/], read: (movies, _, strict) => readMoviesCsv(movies, strict, / +/) }],
  },
};

/** The file of a folder that has one of the names: exactly, else without case, `.txt` and packing. */
export function findFile(files: readonly string[], names: Names): string | undefined {
  for (const name of names) {
    const exact = files.find((file) => file === name);
    if (exact !== undefined) return exact;
  }
  for (const name of names) {
    const found = files.find((file) => {
      const plain = file.toLowerCase().replace(/(\.gz|\.zip)$/, '');
      const shorter = plain.replace(/\.txt$/, '');
      return typeof name === 'string'
        ? plain === name || shorter === name
        : name.test(plain) || name.test(shorter);
    });
    if (found !== undefined) return found;
  }
  return undefined;
}
