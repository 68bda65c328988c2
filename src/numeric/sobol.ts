/** Sobol's quasi-random points, which fill the unit cube more evenly than random ones. */
import type { Rng } from '../util/rng.ts';

const BITS = 32;
const TWO_TO_32 = 4_294_967_296;

/**
 * Per dimension from the second on: degree and coefficients of a primitive polynomial over GF(2), and the first direction
 * numbers (Joe and Kuo 2008, "Constructing Sobol sequences with better two-dimensional projections", the file
 * new-joe-kuo-6).
 */
const DIRECTIONS: readonly (readonly [degree: number, polynomial: number, first: readonly number[]])[] = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
  [5, 2, [1, 1, 5, 5, 17]],
  [5, 4, [1, 1, 5, 5, 5]],
  [5, 7, [1, 1, 7, 11, 19]],
  [5, 11, [1, 1, 5, 1, 1]],
  [5, 13, [1, 1, 1, 3, 11]],
  [5, 14, [1, 3, 5, 5, 31]],
  [6, 1, [1, 3, 3, 9, 7, 49]],
  [6, 13, [1, 1, 1, 15, 21, 21]],
  [6, 16, [1, 3, 1, 13, 27, 49]],
];

export const MAX_SOBOL_DIMENSIONS = DIRECTIONS.length + 1;

/**
 * The first `count` points in [0, 1)^dimensions, in the order of the Gray code, each coordinate shifted by random bits
 * that `rng` draws per dimension (a random digital shift); without `rng`, Sobol's own, whose first point is 0. A longer
 * sequence begins with a shorter one. Throws RangeError for more than 16 dimensions.
 */
export function sobolPoints(count: number, dimensions: number, rng?: Rng): number[][] {
  if (dimensions > MAX_SOBOL_DIMENSIONS) throw new RangeError(`more than ${MAX_SOBOL_DIMENSIONS} dimensions`);
  const directions = Array.from({ length: dimensions }, (_, dimension) => directionsOf(dimension));
  const shifts = directions.map(() => rng?.uint32() ?? 0);
  const state = new Uint32Array(dimensions);
  return Array.from({ length: count }, (_, n) => {
    if (n > 0) {
      const bit = 31 - Math.clz32(n & -n); // the Gray codes of n - 1 and n differ there
      for (let d = 0; d < dimensions; d++) state[d]! ^= directions[d]![bit]!;
    }
    return [...state].map((value, d) => ((value ^ shifts[d]!) >>> 0) / TWO_TO_32);
  });
}

/** 32 direction numbers, the first in the highest bit. */
function directionsOf(dimension: number): Uint32Array {
  const v = new Uint32Array(BITS);
  if (dimension === 0) return v.map((_, n) => 2 ** (BITS - 1 - n));
  const [degree, polynomial, first] = DIRECTIONS[dimension - 1]!;
  for (let n = 0; n < BITS; n++) {
    if (n < degree) {
      v[n] = (first[n]! << (BITS - 1 - n)) >>> 0;
      continue;
    }
    let value = v[n - degree]! ^ (v[n - degree]! >>> degree);
    for (let k = 1; k < degree; k++) {
      if ((polynomial >> (degree - 1 - k)) & 1) value ^= v[n - k]!;
    }
    v[n] = value >>> 0;
  }
  return v;
}
