/**
 * What lists are like besides being right: coverage, concentration, novelty, diversity. NaN says that a value is not
 * defined: records hold null there, and tables a dash.
 */
import { log2 } from '../util/math.ts';

/** One user's list, hits or not, with what is known of its movies. One object is refilled from list to list. */
export interface RecommendedList {
  /** Item indices; the list is `items[start]` to `items[start + length - 1]`. */
  items: Int32Array;
  start: number;
  length: number;
  /** Per item: self-information in bits, see `selfInformation`. */
  information: Float64Array;
  distance: GenreDistance;
}

/** Catalogue coverage = distinct recommended movies / movies in train (Ge et al. 2010). NaN for an empty catalogue. */
export function coverage(exposures: Int32Array, catalogueSize: number): number {
  let recommended = 0;
  for (const lists of exposures) if (lists > 0) recommended++;
  return catalogueSize === 0 ? NaN : recommended / catalogueSize;
}

/**
 * Gini index of exposure: with x_1 <= ... <= x_n the number of lists that each of the n catalogue movies is in,
 * G = sum_i (2i - n - 1) x_i / (n sum_i x_i). 0 when all are recommended equally often, (n - 1) / n when one movie takes
 * every place, NaN when nothing is recommended. `exposures` may leave out movies that never are: their terms are 0.
 */
export function gini(exposures: Int32Array, catalogueSize: number): number {
  const ascending = exposures.filter((lists) => lists > 0).sort();
  const neverRecommended = catalogueSize - ascending.length;
  let total = 0;
  let weighted = 0;
  for (const [n, lists] of ascending.entries()) {
    total += lists;
    weighted += (2 * (neverRecommended + n + 1) - catalogueSize - 1) * lists;
  }
  return total === 0 ? NaN : weighted / (catalogueSize * total);
}

/**
 * Self-information of each movie in bits, -log2(share of the users in train who rated it) (Zhou et al. 2010). NaN for a
 * movie without a training rating: its novelty is not defined, and means leave it out.
 */
export function selfInformation(usersWhoRated: Int32Array, userCount: number): Float64Array {
  const byCount = new Map<number, number>([[0, NaN]]); // few counts are distinct
  const information = new Float64Array(usersWhoRated.length);
  for (let item = 0; item < information.length; item++) {
    const count = usersWhoRated[item]!;
    let bits = byCount.get(count);
    if (bits === undefined) byCount.set(count, (bits = -log2(count / userCount)));
    information[item] = bits;
  }
  return information;
}

/** Novelty of a list: mean self-information in bits of its movies that have one, NaN where none has. */
export function meanInformation({ items, start, length, information }: RecommendedList): number {
  let bits = 0;
  let informative = 0;
  for (let n = start; n < start + length; n++) {
    const own = information[items[n]!]!;
    if (Number.isNaN(own)) continue;
    bits += own;
    informative++;
  }
  return informative === 0 ? NaN : bits / informative;
}

/**
 * Intra-list diversity: mean distance over all pairs of a list (Ziegler et al. 2005). NaN for a list of fewer than two
 * movies, and for all lists where no movie of the data set has a genre.
 */
export function meanDistance({ items, start, length, distance }: RecommendedList): number {
  if (length < 2 || !distance.hasGenres) return NaN;
  return distance.sumOfPairs(items, start, length) / ((length * (length - 1)) / 2);
}

/**
 * Distance between movies by genre: 1 - |A and B| / |A or B| (Jaccard), 0 between two movies without genres. Genre sets
 * become bit masks of `words` 32-bit words per movie.
 */
export class GenreDistance {
  /** Does any movie have a genre? */
  readonly hasGenres: boolean;
  readonly #masks: Int32Array;
  readonly #words: number;
  /** Per movie: how many genres it has. */
  readonly #counts: Int32Array;

  constructor(genres: readonly string[][]) {
    const bits = new Map<string, number>();
    for (const set of genres) for (const genre of set) if (!bits.has(genre)) bits.set(genre, bits.size);
    this.hasGenres = bits.size > 0;
    this.#words = Math.max(1, Math.ceil(bits.size / 32));
    this.#masks = new Int32Array(genres.length * this.#words);
    this.#counts = new Int32Array(genres.length);
    for (let item = 0; item < genres.length; item++) {
      for (const genre of genres[item]!) {
        const bit = bits.get(genre)!;
        this.#masks[item * this.#words + (bit >>> 5)]! |= 1 << (bit & 31);
      }
      this.#counts[item] = this.#common(item, item);
    }
  }

  /** Over all pairs of the `length` items from `start` on: each with those before it, in their order. */
  sumOfPairs(items: Int32Array, start: number, length: number): number {
    const counts = this.#counts;
    const masks = this.#masks;
    const isNarrow = this.#words === 1;
    let sum = 0;
    for (let rank = start; rank < start + length; rank++) {
      const item = items[rank]!;
      const mask = isNarrow ? masks[item]! : 0;
      const count = counts[item]!;
      for (let position = start; position < rank; position++) {
        const other = items[position]!;
        const common = isNarrow ? bitCount(mask & masks[other]!) : this.#common(item, other);
        const either = count + counts[other]! - common;
        if (either !== 0 && common !== either) sum += 1 - common / either; // 0 for equal sets
      }
    }
    return sum;
  }

  /** Genres that both movies have. */
  #common(a: number, b: number): number {
    const words = this.#words;
    if (words === 1) return bitCount(this.#masks[a]! & this.#masks[b]!);
    let common = 0;
    for (let w = 0; w < words; w++)
      common += bitCount(this.#masks[a * words + w]! & this.#masks[b * words + w]!);
    return common;
  }
}

/** Number of set bits in 32. Source: Warren, Hacker's Delight, figure 5-2. */
function bitCount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}
