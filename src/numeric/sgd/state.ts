/** What SGD works on: problems and losses, and the arrays in the kernels' memory. */
import { rowCount, rowLength } from '../../util/sparse-rows.ts';
import { rowsByLength, type ObservedRows } from '../als/solver.ts';
import type { FeatureRows } from '../feature-prior.ts';
import type { KernelPool } from '../pool/pool.ts';

export interface SgdProblem {
  /** Number of factors, a multiple of 8 (see `paddedFactors`). */
  k: number;
  users: number;
  items: number;
  /** The ratings of each user, items ascending; a level stands for a number of stars. */
  byUser: ObservedRows;
  /** Items that can be drawn as negatives; holds every rated item. */
  catalogue: Int32Array;
  /** Without: matrix factorization. */
  features?: FeatureRows;
}

/** -log sigmoid(score(u, i) - score(u, j)) of a rated i and an unrated j (Rendle et al. 2009). */
export interface PairwiseLoss {
  kind: 'pairwise';
  /** Probability, per level, that a drawn rating is used. */
  acceptance: Float64Array;
  /** Unrated items drawn per rating, of which the best scored one is j. */
  negatives: number;
  /**
   * How they are drawn: uniformly from the unrated items, or by the number of their ratings, where a rated item counts
   * as none (as implicit does it).
   */
  sampling: 'uniform' | 'popularity';
}

/** (target - score)^2 / 2 of every rating. */
export interface SquaredLoss {
  kind: 'squared';
  /** What the score of a rating should be, per level. */
  targets: Float64Array;
}

/** The arrays that the kernels work on; the class of the same name in src/numeric/wasm/sgd/state.ts describes each. */
export interface SgdState {
  k: number;
  blocks: number;
  features: number;
  pointers: Int32Array;
  indices: Int32Array;
  levels: Uint8Array;
  blockUserPointers: Int32Array;
  blockUsers: Int32Array;
  blockItemPointers: Int32Array;
  blockItems: Int32Array;
  blockRatingPointers: Int32Array;
  itemBlocks: Uint8Array;
  cellPointers: Int32Array;
  cellUsers: Uint16Array;
  cellItems: Int32Array;
  cellLevels: Uint8Array;
  randomStates: Int32Array;
  featurePointers: Int32Array;
  featureIndices: Int32Array;
  featureValues: Float32Array;
  userFactors: Float32Array;
  itemFactors: Float32Array;
  userBiases: Float32Array;
  itemBiases: Float32Array;
  featureFactors: Float32Array;
  featureBiases: Float32Array;
  learningRate: Float32Array;
  decay: Float32Array;
  featureDecay: Float32Array;
  biasDecay: Float32Array;
}

/** Large data runs a fifth faster in 16 blocks than in 8, as a block's rows stay in the cache; more gain nothing. */
const MAX_BLOCKS = 16;
/** Fewer users or items than this in a block leave too few pairs to draw from. */
const MIN_BLOCK_ROWS = 64;
/** A user's index in its block has 16 bits; half of that on average allows for uneven blocks. */
const MAX_MEAN_BLOCK_USERS = 32_768;
/** Allocates everything in the pool's memory. */
export function allocateState(pool: KernelPool, problem: SgdProblem): SgdState {
  const { k, users, items, byUser, catalogue, features } = problem;
  const ratings = byUser.indices.length;
  const blocks = blockCount(users, catalogue.length);
  const columns = features?.columns ?? 0;
  const userBlocks = balancedBlocks(byUser, blocks);
  return {
    k,
    blocks,
    features: columns,
    pointers: pool.int32(byUser.pointers),
    indices: pool.int32(byUser.indices),
    levels: pool.uint8(byUser.levels),
    blockUserPointers: pool.int32(userBlocks.userPointers),
    blockUsers: pool.int32(userBlocks.users),
    blockItemPointers: pool.int32(blocks + 1),
    blockItems: pool.int32(catalogue.length),
    blockRatingPointers: pool.int32(userBlocks.ratingPointers),
    itemBlocks: pool.uint8(items),
    cellPointers: pool.int32((users + blocks) * blocks),
    cellUsers: pool.uint16(ratings),
    cellItems: pool.int32(ratings),
    cellLevels: pool.uint8(ratings),
    randomStates: pool.int32(2 * blocks),
    featurePointers: pool.int32(features?.pointers ?? items + 1),
    featureIndices: pool.int32(features?.indices ?? 0),
    featureValues: pool.float32(features?.values ?? 0),
    userFactors: pool.float32(users * k),
    itemFactors: pool.float32(items * k),
    userBiases: pool.float32(users),
    itemBiases: pool.float32(items),
    featureFactors: pool.float32(blocks * columns * k),
    featureBiases: pool.float32(blocks * columns),
    learningRate: pool.float32(1),
    decay: pool.float32(1),
    featureDecay: pool.float32(1),
    biasDecay: pool.float32(1),
  };
}

/** A power of two, so that most numbers of threads share the blocks evenly. Depends on the data, never on the threads. */
function blockCount(users: number, items: number): number {
  let blocks = 1;
  while (2 * blocks <= MAX_BLOCKS && 2 * blocks * MIN_BLOCK_ROWS <= Math.min(users, items)) blocks *= 2;
  while (users > blocks * MAX_MEAN_BLOCK_USERS) blocks *= 2;
  return blocks;
}

/** Gives each user, most ratings first, to the block with the fewest ratings and users; users ascend within a block. */
function balancedBlocks(byUser: ObservedRows, blocks: number) {
  const userCount = rowCount(byUser);
  const blockOf = new Uint8Array(userCount);
  const ratings = new Float64Array(blocks);
  const load = new Float64Array(blocks);
  for (const user of rowsByLength(byUser)) {
    const lightest = load.indexOf(Math.min(...load));
    blockOf[user] = lightest;
    ratings[lightest]! += rowLength(byUser, user);
    load[lightest]! += rowLength(byUser, user) + 1;
  }
  const users = new Int32Array(userCount);
  const userPointers = new Int32Array(blocks + 1);
  const ratingPointers = new Int32Array(blocks + 1);
  for (let block = 0, at = 0; block < blocks; block++) {
    for (let user = 0; user < userCount; user++) if (blockOf[user] === block) users[at++] = user;
    userPointers[block + 1] = at;
    ratingPointers[block + 1] = ratingPointers[block]! + ratings[block]!;
  }
  return { users, userPointers, ratingPointers };
}
