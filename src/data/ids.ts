/** Released ids to dense indices, and repeated ratings of one movie by one user. */
import type { Id, Ids, Ratings } from './dataset.ts';

/** Gives the index of an id, or -1. */
export type IndexOf = (id: number) => number;

/** Above this id, a hash map takes the place of a table. */
const MAX_TABLE_ID = 1 << 24;

/** `ids` must ascend; the index of an id is its position. */
export function indexer(ids: Int32Array): IndexOf {
  const largest = ids.at(-1) ?? -1;
  if (largest >= MAX_TABLE_ID) {
    const map = new Map<number, number>();
    ids.forEach((id, index) => map.set(id, index));
    return (id) => map.get(id) ?? -1;
  }
  const table = new Int32Array(largest + 1).fill(-1);
  ids.forEach((id, index) => (table[id] = index));
  return (id) => (id > largest ? -1 : table[id]!);
}

/** Gives the index of an id, number or text, or -1. `ids` must ascend. */
export function idIndexer(ids: Ids): (id: Id) => number {
  if (ids instanceof Int32Array) {
    const indexOf = indexer(ids);
    return (id) => (typeof id === 'number' ? indexOf(id) : -1);
  }
  const map = new Map(ids.map((id, index) => [id, index]));
  return (id) => map.get(String(id)) ?? -1;
}

/** Orders text ids: whole numbers by size before all other text, which goes by code unit. */
export function compareIds(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  if (isNumberA && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Orders ids that are numbers or text: numbers by size, others by `compareIds`. */
export function byId(a: Id, b: Id): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : compareIds(String(a), String(b));
}

/** Ids as text. */
function textIds(ids: Ids): readonly string[] {
  return ids instanceof Int32Array ? Array.from(ids, String) : ids;
}

/** The ids that a column of a file stands for: its own numbers, or the text that they number. */
export interface IdColumnOf {
  column: Int32Array;
  texts: readonly string[] | undefined;
}

/** All ids of some columns and of a list, ascending; text as soon as one of them is text. */
export function unionIds(columns: IdColumnOf[], listed: Ids = new Int32Array(0)): Ids {
  const isText = !(listed instanceof Int32Array) || columns.some(({ texts }) => texts !== undefined);
  if (isText) {
    const own = columns.map(({ column, texts }) => texts ?? textIds(distinctIds(column)));
    return [...new Set([textIds(listed), ...own].flat())].sort(compareIds);
  }
  const all = [listed, ...columns.map(({ column }) => distinctIds(column))];
  return Int32Array.from(new Set(all.flatMap((ids) => Array.from(ids)))).sort();
}

/** Replaces a column of ids by their indices in `ids`, in place. Returns the first row whose id is not there, or -1. */
export function mapToIndices({ column, texts }: IdColumnOf, ids: Ids): number {
  if (texts === undefined && ids instanceof Int32Array) return toIndices(column, indexer(ids));
  const indexOf = idIndexer(ids);
  const indices = texts?.map((text) => indexOf(text));
  for (let row = 0; row < column.length; row++) {
    const index = indices ? indices[column[row]!]! : indexOf(column[row]!);
    if (index === -1) return row;
    column[row] = index;
  }
  return -1;
}

/** The distinct ids of a column, ascending. */
export function distinctIds(column: Int32Array): Int32Array {
  let largest = -1;
  for (let n = 0; n < column.length; n++) if (column[n]! > largest) largest = column[n]!;
  if (largest >= MAX_TABLE_ID) return Int32Array.from(new Set(column)).sort();
  const seen = new Uint8Array(largest + 1);
  for (let n = 0; n < column.length; n++) seen[column[n]!] = 1;
  let count = 0;
  for (let id = 0; id <= largest; id++) count += seen[id]!;
  const ids = new Int32Array(count);
  for (let id = 0, at = 0; id <= largest; id++) if (seen[id] === 1) ids[at++] = id;
  return ids;
}

/**
 * Replaces ids by indices, in place, and returns the distinct ids, ascending. A column that ascends, as users do in every
 * release but 100K, takes one pass.
 */
export function compact(column: Int32Array): Int32Array {
  const ids: number[] = [];
  let last = -1;
  let index = -1;
  for (let n = 0; n < column.length; n++) {
    const id = column[n]!;
    if (id !== last) {
      if (id < last) {
        for (let m = 0; m < n; m++) column[m] = ids[column[m]!]!; // not ascending: as it was
        return compactAnyOrder(column);
      }
      ids.push(id);
      last = id;
      index++;
    }
    column[n] = index;
  }
  return Int32Array.from(ids);
}

function compactAnyOrder(column: Int32Array): Int32Array {
  const ids = distinctIds(column);
  toIndices(column, indexer(ids));
  return ids;
}

/** Replaces ids by indices, in place. Returns the position of the first id without one, or -1. */
export function toIndices(column: Int32Array, indexOf: IndexOf): number {
  for (let n = 0; n < column.length; n++) {
    const index = indexOf(column[n]!);
    if (index === -1) return n;
    column[n] = index;
  }
  return -1;
}

export interface Duplicate {
  kept: number;
  dropped: number;
}

/**
 * Positions of ratings that repeat a user and an item. Of two, the one with the later timestamp is kept; where these are equal,
 * or one is not known (0, where `withoutTime` ratings have none), the one further down. In the order of users. Linear in the
 * number of ratings; no extra memory when the file is sorted by user and item.
 */
export function findDuplicates(
  ratings: Ratings,
  userCount: number,
  itemCount: number,
  withoutTime = 0,
): Duplicate[] {
  const { users, items, timestamps } = ratings;
  if (ascending(users, items)) return [];
  // Positions by user, in file order: a counting sort.
  const next = new Int32Array(userCount + 1);
  for (let n = 0; n < users.length; n++) next[users[n]! + 1]!++;
  for (let u = 0; u < userCount; u++) next[u + 1]! += next[u]!;
  const order = new Int32Array(users.length);
  for (let n = 0; n < users.length; n++) order[next[users[n]!]!++] = n;

  const last = new Int32Array(itemCount).fill(-1);
  const duplicates: Duplicate[] = [];
  const isUnknown = (time: number) => time === 0 && withoutTime > 0;
  for (const n of order) {
    const item = items[n]!;
    const before = last[item]!;
    last[item] = n;
    if (before === -1 || users[before] !== users[n]) continue;
    if (timestamps[before]! > timestamps[n]! && !isUnknown(timestamps[n]!)) {
      duplicates.push({ kept: before, dropped: n });
      last[item] = before;
    } else duplicates.push({ kept: n, dropped: before });
  }
  return duplicates;
}

/** The ratings without those at `dropped`. */
export function without(ratings: Ratings, dropped: Iterable<number>): Ratings {
  const gone = new Set(dropped);
  const keep = <T extends Int32Array | Float32Array>(column: T): T =>
    column.filter((_: number, n: number) => !gone.has(n)) as T;
  return {
    users: keep(ratings.users),
    items: keep(ratings.items),
    values: keep(ratings.values),
    timestamps: keep(ratings.timestamps),
  };
}

/** Does every rating stand after the one before it, by user and then by item? */
function ascending(users: Int32Array, items: Int32Array): boolean {
  for (let n = 1; n < users.length; n++) {
    if (users[n]! < users[n - 1]! || (users[n] === users[n - 1] && items[n]! <= items[n - 1]!)) return false;
  }
  return true;
}
