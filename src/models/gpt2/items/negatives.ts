/**
 * Sampled softmax for catalogues that are too large for a logit per movie. The denominator of the softmax is estimated from S
 * movies drawn from q with replacement, as Bengio and Senecal 2008 do ("Adaptive importance sampling to accelerate training
 * of a neural probabilistic language model", IEEE Trans. Neural Networks 19(4)):
 *
 *     Z = sum over targets t of exp(z_t) + sum over draws j that are no target of exp(z_j - log(S q_j))
 *
 * The targets are always there, so they count as they are, and the draws in expectation what all other movies do. Its mean
 * over draws is the whole softmax's denominator. One sample serves all rows of a batch.
 */
import { log } from '../../../util/math.ts';
import type { Rng } from '../../../util/rng.ts';

/** Movies from which on the softmax is sampled. */
export const SAMPLED_ABOVE_MOVIES = 100_000;
/** Draws per batch. */
export const DRAWS = 1024;

/** Movie tokens drawn for a batch. */
export interface Negatives {
  tokens: Int32Array;
  /** What is added to the logit of each: -log(S q). */
  offsets: Float32Array;
}

/** Draws movies in proportion to one more than their ratings. */
export class Proposal {
  readonly #cumulative: Float64Array;
  readonly #draws: number;

  /** `counts`: ratings by movie token. */
  constructor(counts: ArrayLike<number>, draws = DRAWS) {
    this.#draws = draws;
    this.#cumulative = new Float64Array(counts.length);
    let sum = 0;
    for (let token = 0; token < counts.length; token++) {
      sum += counts[token]! + 1;
      this.#cumulative[token] = sum;
    }
  }

  /** The probability of a movie in a draw. */
  probabilityOf(token: number): number {
    const own = this.#cumulative[token]! - (token === 0 ? 0 : this.#cumulative[token - 1]!);
    return own / this.#cumulative.at(-1)!;
  }

  draw(rng: Rng): Negatives {
    const tokens = new Int32Array(this.#draws);
    const total = this.#cumulative.at(-1)!;
    for (let n = 0; n < tokens.length; n++) tokens[n] = this.#at(rng.uniform() * total);
    const offsets = Float32Array.from(tokens, (token) => -log(tokens.length * this.probabilityOf(token)));
    return { tokens, offsets };
  }

  /** The first movie whose cumulative count is above `value`. */
  #at(value: number): number {
    let low = 0;
    let high = this.#cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cumulative[middle]! > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
