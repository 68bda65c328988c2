/** A person who is not in the data: ratings from a file, or titles that are liked and disliked. */
import { parse, type InfoRecord } from 'csv-parse/sync';
import { toCsr, type Csr } from '../data/csr.ts';
import { placeOf } from '../data/files/records.ts';
import { REFERENCE_STARS } from '../data/rating-levels.ts';
import { areAllEqual, MAX_STARS, type TrainingSet } from '../data/training-set.ts';
import { nameMovie, TitleIndex } from '../language/titles.ts';
import { DataError, UsageError } from '../util/errors.ts';
import { readTextFile } from '../util/files.ts';
import { TitleSearch } from './search.ts';

/** Ratings of one person: item index to stars. */
export type History = Map<number, number>;

/** What says in which ratings a model thinks. */
type Rated = Pick<TrainingSet, 'scale' | 'ratings'>;

/** Where all ratings are equal a person gives stars as on MovieLens; `ratingsFor` says what they mean. */
const STARS = { min: 0.5, max: MAX_STARS };

/** The stars that a person may give. */
export function personScale({ scale, ratings }: Rated): { min: number; max: number } {
  return areAllEqual(ratings.values) ? STARS : scale;
}

/**
 * What a model fitted on such ratings is told of a person: stars within its scale. Where all its ratings are equal, they say
 * "liked" and nothing else: what the person gave 4 stars or more is told as one of them, and the rest is `notLiked`.
 */
export function ratingsFor({ scale, ratings }: Rated, given: History): { told: History; notLiked: number[] } {
  if (!areAllEqual(ratings.values)) {
    const told = [...given].map(([item, stars]) => [item, clamp(stars, scale)] as const);
    return { told: new Map(told), notLiked: [] };
  }
  const liked = ratings.values[0] ?? REFERENCE_STARS;
  const told: History = new Map();
  const notLiked: number[] = [];
  for (const [item, stars] of given) {
    if (stars >= REFERENCE_STARS) told.set(item, liked);
    else notLiked.push(item);
  }
  return { told, notLiked };
}

function clamp(stars: number, { min, max }: { min: number; max: number }): number {
  return Math.min(max, Math.max(min, stars));
}

export interface FoundHistory {
  history: History;
  /** What was left out, each as a sentence. */
  notes: string[];
}

/** Of an unknown title, this many titles that are like it are named. */
const MAX_SUGGESTIONS = 3;

/** Finds movies by id or by title, as `src/language` finds those that models write. */
export class MovieFinder {
  readonly #train: TrainingSet;
  readonly #titles: TitleIndex;
  readonly #itemOf: Map<string, number>;
  #search: TitleSearch | undefined;

  constructor(train: TrainingSet) {
    this.#train = train;
    this.#titles = new TitleIndex(train.movies);
    this.#itemOf = new Map(Array.from<number | string>(train.itemIds).map((id, item) => [String(id), item]));
  }

  /** The item index of a movie id, or undefined. */
  byId(id: string): number | undefined {
    return this.#itemOf.get(id);
  }

  /**
   * The movie that `written` names: a title with or without its year, or a movie id. Throws UsageError at `place`, with
   * the movies that may be meant, for an unknown or ambiguous one.
   */
  find(written: string, place: string): number {
    const id = this.byId(written.trim());
    if (id !== undefined) return id;
    const match = this.#titles.match(written, (item) => this.#isRated(item));
    if ('item' in match) return match.item;
    if (match.class === 'ambiguous') {
      throw new UsageError({
        place,
        found: `'${written}' fits ${match.items.map((item) => this.#name(item)).join(' and ')}`,
        remedy: 'Add the year, or give the movie id.',
      });
    }
    this.#search ??= new TitleSearch(this.#train);
    const near = this.#search.search(written, MAX_SUGGESTIONS);
    throw new UsageError({
      place,
      found: `no movie '${written}'`,
      remedy:
        near.length === 0
          ? 'Write the title as in movies.csv, with its year, or give the movie id.'
          : `Did you mean ${near.map((item) => this.#name(item)).join(' or ')}?`,
    });
  }

  #isRated(item: number): boolean {
    return this.#train.ratingCounts[item]! > 0;
  }

  #name(item: number): string {
    return `${nameMovie(this.#train, item)} [${this.#train.itemIds[item]}]`;
  }
}

/** Ratings of liked and disliked titles: the most and the fewest stars that a person may give. Throws UsageError. */
export function historyOfTitles(
  finder: MovieFinder,
  train: Rated,
  liked: readonly string[],
  disliked: readonly string[],
): History {
  const scale = personScale(train);
  const best = liked.map((title) => [finder.find(title, '--like'), scale.max] as const);
  const history: History = new Map(best);
  for (const title of disliked) {
    const item = finder.find(title, '--dislike');
    if (best.some(([other]) => other === item)) {
      throw new UsageError({
        place: '--dislike',
        found: `'${title}' is among those liked as well`,
        remedy: 'Leave out one of the two.',
      });
    }
    history.set(item, scale.min);
  }
  return history;
}

/** Columns by lower-case name: MovieLens' own, and the exports of Letterboxd and IMDb. */
const COLUMNS = {
  id: ['movieid'],
  title: ['title', 'name'],
  year: ['year'],
  rating: ['rating', 'your rating'],
} as const;

/**
 * Reads a CSV file with a header: `movieId` or `title` (or `Name` and `Year`, as Letterboxd exports it), and `rating` in
 * stars (or IMDb's `Your Rating`, of 10). Ratings of these exports that are off the scale of the data count as the nearest
 * on it. A movie that is not found is left out with a note; of two ratings of a movie the later line counts. Throws
 * DataError, naming file and line, for a file that cannot be used.
 */
export async function historyOfFile(path: string, finder: MovieFinder, train: Rated): Promise<FoundHistory> {
  const { columns, rows } = await readRows(path);
  const history: History = new Map();
  const notes: string[] = [];
  const scale = personScale(train);
  const written = writtenScale(columns) ?? scale;
  const divisor = written.max / scale.max;
  for (const { fields: row, line } of rows) {
    const place = placeOf(path, line);
    const text = row[columns.rating]!.trim();
    if (text === '') continue; // IMDb lists what was seen and not rated as well
    const rating = Number(text);
    if (!(rating >= written.min && rating <= written.max)) {
      throw new DataError({
        place,
        found: `rating '${text}'`,
        wanted: `${written.min} to ${written.max} stars`,
      });
    }
    try {
      const item = finder.find(writtenMovie(row, columns), place);
      history.set(item, clamp(rating / divisor, scale));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      notes.push(`${error.message.replace(/[.?]$/, '')}; the rating is left out.`);
    }
  }
  if (history.size > 0) return { history, notes };
  throw new DataError({
    place: path,
    found: `no rating of a known movie in ${rows.length} lines`,
    wanted: 'lines such as "Heat (1995),4.5" under a header "title,rating"',
    ...(notes[0] !== undefined && { remedy: `The first: ${notes[0]}` }),
  });
}

/** That of an export of IMDb or Letterboxd; undefined for any other file, whose ratings are on the scale of the data. */
function writtenScale({ rating, title }: FoundColumns): { min: number; max: number } | undefined {
  if (rating === 'your rating') return { min: 1, max: 10 };
  return title === 'name' ? { min: 0.5, max: 5 } : undefined;
}

interface FoundColumns {
  id?: string;
  title?: string;
  year?: string;
  rating: string;
}

interface FoundRow {
  /** By the column's name in lower case. */
  fields: Record<string, string>;
  /** On which it begins. */
  line: number;
}

async function readRows(path: string): Promise<{ columns: FoundColumns; rows: FoundRow[] }> {
  const text = await readTextFile(path, 'a CSV file of ratings');
  let rows: FoundRow[];
  try {
    const records: unknown[] = parse(text.replaceAll('\r\n', '\n'), {
      bom: true,
      columns: (header: string[]) => header.map((name) => name.trim().toLowerCase()),
      info: true,
      skip_empty_lines: true,
    });
    rows = (records as { record: Record<string, string>; info: InfoRecord }[]).map(({ record, info }) => ({
      fields: record,
      line: info.lines - (Object.values(record).join('').split('\n').length - 1), // `info` has the line of its end
    }));
  } catch (cause) {
    throw new DataError({ place: path, found: (cause as Error).message, wanted: 'CSV with a header', cause });
  }
  const names = Object.keys(rows[0]?.fields ?? {});
  const find = (options: readonly string[]) => options.find((name) => names.includes(name));
  const [id, title, year, rating] = [COLUMNS.id, COLUMNS.title, COLUMNS.year, COLUMNS.rating].map(find);
  if (rating === undefined || (id === undefined && title === undefined)) {
    throw new DataError({
      place: `${path}:1`,
      found: rows.length === 0 ? 'no line below the header' : `columns ${names.join(', ')}`,
      wanted: "a header with 'rating' and 'movieId' or 'title'",
    });
  }
  const users = new Set(rows.map(({ fields }) => fields['userid']));
  if (users.size > 1) {
    throw new DataError({
      place: path,
      found: `ratings of ${users.size} users`,
      wanted: 'the ratings of one person',
    });
  }
  return {
    rows,
    columns: { rating, ...(id && { id }), ...(title && { title }), ...(year && { year }) },
  };
}

function writtenMovie(row: Record<string, string>, { id, title, year }: FoundColumns): string {
  const number = id === undefined ? '' : row[id]!.trim();
  if (number !== '') return number;
  const name = title === undefined ? '' : row[title]!.trim();
  const own = year === undefined ? '' : row[year]!.trim();
  return /^\d{4}$/.test(own) && !name.endsWith(')') ? `${name} (${own})` : name;
}

/** Histories as rows that a model folds in. */
export function rowsOfHistories(histories: readonly History[], itemCount: number): Csr {
  const cells = histories.flatMap((history, row) =>
    [...history].map(([item, stars]) => ({ row, item, stars })),
  );
  return toCsr(
    Int32Array.from(cells, ({ row }) => row),
    Int32Array.from(cells, ({ item }) => item),
    Float32Array.from(cells, ({ stars }) => stars),
    histories.length,
    itemCount,
  );
}
