/** The cold slice: movies that hardly anybody has rated, where other users' ratings say little. */
import type { Csr } from '../data/csr.ts';
import { indicesOf } from '../util/sparse-rows.ts';

/** A movie with fewer training ratings is cold. */
export const COLD_BELOW_RATINGS = 5;

/** What the users' cold relevant movies and the hits among them are; one entry per user, in the order of `users`. */
export interface ColdHits {
  relevant: number[];
  /** 1-based ranks in the whole list, ascending. */
  hitRanks: number[][];
}

/**
 * Of each user's relevant test movies and hits those with fewer than `COLD_BELOW_RATINGS` training ratings. Movies
 * without any are among them: no model may recommend them, and they are misses for all. `usersWhoRated` is per item.
 */
export function coldHitsOf(
  {
    users,
    hitRanks,
    hitItems,
  }: { users: Int32Array; hitRanks: readonly Int32Array[]; hitItems: readonly Int32Array[] },
  relevant: Csr,
  usersWhoRated: Int32Array,
): ColdHits {
  const isCold = (item: number) => usersWhoRated[item]! < COLD_BELOW_RATINGS;
  return {
    relevant: Array.from(users, (user) => indicesOf(relevant, user).filter(isCold).length),
    hitRanks: hitRanks.map((ranks, row) => [...ranks].filter((_, n) => isCold(hitItems[row]![n]!))),
  };
}
