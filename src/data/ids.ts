/** Released ids to dense indices, and repeated ratings of one movie by one user. */
import type { Ratings } from './dataset.ts';

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
 * Positions of ratings that repeat a user and an item. Of two, the one with the later timestamp is kept, else the
 * one further down. In the order of users. Linear in the number of ratings; no extra memory when the file is sorted by user and item.
 */
export function findDuplicates(ratings: Ratings, userCount: number, itemCount: number): Duplicate[] {
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
  for (const n of order) {
    const item = items[n]!;
    const before = last[item]!;
    last[item] = n;
    if (before === -1 || users[before] !== users[n]) continue;
    if (timestamps[before]! > timestamps[n]!) {
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
