/**
 * Seeded random numbers; a generator is an argument. Four algorithms: FNV-1a hashes a path to a seed, which
 * splitmix32 expands to the state of xoshiro128**, and that draws. The SGD kernels draw from splitmix64 in WebAssembly, one
 * state per user block and step, seeded from here (src/numeric/sgd/fit.ts).
 */
import { log } from './math.ts';

/** Values of `uint32()`. */
const TWO_TO_32 = 4_294_967_296;
/** The largest n for which n * 2^32 is exact in a double. */
const MAX_EXACT_FACTOR = 2_097_152;

/** What `Rng.state` returns and `Rng.restore` reads. */
export interface RngState {
  /** Of the generator: its seed and the names it was derived by, such as `42/split`. */
  path: string;
  words: [number, number, number, number];
  /** The second normal of the last pair that was drawn, if it is still to be returned. */
  spare: number | null;
}

/**
 * xoshiro128** 1.1 (Blackman and Vigna 2018), seeded through splitmix32 of an FNV-1a hash of its path. Children are
 * derived by name: `new Rng(42).derive('split')` is the same stream wherever and whenever it is derived, whatever
 * else was drawn before, so adding a consumer of randomness never shifts another.
 */
export class Rng {
  readonly path: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare: number | null = null;

  /** `seed`: any integer, or the path of a derived generator. */
  constructor(seed: number | string) {
    this.path = String(seed);
    let hash = 0x811c9dc5;
    for (let i = 0; i < this.path.length; i++) {
      hash = Math.imul(hash ^ this.path.charCodeAt(i), 0x01000193);
    }
    const next = () => {
      hash = (hash + 0x9e3779b9) | 0;
      let z = hash;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1; // never the all-zero state
  }

  /** An independent generator named `name` under this one. Does not advance this one. */
  derive(name: string): Rng {
    return new Rng(`${this.path}/${name}`);
  }

  /** 32 random bits as an unsigned integer. */
  uint32(): number {
    const s = Math.imul(this.#b, 5);
    const result = Math.imul((s << 7) | (s >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /**
   * Uniform integer in [0, n), 1 <= n <= 2^32, without bias. Up to 2^21, where the product is exact in a double, by
   * Lemire's multiplication (2019), which almost never divides; above, by rejection.
   */
  int(n: number): number {
    if (n > MAX_EXACT_FACTOR) return this.#intByRejection(n);
    for (;;) {
      const x = this.uint32();
      const low = Math.imul(x, n) >>> 0;
      if (low >= n || low >= (TWO_TO_32 - n) % n) return (x * n - low) / TWO_TO_32;
    }
  }

  /**
   * Fills `target` with uniform integers in [0, n), n at most 2^21: the same as by calls of `int`, but faster, with the
   * state in local variables.
   */
  fillInts(target: Uint16Array | Int32Array, n: number): void {
    const unbiased = (TWO_TO_32 - n) % n;
    let [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    for (let i = 0; i < target.length;) {
      const s = Math.imul(b, 5);
      const x = Math.imul((s << 7) | (s >>> 25), 9) >>> 0;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      const low = Math.imul(x, n) >>> 0;
      if (low >= unbiased) target[i++] = (x * n - low) / TWO_TO_32;
    }
    [this.#a, this.#b, this.#c, this.#d] = [a, b, c, d];
  }

  #intByRejection(n: number): number {
    if (n === TWO_TO_32) return this.uint32();
    const divisor = n >>> 0; // unsigned 32 bits on both sides: an integer division
    const limit = TWO_TO_32 - (((TWO_TO_32 - divisor) >>> 0) % divisor);
    for (;;) {
      const x = this.uint32();
      if (x < limit) return (x >>> 0) % divisor;
    }
  }

  /** Standard normal, by Marsaglia's polar method (1964). */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const s = x * x + y * y;
      if (s > 0 && s < 1) {
        const scale = Math.sqrt((-2 * log(s)) / s);
        this.#spare = y * scale;
        return x * scale;
      }
    }
  }

  /**
   * Shuffles in place (Fisher-Yates, Durstenfeld 1964) and returns its argument. The places come from `int`; here with
   * the state in local variables, where the argument is not too long for the exact product.
   */
  shuffle<T extends Int32Array | Uint32Array | unknown[]>(values: T): T {
    let i = values.length - 1;
    for (; i >= MAX_EXACT_FACTOR; i--) swap(values, i, this.int(i + 1));
    let [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    while (i > 0) {
      const s = Math.imul(b, 5);
      const x = Math.imul((s << 7) | (s >>> 25), 9) >>> 0;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      const n = i + 1;
      const low = Math.imul(x, n) >>> 0;
      if (low < n && low < (TWO_TO_32 - n) % n) continue;
      swap(values, i--, (x * n - low) / TWO_TO_32);
    }
    [this.#a, this.#b, this.#c, this.#d] = [a, b, c, d];
    return values;
  }

  /** The whole state, for a checkpoint. */
  state(): RngState {
    return { path: this.path, words: [this.#a, this.#b, this.#c, this.#d], spare: this.#spare };
  }

  /** A generator that continues where `state` was taken. */
  static restore(state: RngState): Rng {
    const rng = new Rng(state.path);
    [rng.#a, rng.#b, rng.#c, rng.#d] = state.words;
    rng.#spare = state.spare;
    return rng;
  }
}

function swap(values: Int32Array | Uint32Array | unknown[], i: number, j: number): void {
  const swapped = values[i]!;
  values[i] = values[j]!;
  values[j] = swapped;
}
