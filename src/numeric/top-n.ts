/**
 * The best k items for many users where a score is a dot product: implicit ALS, BPR and factorization machines alike.
 * Users go in blocks, so nothing of size users x items is ever held.
 */
import { AbortedError } from '../util/errors.ts';
import { KernelPool } from './pool.ts';

export interface DotProductRanking {
  /** Floats per row of both matrices. */
  factors: number;
  /** (all users, factors), row-major. */
  userFactors: Float32Array;
  /** (all items, factors), row-major. */
  itemFactors: Float32Array;
  /** One per item, added to its score. */
  itemBias?: Float32Array;
  /** The items that may be recommended, ascending. */
  catalogue: Int32Array;
  /** Items never to recommend to a user, ascending within a row: the training ratings. */
  seen: { pointers: Int32Array; indices: Int32Array };
  /** User indices to rank for; row u of the result belongs to `users[u]`. */
  users: Int32Array;
  /** Length of the lists. */
  k: number;
  threads: number;
  signal?: AbortSignal;
}

export interface RankedItems {
  k: number;
  /** (users, k), row-major, best first; -1 pads a list that came out short. */
  items: Int32Array;
  /** (users, k), row-major; 0 beside a pad. */
  scores: Float32Array;
}

/** Users scored between looks at the abort signal; also bounds the memory: 8,192 x 128 factors are 4 MB. */
const USERS_PER_BLOCK = 8192;
/** A panel holds the factors of eight candidates, one factor after the other. */
const PANEL = 8;
/** Users per tile of the kernel. */
const TILE = 4;

/**
 * Ranks the catalogue without what each user has seen by `userFactors[u] . itemFactors[i] + itemBias[i]`, summed in
 * float32 from the bias on in the order of the factors. Equal scores by ascending item index; a score that is not a
 * number is never recommended. Throws AbortedError when the signal fires.
 */
export async function recommendByDotProduct(ranking: DotProductRanking): Promise<RankedItems> {
  const { catalogue, factors, k, users, signal } = ranking;
  const operations = 2 * users.length * catalogue.length * factors;
  const pool = await KernelPool.create({ threads: ranking.threads, operations });
  try {
    const items = new Int32Array(users.length * k);
    const scores = new Float32Array(users.length * k);
    const scorer = new BlockScorer(pool, ranking);
    for (let begin = 0; begin < users.length; begin += USERS_PER_BLOCK) {
      await pool.breathe();
      if (signal?.aborted)
        throw new AbortedError({ found: 'stopped while recommending: nothing was written' });
      scorer.score(users.subarray(begin, begin + USERS_PER_BLOCK), items, scores, begin * k);
    }
    return { k, items, scores };
  } finally {
    await pool.dispose();
  }
}

class BlockScorer {
  readonly #pool: KernelPool;
  readonly #ranking: DotProductRanking;
  readonly #panels: Float32Array;
  readonly #biases: Float32Array;
  /** Position in the catalogue of each item that is in it. */
  readonly #candidateOf: Int32Array;
  readonly #userFactors: Float32Array;
  readonly #pointers: Int32Array;
  readonly #excluded: Int32Array;
  readonly #bestItems: Int32Array;
  readonly #bestScores: Float32Array;

  constructor(pool: KernelPool, ranking: DotProductRanking) {
    const { catalogue, factors, itemBias, itemFactors, k, users } = ranking;
    this.#pool = pool;
    this.#ranking = ranking;
    const padded = Math.ceil(catalogue.length / PANEL) * PANEL;
    this.#panels = pool.float32(padded * factors);
    this.#biases = pool.float32(padded);
    this.#candidateOf = new Int32Array(itemFactors.length / factors).fill(-1);
    catalogue.forEach((item, candidate) => {
      this.#candidateOf[item] = candidate;
      this.#biases[candidate] = itemBias?.[item] ?? 0;
      const lane = candidate % PANEL;
      const panel = (candidate - lane) * factors + lane;
      for (let f = 0; f < factors; f++) this.#panels[panel + f * PANEL] = itemFactors[item * factors + f]!;
    });
    const block = Math.ceil(Math.min(users.length, USERS_PER_BLOCK) / TILE) * TILE;
    this.#userFactors = pool.float32(block * factors);
    this.#pointers = pool.int32(block + 1);
    this.#excluded = pool.int32(this.#longestBlock());
    this.#bestItems = pool.int32(block * k);
    this.#bestScores = pool.float32(block * k);
  }

  /** Ranks for one block of users and writes their rows from `at` on. */
  score(users: Int32Array, items: Int32Array, scores: Float32Array, at: number): void {
    const { catalogue, factors, k, userFactors } = this.#ranking;
    let end = 0;
    users.forEach((user, row) => {
      this.#userFactors.set(userFactors.subarray(user * factors, (user + 1) * factors), row * factors);
      end = this.#exclude(user, end);
      this.#pointers[row + 1] = end;
    });
    const job = { rows: users.length, grain: 16 * TILE, scratchBytes: 4112 };
    this.#pool.run('topN', job, [
      this.#userFactors,
      this.#panels,
      this.#biases,
      catalogue.length,
      factors,
      this.#pointers,
      this.#excluded,
      this.#bestItems,
      this.#bestScores,
      k,
    ]);
    for (let cell = 0; cell < users.length * k; cell++) {
      const candidate = this.#bestItems[cell]!;
      items[at + cell] = candidate < 0 ? -1 : catalogue[candidate]!;
      scores[at + cell] = candidate < 0 ? 0 : this.#bestScores[cell]!;
    }
  }

  /** Appends the candidates that `user` has seen at `end`, and returns the new end. */
  #exclude(user: number, end: number): number {
    const { pointers, indices } = this.#ranking.seen;
    for (let p = pointers[user]!; p < pointers[user + 1]!; p++) {
      const candidate = this.#candidateOf[indices[p]!]!;
      if (candidate >= 0) this.#excluded[end++] = candidate;
    }
    return end;
  }

  #longestBlock(): number {
    const { seen, users } = this.#ranking;
    let longest = 0;
    for (let begin = 0; begin < users.length; begin += USERS_PER_BLOCK) {
      let entries = 0;
      for (const user of users.subarray(begin, begin + USERS_PER_BLOCK)) {
        entries += seen.pointers[user + 1]! - seen.pointers[user]!;
      }
      longest = Math.max(longest, entries);
    }
    return longest;
  }
}
