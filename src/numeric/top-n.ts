/**
 * The best k items for many users where a score is a dot product: implicit ALS, BPR and factorization machines alike.
 * Users go in blocks, so nothing of size users x items is ever held.
 */
import { AbortedError } from '../util/errors.ts';
import { range } from '../util/arrays.ts';
import { indicesOf, rowLength, type SparseRows } from '../util/sparse-rows.ts';
import { kernelConstants } from './pool/kernels.ts';
import { KernelPool } from './pool/pool.ts';
import { areFew, recommendToFew } from './top-n-of-few.ts';

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
  seen: SparseRows;
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
/** Tiles of users that a thread takes at a time. */
const TILES_PER_CHUNK = 16;
const { CANDIDATES_PER_BLOCK, CANDIDATES_PER_PANEL, USERS_PER_TILE } = kernelConstants;

/**
 * Ranks the catalogue without what each user has seen by `userFactors[u] . itemFactors[i] + itemBias[i]`, summed in
 * float32 from the bias on in the order of the factors. Equal scores by ascending item index; a score that is not a
 * number is never recommended. Throws AbortedError when the signal fires.
 */
export async function recommendByDotProduct(ranking: DotProductRanking): Promise<RankedItems> {
  if (areFew(ranking)) return recommendToFew(ranking);
  const { catalogue, factors, k, users, signal } = ranking;
  const operations = 2 * users.length * catalogue.length * factors;
  const pool = KernelPool.create({ threads: ranking.threads, operations });
  try {
    const items = new Int32Array(users.length * k);
    const scores = new Float32Array(users.length * k);
    const scorer = new BlockScorer(pool, ranking);
    for (let begin = 0; begin < users.length; begin += USERS_PER_BLOCK) {
      await pool.yieldToEventLoop();
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
  readonly #candidates: Candidates;
  /** Position in the catalogue of each item that is in it. */
  readonly #idOf: Int32Array;
  readonly #userFactors: Float32Array;
  readonly #excludedPointers: Int32Array;
  readonly #excludedIds: Int32Array;
  readonly #bestIds: Int32Array;
  readonly #bestScores: Float32Array;

  constructor(pool: KernelPool, ranking: DotProductRanking) {
    const { catalogue, factors, itemFactors, k, users } = ranking;
    this.#pool = pool;
    this.#ranking = ranking;
    this.#candidates = packCandidates(pool, ranking);
    this.#idOf = new Int32Array(itemFactors.length / factors).fill(-1);
    catalogue.forEach((item, id) => (this.#idOf[item] = id));
    const rows = Math.ceil(Math.min(users.length, USERS_PER_BLOCK) / USERS_PER_TILE) * USERS_PER_TILE;
    this.#userFactors = pool.float32(rows * factors);
    this.#excludedPointers = pool.int32(rows + 1);
    this.#excludedIds = pool.int32(this.#largestExclusion());
    this.#bestIds = pool.int32(rows * k);
    this.#bestScores = pool.float32(rows * k);
  }

  /** Ranks for one block of users and writes their rows from `at` on. */
  score(users: Int32Array, items: Int32Array, scores: Float32Array, at: number): void {
    const { catalogue, factors, k, userFactors } = this.#ranking;
    let end = 0;
    users.forEach((user, row) => {
      this.#userFactors.set(userFactors.subarray(user * factors, (user + 1) * factors), row * factors);
      end = this.#exclude(user, end);
      this.#excludedPointers[row + 1] = end;
    });
    const job = { rows: users.length, grain: TILES_PER_CHUNK * USERS_PER_TILE };
    this.#pool.run('topN', job, {
      ...this.#candidates,
      userFactors: this.#userFactors,
      candidateCount: catalogue.length,
      k: factors,
      excludedPointers: this.#excludedPointers,
      excludedIds: this.#excludedIds,
      bestIds: this.#bestIds,
      bestScores: this.#bestScores,
      listLength: k,
    });
    for (let cell = 0; cell < users.length * k; cell++) {
      const id = this.#bestIds[cell]!;
      items[at + cell] = id < 0 ? -1 : catalogue[id]!;
      scores[at + cell] = id < 0 ? 0 : this.#bestScores[cell]!;
    }
  }

  /** Appends the catalogue's positions of what `user` has seen at `end`, and returns the new end. */
  #exclude(user: number, end: number): number {
    for (const item of indicesOf(this.#ranking.seen, user)) {
      const id = this.#idOf[item]!;
      if (id >= 0) this.#excludedIds[end++] = id;
    }
    return end;
  }

  /** Training ratings of the block of users that has most of them. */
  #largestExclusion(): number {
    const { seen, users } = this.#ranking;
    let largest = 0;
    for (let begin = 0; begin < users.length; begin += USERS_PER_BLOCK) {
      let entries = 0;
      for (const user of users.subarray(begin, begin + USERS_PER_BLOCK)) {
        entries += rowLength(seen, user);
      }
      largest = Math.max(largest, entries);
    }
    return largest;
  }
}

/** The catalogue as the kernel reads it, those first that may score highest. */
interface Candidates {
  /** The factors of eight candidates together, one factor after the other. */
  candidatePanels: Float32Array;
  candidateBiases: Float32Array;
  /** Position in the catalogue of each candidate. */
  candidateIds: Int32Array;
  /** Per block of candidates, the longest vector and the highest bias: what bounds its scores. */
  blockLengths: Float32Array;
  blockBiases: Float32Array;
}

function packCandidates(pool: KernelPool, ranking: DotProductRanking): Candidates {
  const { catalogue, factors, itemBias, itemFactors } = ranking;
  const padded = Math.ceil(catalogue.length / CANDIDATES_PER_PANEL) * CANDIDATES_PER_PANEL;
  const candidatePanels = pool.float32(padded * factors);
  const candidateBiases = pool.float32(padded);
  const candidateIds = pool.int32(padded);
  const blockLengths = pool.float32(Math.ceil(padded / CANDIDATES_PER_BLOCK));
  const blockBiases = pool.float32(blockLengths.length).fill(-Infinity);
  const lengths = vectorLengths(itemFactors, factors);
  // A sum of k products is off by k half units in the last place at most: bounds are raised by more than that.
  const roundingSlack = 1 + (factors + 16) * 2 ** -22;
  byBound(ranking, lengths).forEach((id, candidate) => {
    const item = catalogue[id]!;
    const bias = itemBias?.[item] ?? 0;
    candidateIds[candidate] = id;
    candidateBiases[candidate] = bias;
    const block = Math.floor(candidate / CANDIDATES_PER_BLOCK);
    const highestBias = bias + (roundingSlack - 1) * Math.abs(bias);
    blockLengths[block] = Math.max(blockLengths[block]!, roundingSlack * lengths[item]!);
    blockBiases[block] = Math.max(blockBiases[block]!, highestBias);
    const lane = candidate % CANDIDATES_PER_PANEL;
    const panel = (candidate - lane) * factors + lane;
    for (let f = 0; f < factors; f++)
      candidatePanels[panel + f * CANDIDATES_PER_PANEL] = itemFactors[item * factors + f]!;
  });
  return { candidatePanels, candidateBiases, candidateIds, blockLengths, blockBiases };
}

/** Euclidean length of each row of k floats; infinite where a number is not finite. */
function vectorLengths(matrix: Float32Array, k: number): Float64Array {
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
  const userLengths = vectorLengths(userFactors, factors);
  const total = users.reduce((sum, user) => sum + userLengths[user]!, 0);
  const mean = Number.isFinite(total) ? total / Math.max(1, users.length) : 1;
  const bounds = Float64Array.from(catalogue, (item) => mean * lengths[item]! + (itemBias?.[item] ?? 0));
  const rank = (bound: number) => (Number.isNaN(bound) ? Infinity : bound);
  return range(catalogue.length).sort((a, b) => {
    const [first, second] = [rank(bounds[a]!), rank(bounds[b]!)];
    return first === second ? a - b : second > first ? 1 : -1;
  });
}
