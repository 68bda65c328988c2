/** The forms in which MovieLens was released: files, separators, scale, and the reader of each. Adding a form is one entry. */
import type { Dataset } from '../dataset.ts';
import {
  readItem100k,
  readLinksCsv,
  readMoviesCsv,
  readMoviesDat,
  readTagsCsv,
  readTagsDat,
  type MovieTable,
  type TagTable,
} from '../files/movies.ts';
import type { RatingForm } from '../ratings/form.ts';

export type FormName = 'csv' | 'ml-1m' | 'ml-10m' | 'ml-100k';

/** Files that are read together; `read` takes their bytes in the order of `files` and names the first in errors. */
interface Part<Read> {
  files: [string, ...string[]];
  read: Read;
}

type ReadTable<Table> = (...bytes: Uint8Array[]) => Table;

export interface ReleaseForm {
  /** The files by which a folder is known to be of this form; the first form in the table that fits is taken. */
  knownBy: string[];
  ratings: RatingForm;
  movies: Part<ReadTable<MovieTable>>;
  tags?: Part<ReadTable<TagTable>>;
  links?: Part<typeof readLinksCsv>;
}

const halves: Dataset['scale'] = { min: 0.5, max: 5, step: 0.5 };
const whole: Dataset['scale'] = { min: 1, max: 5, step: 1 };

/** 1M and 10M differ in the scale, and 10M has tags but no users.dat. */
export const forms: Record<FormName, ReleaseForm> = {
  csv: {
    knownBy: ['ratings.csv'],
    ratings: { file: 'ratings.csv', delimiter: ',', header: 'required', scale: halves },
    movies: { files: ['movies.csv'], read: (movies) => readMoviesCsv(movies, 'movies.csv') },
    tags: { files: ['tags.csv'], read: (tags) => readTagsCsv(tags, 'tags.csv') },
    links: { files: ['links.csv'], read: readLinksCsv },
  },
  'ml-1m': {
    knownBy: ['ratings.dat', 'users.dat'],
    ratings: { file: 'ratings.dat', delimiter: '::', header: 'none', scale: whole },
    movies: { files: ['movies.dat'], read: (movies) => readMoviesDat(movies, 'movies.dat') },
  },
  'ml-10m': {
    knownBy: ['ratings.dat'],
    ratings: { file: 'ratings.dat', delimiter: '::', header: 'none', scale: halves },
    movies: { files: ['movies.dat'], read: (movies) => readMoviesDat(movies, 'movies.dat') },
    tags: { files: ['tags.dat'], read: (tags) => readTagsDat(tags, 'tags.dat') },
  },
  'ml-100k': {
    knownBy: ['u.data'],
    ratings: { file: 'u.data', delimiter: '\t', header: 'none', scale: whole },
    movies: {
      files: ['u.item', 'u.genre'],
      read: (movies, genres) => readItem100k(movies, 'u.item', genres, 'u.genre'),
    },
  },
};
