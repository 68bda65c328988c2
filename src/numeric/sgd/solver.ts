/**
 * Stochastic gradient descent on a factor model of users, items and the features of items, for two losses:
 *
 *     score(u, i) = a_u + c_i + p_u . s_i,    s_i = q_i + sum_f x_if v_f,    c_i = b_i + sum_f x_if w_f
 *
 * An epoch deals the items into as many blocks as there are user blocks, and runs in steps; in a step each user block
 * meets one item block, no two the same (Gemulla et al. 2011, DSGD). Blocks share no row, so they run on any number of
 * threads with the same bits. Feature rows belong to all items: each user block moves its own copy of them, and after
 * a step the copies are averaged.
 */
import type { Rng } from '../../util/rng.ts';
import { rowCount, rowLength } from '../../util/sparse-rows.ts';
import { rowsByLength, type ObservedRows } from '../als/solver.ts';
import type { FeatureRows } from '../feature-prior.ts';
import type { Struct } from '../pool/arguments.ts';
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

/** What each kind of parameter loses of itself per step, times the learning rate (L2 regularization). */
export interface SgdRegularization {
  factors: number;
  features: number;
  biases: number;
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

/** The arrays that the kernels work on; the class of the same name in src/numeric/wasm/sgd.ts describes each. */
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
}

/** One step's numbers, as the kernels take them: the learning rate and its product with each regularization. */
export interface StepRates {
  learningRate: number;
  decay: number;
  featureDecay: number;
  biasDecay: number;
}

/** What runs the steps: the SIMD kernels, or the plain ones of test/numeric/reference/sgd.ts in tests. */
export interface SgdKernels {
  partition(state: SgdState): void;
  /** `acceptance` per level is a share of 2^32. */
  pairwise(
    state: SgdState,
    step: number,
    acceptance: Uint32Array,
    drawsPerRating: number,
    loss: Pick<PairwiseLoss, 'negatives' | 'sampling'>,
    rates: StepRates,
  ): void;
  squared(state: SgdState, step: number, targets: Float32Array, rates: StepRates): void;
}

/** Large data runs a fifth faster in 16 blocks than in 8, as a block's rows stay in the cache; more gain nothing. */
const MAX_BLOCKS = 16;
/** Fewer users or items than this in a block leave too few pairs to draw from. */
const MIN_BLOCK_ROWS = 64;
/** A user's index in its block has 16 bits; half of that on average allows for uneven blocks. */
const MAX_MEAN_BLOCK_USERS = 32_768;
/** Levels have 8 bits. */
const MAX_LEVELS = 256;

export class SgdSolver {
  /** The parameters and what the kernels need beside them. Features: see `featureFactors`. */
  readonly state: SgdState;
  /** What the next epoch draws from. */
  rng: Rng;
  readonly #catalogue: Int32Array;
  readonly #kernels: SgdKernels;
  readonly #levelCounts: Float64Array;
  readonly #acceptance: Uint32Array;
  readonly #targets: Float32Array;

  /**
   * Copies the problem into the pool's memory. All parameters start at 0: fill `state.userFactors`,
   * `state.itemFactors` and, by `setFeatureFactors`, those of the features.
   */
  constructor(pool: KernelPool, problem: SgdProblem, rng: Rng, kernels?: SgdKernels) {
    this.state = allocateState(pool, problem);
    this.rng = rng;
    this.#catalogue = problem.catalogue.slice();
    this.#kernels = kernels ?? new SimdKernels(pool, this.state);
    this.#levelCounts = new Float64Array(MAX_LEVELS);
    for (const level of problem.byUser.levels) this.#levelCounts[level]!++;
    this.#acceptance = pool.uint32(MAX_LEVELS);
    this.#targets = pool.float32(MAX_LEVELS);
  }

  /** (features, k), row-major: the first of the equal copies. */
  get featureFactors(): Float32Array {
    return this.state.featureFactors.subarray(0, this.state.features * this.state.k);
  }

  get featureBiases(): Float32Array {
    return this.state.featureBiases.subarray(0, this.state.features);
  }

  /** All that epochs change and later ones depend on, besides `rng`. */
  get arrays(): (Float32Array | Int32Array)[] {
    const { userFactors, itemFactors, featureFactors, userBiases, itemBiases, featureBiases } = this.state;
    const parameters = [userFactors, itemFactors, featureFactors, userBiases, itemBiases, featureBiases];
    return [...parameters, this.#catalogue];
  }

  /** Sets every copy of the features' factors. */
  setFeatureFactors(factors: Float32Array): void {
    for (let block = 0; block < this.state.blocks; block++)
      this.state.featureFactors.set(factors, block * factors.length);
  }

  /**
   * One epoch: about as many updates as there are ratings for the pairwise loss, every rating once for the squared
   * loss.
   */
  epoch(loss: PairwiseLoss | SquaredLoss, learningRate: number, regularization: SgdRegularization): void {
    const rates: StepRates = {
      learningRate,
      decay: learningRate * regularization.factors,
      featureDecay: learningRate * regularization.features,
      biasDecay: learningRate * regularization.biases,
    };
    const drawsPerRating = loss.kind === 'pairwise' ? this.#setAcceptance(loss.acceptance) : 0;
    if (loss.kind === 'squared') this.#targets.set(loss.targets);
    this.#dealItems();
    this.#kernels.partition(this.state);
    for (let step = 0; step < this.state.blocks; step++) {
      for (let n = 0; n < this.state.randomStates.length; n++) this.state.randomStates[n] = this.rng.uint32();
      if (loss.kind === 'squared') this.#kernels.squared(this.state, step, this.#targets, rates);
      else this.#kernels.pairwise(this.state, step, this.#acceptance, drawsPerRating, loss, rates);
      averageCopies(this.state.featureFactors, this.state.blocks);
      averageCopies(this.state.featureBiases, this.state.blocks);
    }
  }

  /** Returns how many ratings to draw, per rating, so that as many as there are ratings are accepted on average. */
  #setAcceptance(acceptance: Float64Array): number {
    let ratings = 0;
    let accepted = 0;
    acceptance.forEach((share, level) => {
      this.#acceptance[level] = Math.min(0xffffffff, Math.round(share * 2 ** 32));
      ratings += this.#levelCounts[level]!;
      accepted += share * this.#levelCounts[level]!;
    });
    return accepted > 0 ? ratings / accepted : 0;
  }

  /** Deals the catalogue into blocks of equal size, anew each epoch, so that any two items meet. */
  #dealItems(): void {
    const { blocks, blockItems, blockItemPointers, itemBlocks } = this.state;
    if (blocks > 1) this.rng.shuffle(this.#catalogue);
    blockItems.set(this.#catalogue);
    for (let block = 0; block < blocks; block++) {
      const first = Math.floor((this.#catalogue.length * block) / blocks);
      const last = Math.floor((this.#catalogue.length * (block + 1)) / blocks);
      blockItemPointers[block] = first;
      blockItemPointers[block + 1] = last;
      for (let n = first; n < last; n++) itemBlocks[blockItems[n]!] = block;
    }
  }
}

/** The kernels of src/numeric/wasm/sgd.ts, blocks shared out over the pool's threads. */
class SimdKernels implements SgdKernels {
  readonly #pool: KernelPool;
  /** The state as the kernels read it. */
  readonly #struct: Struct<'SgdState'>;

  constructor(pool: KernelPool, state: SgdState) {
    this.#pool = pool;
    this.#struct = pool.struct('SgdState', { ...state });
  }

  partition(state: SgdState): void {
    this.#pool.run('sgdPartition', jobOf(state), { state: this.#struct });
  }

  pairwise(
    state: SgdState,
    step: number,
    acceptance: Uint32Array,
    drawsPerRating: number,
    { negatives, sampling }: Pick<PairwiseLoss, 'negatives' | 'sampling'>,
    rates: StepRates,
  ): void {
    const draws = { acceptance, drawsPerRating, negatives, byPopularity: Number(sampling === 'popularity') };
    this.#pool.run('sgdBpr', jobOf(state), { state: this.#struct, step, ...draws, ...rates });
  }

  squared(state: SgdState, step: number, targets: Float32Array, rates: StepRates): void {
    this.#pool.run('sgdSquaredError', jobOf(state), { state: this.#struct, step, targets, ...rates });
  }
}

/** One row of the job is one user block. */
function jobOf({ blocks }: SgdState): { rows: number; grain: number } {
  return { rows: blocks, grain: 1 };
}

/** Allocates everything in the pool's memory. */
function allocateState(pool: KernelPool, problem: SgdProblem): SgdState {
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

/** Makes the `blocks` equal parts of `copies` equal to their mean. */
function averageCopies(copies: Float32Array, blocks: number): void {
  const size = copies.length / blocks;
  if (blocks === 1) return;
  for (let n = 0; n < size; n++) {
    let sum = 0;
    for (let block = 0; block < blocks; block++) sum += copies[block * size + n]!;
    const mean = sum / blocks;
    for (let block = 0; block < blocks; block++) copies[block * size + n] = mean;
  }
}
