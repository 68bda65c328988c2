/**
 * A data set in memory: columns, with ids mapped once to dense indices. No object per rating anywhere.
 * Indices ascend with the released ids, so "ties by ascending movie id" is "ties by ascending item index".
 */

/** An id as released: a whole number up to 2147483647, or text, as longer numbers are. */
export type Id = number | string;

/** The id of each index, ascending: numbers by size, text by `compareIds`. */
export type Ids = Int32Array | readonly string[];

/** Ratings as columns of equal length, in the order of the file. */
export interface Ratings {
  /** User index, 0 to users-1. */
  users: Int32Array;
  /** Item index, 0 to items-1. */
  items: Int32Array;
  /** Stars on the release's scale (0.5 to 5 by halves, or 1 to 5). */
  values: Float32Array;
  /** Seconds since 1970, UTC; all 0 where the source has none. */
  timestamps: Int32Array;
  /** The first rating below 0 of the file, if there is one: most models refuse it. */
  negative?: { place: string; value: number };
}

/** What is known of each item; every array has one entry per item index. */
export interface Movies {
  /** As released, with the year: "Matrix, The (1999)". Empty where no movie file was given. */
  titles: string[];
  /** Year of release, or 0 where the title ends in none. */
  years: Int16Array;
  /** Genres as released; empty for "(no genres listed)". */
  genres: string[][];
}

/** Free-text tags as columns of equal length. */
export interface Tags {
  users: Int32Array;
  items: Int32Array;
  texts: string[];
  /** Seconds since 1970, UTC. */
  timestamps: Int32Array;
}

/** Identifiers elsewhere, one entry per item index; 0 where unknown. */
export interface Links {
  imdb: Int32Array;
  tmdb: Int32Array;
}

/** A file that was read, by its own bytes. */
export interface SourceFile {
  name: string;
  sha256: string;
  bytes: number;
}

export interface Dataset {
  /** Catalogue name ("ml-latest-small-2016") or the folder's base name. */
  name: string;
  files: SourceFile[];
  /** Released user id of each user index, ascending. */
  userIds: Ids;
  /** Released movie id of each item index, ascending; includes movies without ratings. */
  itemIds: Ids;
  ratings: Ratings;
  movies: Movies;
  tags?: Tags;
  links?: Links;
  /** True where the source has no ratings: every value is 1, and every row counts as relevant. */
  isImplicit?: boolean;
  /** Ratings whose time is unknown, while others have one; 0 where it is not given. */
  withoutTime?: number;
  /** The rating scale of the release. */
  scale: { min: number; max: number; step: number };
  /** What was kept, repaired or dropped while reading, each as a sentence with file and line. */
  warnings: string[];
}

/** The kinds of split that are drawn (split.ts); files that hold one already are read by predefined.ts. */
export const splitKinds = [
  'per-user-random',
  'global-random',
  'per-user-temporal',
  'global-temporal',
  'leave-last-one-out',
] as const;
export type SplitKind = (typeof splitKinds)[number];
