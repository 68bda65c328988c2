/** Models that are saved after the fit, loaded without another, and asked about people who were not in it. */
import type { z } from 'zod';
import type { Csr } from '../data/csr.ts';
import { REFERENCE_STARS } from '../data/rating-levels.ts';
import type { TensorData } from '../huggingface/named-tensors.ts';
import { DataError } from '../util/errors.ts';
import { mean } from '../util/arrays.ts';
import { parseAs, parseJson } from '../util/parse.ts';
import { entriesOf, valuesOf, type SparseRows } from '../util/sparse-rows.ts';
import type { Fitted, SavedState, TopK } from './recommender.ts';

/** What may be in a list, where that is not the whole catalogue without the user's own movies. */
export interface Selection {
  /** Items that may be recommended, ascending; a part of the training catalogue. */
  candidates: Int32Array;
  /** Recommend movies that the user has rated as well. Default: false. */
  includeSeen?: boolean;
}

/** Why an item is in a list. */
export interface Reason {
  /** Item index of a movie that the user rated, or the name of a feature, such as "genres:Drama". */
  because: number | string;
  /** What it adds to the score, or how alike the two movies are (the model says which); higher is more. */
  weight: number;
}

/** A fitted model in use: lists from a selection, reasons, and people who were not in train. */
export interface UsableModel extends Fitted {
  recommend(users: Int32Array, k: number, selection?: Selection): Promise<TopK>;
  /**
   * For each of `items`, at most `count` reasons for `user`, strongest first; none where there is none to give. Only movies
   * that the user liked are named, see `likedItems`.
   */
  explain?(user: number, items: Int32Array, count: number): Reason[][];
  /** The items whose ratings the model reads in a person's history, ascending: those of others count for nothing. Absent: all. */
  readonly items?: Int32Array;
  /**
   * The same model for other people, one per row of `histories` (people x items, stars), whose user indices are the rows.
   * Nothing is trained, and a person's numbers do not depend on the others. Absent where the model cannot.
   */
  foldIn?(histories: Csr): Promise<UsableModel>;
}

/** Array `name` of the state, of the type and length that the model expects. Throws DataError when it is not. */
export function savedArray<T extends TensorData>(
  state: SavedState,
  name: string,
  type: abstract new (length: number) => T,
  length: number,
): T {
  const array = state[name];
  if (array instanceof type && array.length === length) return array;
  throw new DataError({
    place: `array '${name}' of the saved model`,
    found: array === undefined ? 'missing' : `${array.constructor.name} of ${array.length} values`,
    wanted: `${type.name} of ${length} values`,
    remedy: 'Fit the model again.',
  });
}

/** Settings that belong to the arrays, as one more array: the UTF-8 bytes of their JSON. `savedSettings` reads it. */
export function settingsArray(settings: unknown): Int32Array {
  return Int32Array.from(Buffer.from(JSON.stringify(settings)));
}

/** What `settingsArray` put into array `name`. Throws DataError when it is missing or not as `schema` wants it. */
export function savedSettings<S extends z.ZodType>(state: SavedState, name: string, schema: S): z.output<S> {
  const place = `array '${name}' of the saved model`;
  const remedy = 'Fit the model again.';
  const bytes = savedArray(state, name, Int32Array, state[name]?.length ?? 0);
  return parseAs(schema, parseJson(Buffer.from(bytes).toString(), { place, remedy }), { place, remedy });
}

/** Rows without entries. */
export function emptyRows(rows: number): SparseRows {
  return { pointers: new Int32Array(rows + 1), indices: new Int32Array() };
}

/**
 * The items that a reason may name, in their order: those that the user of `byUser` (users x items, stars) rated 4 stars or
 * more, or above the mean of the user's own ratings where there are several.
 */
export function likedItems(byUser: Csr, user: number): number[] {
  const average = mean(valuesOf(byUser, user));
  const isLiked = (stars: number) => stars >= REFERENCE_STARS || stars > average + ROUNDING;
  return [...entriesOf(byUser, user)].filter(([, stars]) => isLiked(stars)).map(([item]) => item);
}

/** Stars; the mean of equal ratings may differ from them by less. */
const ROUNDING = 1e-6;

/** The `count` reasons that weigh most and more than nothing; equal ones in the order given. */
export function strongest(reasons: Reason[], count: number): Reason[] {
  return reasons
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, count);
}
