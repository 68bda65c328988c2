/**
 * The best k items for many users where a score is a dot product: implicit ALS, BPR and factorization machines alike.
 * Users go in blocks, so nothing of size users x items is ever held.
 */
import { AbortedError } from '../util/errors.ts';
import { KernelPool } from './pool/pool.ts';

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
/** Candidates whose scores are bounded together: 32 panels. */
const BLOCK = 256;

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
  /** Position in the catalogue of each candidate, in the order of the panels. */
  readonly #ids: Int32Array;
  /** Per block, what bounds its scores: see the kernel. */
  readonly #lengths: Float32Array;
  readonly #highest: Float32Array;
  /** Position in the catalogue of each item that is in it. */
  readonly #idOf: Int32Array;
  readonly #userFactors: Float32Array;
  readonly #pointers: Int32Array;
  readonly #excluded: Int32Array;
  readonly #bestIds: Int32Array;
  readonly #bestScores: Float32Array;

  constructor(pool: KernelPool, ranking: DotProductRanking) {
    const { catalogue, factors, itemBias, itemFactors, k, users } = ranking;
    this.#pool = pool;
    this.#ranking = ranking;
    const padded = Math.ceil(catalogue.length / PANEL) * PANEL;
    this.#panels = pool.float32(padded * factors);
    this.#biases = pool.float32(padded);
    this.#ids = pool.int32(padded);
    this.#lengths = pool.float32(Math.ceil(padded / BLOCK));
    this.#highest = pool.float32(this.#lengths.length).fill(-Infinity);
    this.#idOf = new Int32Array(itemFactors.length / factors).fill(-1);
    catalogue.forEach((item, id) => (this.#idOf[item] = id));
    const lengths = rowLengths(itemFactors, factors);
    const room = 1 + (factors + 16) * 2 ** -22; // a sum of k products is off by k half units in the last place at most
    byBound(ranking, lengths).forEach((id, candidate) => {
      const item = catalogue[id]!;
      const bias = itemBias?.[item] ?? 0;
      this.#ids[candidate] = id;
      this.#biases[candidate] = bias;
      const block = Math.floor(candidate / BLOCK);
      const slack = (room - 1) * Math.abs(bias);
      this.#lengths[block] = Math.max(this.#lengths[block]!, room * lengths[item]!);
      this.#highest[block] = Math.max(this.#highest[block]!, bias + slack);
      const lane = candidate % PANEL;
      const panel = (candidate - lane) * factors + lane;
      for (let f = 0; f < factors; f++) this.#panels[panel + f * PANEL] = itemFactors[item * factors + f]!;
    });
    const block = Math.ceil(Math.min(users.length, USERS_PER_BLOCK) / TILE) * TILE;
    this.#userFactors = pool.float32(block * factors);
    this.#pointers = pool.int32(block + 1);
    this.#excluded = pool.int32(this.#longestBlock());
    this.#bestIds = pool.int32(block * k);
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
      this.#ids,
      this.#lengths,
      this.#highest,
      catalogue.length,
      factors,
      this.#pointers,
      this.#excluded,
      this.#bestIds,
      this.#bestScores,
      k,
    ]);
    for (let cell = 0; cell < users.length * k; cell++) {
      const id = this.#bestIds[cell]!;
      items[at + cell] = id < 0 ? -1 : catalogue[id]!;
      scores[at + cell] = id < 0 ? 0 : this.#bestScores[cell]!;
    }
  }

  /** Appends the catalogue's positions of what `user` has seen at `end`, and returns the new end. */
  #exclude(user: number, end: number): number {
    const { pointers, indices } = this.#ranking.seen;
    for (let p = pointers[user]!; p < pointers[user + 1]!; p++) {
      const id = this.#idOf[indices[p]!]!;
      if (id >= 0) this.#excluded[end++] = id;
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

/** Euclidean length of each row of k floats; infinite where a number is not finite. */
function rowLengths(matrix: Float32Array, k: number): Float64Array {
  return Float64Array.from({ length: matrix.length / k }, (_, row) => {
    let squares = 0;
    for (let at = row * k; at < (row + 1) * k; at++) squares += matrix[at]! * matrix[at]!;
    return Number.isFinite(squares) ? Math.sqrt(squares) : Infinity;
  });
}

/** Positions in the catalogue, those whose score for a user of mean length can be highest first. */
function byBound(
  { catalogue, factors, itemBias, userFactors, users }: DotProductRanking,
  lengths: Float64Array,
): Int32Array {
  const userLengths = rowLengths(userFactors, factors);
  const total = users.reduce((sum, user) => sum + userLengths[user]!, 0);
  const mean = Number.isFinite(total) ? total / Math.max(1, users.length) : 1;
  const bounds = Float64Array.from(catalogue, (item) => mean * lengths[item]! + (itemBias?.[item] ?? 0));
  const rank = (bound: number) => (Number.isNaN(bound) ? Infinity : bound);
  return Int32Array.from(catalogue.keys()).sort((a, b) => {
    const [first, second] = [rank(bounds[a]!), rank(bounds[b]!)];
    return first === second ? a - b : second > first ? 1 : -1;
  });
}
