/** What lists are like besides being right: coverage, concentration, novelty, diversity. */
import { log2 } from '../util/math.ts';

/** Catalogue coverage = distinct recommended movies / movies in train (Ge et al. 2010). 0 for an empty catalogue. */
export function coverage(exposures: Int32Array, catalogueSize: number): number {
  let distinct = 0;
  for (const count of exposures) if (count > 0) distinct++;
  return catalogueSize === 0 ? 0 : distinct / catalogueSize;
}

/**
 * Gini index of exposure: with x_1 <= ... <= x_n the number of lists that each of the n catalogue movies is in,
 * G = sum_i (2i - n - 1) x_i / (n sum_i x_i). 0 when all are shown equally often (or none at all), (n - 1) / n when one
 * movie takes every place. `exposures` may leave out movies that were never shown: their terms are 0.
 */
export function gini(exposures: Int32Array, catalogueSize: number): number {
  const shown = exposures.filter((count) => count > 0).sort();
  const unseen = catalogueSize - shown.length;
  let total = 0;
  let weighted = 0;
  for (let n = 0; n < shown.length; n++) {
    total += shown[n]!;
    weighted += (2 * (unseen + n + 1) - catalogueSize - 1) * shown[n]!;
  }
  return total === 0 ? 0 : weighted / (catalogueSize * total);
}

/**
 * Self-information of each movie in bits, -log2(share of users who rated it in train) (Zhou et al. 2010). NaN for a
 * movie that nobody rated: its novelty is not defined, and means leave it out.
 */
export function selfInformation(usersWhoRated: Int32Array, userCount: number): Float64Array {
  return Float64Array.from(usersWhoRated, (count) => (count === 0 ? NaN : -log2(count / userCount)));
}

/**
 * Distance between movies by genre: 1 - |A and B| / |A or B| (Jaccard), 0 between two movies without genres. Genre sets
 * become bit masks of `words` 32-bit words per movie.
 */
export class GenreDistance {
  readonly #masks: Int32Array;
  readonly #words: number;

  constructor(genres: readonly string[][]) {
    const bits = new Map<string, number>();
    for (const set of genres) for (const genre of set) if (!bits.has(genre)) bits.set(genre, bits.size);
    this.#words = Math.max(1, Math.ceil(bits.size / 32));
    this.#masks = new Int32Array(genres.length * this.#words);
    genres.forEach((set, item) => {
      for (const genre of set) {
        const bit = bits.get(genre)!;
        this.#masks[item * this.#words + (bit >>> 5)]! |= 1 << (bit & 31);
      }
    });
  }

  between(a: number, b: number): number {
    let common = 0;
    let either = 0;
    for (let w = 0; w < this.#words; w++) {
      const left = this.#masks[a * this.#words + w]!;
      const right = this.#masks[b * this.#words + w]!;
      common += bitCount(left & right);
      either += bitCount(left | right);
    }
    return either === 0 ? 0 : 1 - common / either;
  }
}

/** Number of set bits in 32. Source: Warren, Hacker's Delight, figure 5-2. */
function bitCount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}
