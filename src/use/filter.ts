/** Which movies may be in a list: genre, years, number of ratings. */
import type { TrainingSet } from '../data/training-set.ts';
import type { Selection } from '../models/saved.ts';
import { UsageError } from '../util/errors.ts';

export interface Filters {
  /** Movies of at least one of these, in any case. */
  genres?: readonly string[] | undefined;
  /** "1994", "1990-1999", "1990-" or "-1959". */
  years?: string | undefined;
  /** Training ratings of a movie. */
  minRatings?: number | undefined;
  excludeSeen?: boolean | undefined;
}

/** Throws UsageError for an unknown genre, for years that are none, and when no movie is left. */
export function selectionOf(train: TrainingSet, filters: Filters): Selection {
  const { genres = [], years, minRatings = 0, excludeSeen = true } = filters;
  const wanted = genres.map((genre) => genreNamed(genre, train));
  const [from, to] = years === undefined ? [-Infinity, Infinity] : yearsOf(years);
  const candidates = train.catalogue.filter((item) => {
    const year = train.movies.years[item]!;
    const isOfYears = years === undefined || (year !== 0 && year >= from && year <= to);
    const own = train.movies.genres[item]!;
    const isOfGenre = wanted.length === 0 || wanted.some((genre) => own.includes(genre));
    return isOfYears && isOfGenre && train.ratingCounts[item]! >= minRatings;
  });
  if (candidates.length > 0) return { candidates, includeSeen: !excludeSeen };
  const flags = [
    ...(genres.length > 0 ? [`--genre ${genres.join(',')}`] : []),
    ...(years === undefined ? [] : [`--years ${years}`]),
    ...(minRatings > 0 ? [`--min-ratings ${minRatings}`] : []),
  ];
  throw new UsageError({
    place: flags.join(' '),
    found: `none of ${train.catalogue.length} movies is left`,
    remedy: 'Ask for less.',
  });
}

/** The selection without these items. */
export function leaveOut(selection: Selection, items: readonly number[]): Selection {
  if (items.length === 0) return selection;
  const out = new Set(items);
  return { ...selection, candidates: selection.candidates.filter((item) => !out.has(item)) };
}

function genreNamed(written: string, { movies }: TrainingSet): string {
  const known = [...new Set(movies.genres.flat())].sort();
  const found = known.find((genre) => genre.toLowerCase() === written.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError({ place: '--genre', found: `'${written}'`, wanted: known.join(', ') });
}

function yearsOf(written: string): [from: number, to: number] {
  const match = /^\s*(\d{4})?\s*(-)?\s*(\d{4})?\s*$/.exec(written);
  const [, first, dash, last] = match ?? [];
  if (match === null || (first === undefined && last === undefined) || (last !== undefined && !dash)) {
    throw new UsageError({
      place: '--years',
      found: `'${written}'`,
      wanted: '1994, 1990-1999, 1990- or -1959',
    });
  }
  const from = first === undefined ? -Infinity : Number(first);
  const to = last !== undefined ? Number(last) : dash ? Infinity : from;
  if (from > to)
    throw new UsageError({ place: '--years', found: `'${written}'`, wanted: 'the earlier year first' });
  return [from, to];
}
