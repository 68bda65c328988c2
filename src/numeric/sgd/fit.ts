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
import { Rng } from '../../util/rng.ts';
import { clearRows, fillNormal, finiteCopy } from '../factors.ts';
import { filledRows } from '../filled-rows.ts';
import { OPERATIONS_BETWEEN_LOOKS, resume, stoppedError, type RoundsContext } from '../partial-fit.ts';
import { rowCount } from '../../util/sparse-rows.ts';
import type { Struct } from '../pool/arguments.ts';
import { KernelPool } from '../pool/pool.ts';
import {
  allocateState,
  type PairwiseLoss,
  type SgdProblem,
  type SgdState,
  type SquaredLoss,
} from './state.ts';

export interface SgdSettings {
  /** Name of the work, for the progress bar and messages. */
  label: string;
  loss: PairwiseLoss | SquaredLoss;
  epochs: number;
  /** That of the first epoch; it falls to `finalRate` of it, linearly. */
  learningRate: number;
  finalRate: number;
  /** L2 penalty on the vectors of users and items, on those of features (default: 0), and on the biases. */
  regularization: number;
  featureRegularization?: number;
  biasRegularization: number;
  /** Factors that are used; the rest of k stays 0. */
  factors: number;
  /** Standard deviation of the first factors of users and items, times sqrt(factors); features start at half of it. */
  initialScale: number;
}

/** What was learned. Matrices are row-major with k columns. */
export interface SgdParameters {
  userFactors: Float32Array;
  itemFactors: Float32Array;
  featureFactors: Float32Array;
  userBiases: Float32Array;
  itemBiases: Float32Array;
  featureBiases: Float32Array;
}

/**
 * Fits the parameters. The same bits for any number of threads, and with or without users who have no rating.
 * Throws AbortedError when the signal fires (`store` has the parameters then), FitError when the parameters overflow.
 */
export async function fitBySgd(
  whole: SgdProblem,
  settings: SgdSettings,
  context: RoundsContext,
): Promise<SgdParameters> {
  const { rows: byUser, spread } = filledRows(whole.byUser);
  const problem = { ...whole, users: rowCount(byUser), byUser };
  const { label, loss, epochs, learningRate, finalRate } = settings;
  const regularization = {
    factors: settings.regularization,
    features: settings.featureRegularization ?? 0,
    biases: settings.biasRegularization,
  };
  const perEpoch = operationsPerEpoch(problem, loss);
  const operations = epochs * perEpoch;
  const isLong = perEpoch > (context.operationsBetweenLooks ?? OPERATIONS_BETWEEN_LOOKS);
  const pool = KernelPool.create({ threads: context.threads, operations });
  const task = context.progress.start(label, epochs, 'epochs');
  try {
    const solver = new SgdSolver(pool, problem, context.rng.derive('order'));
    initialize(solver, problem.k, settings, context.rng);
    const { rounds, rng } = await resume(context.store, solver.arrays);
    if (rng) solver.rng = Rng.restore(rng);
    task.resumeAt(rounds);
    for (let epoch = rounds; epoch < epochs; epoch++) {
      // An epoch that is stopped between its steps is done again from its beginning.
      const arrays = isLong ? solver.arrays.map((array) => array.slice()) : solver.arrays;
      const before = { rounds: epoch, rng: solver.rng.state(), arrays };
      const stopWhenAborted = async () => {
        await pool.yieldToEventLoop();
        if (context.signal.aborted)
          throw await stoppedError(context.store, before, `${epoch} epochs of ${label}`);
      };
      await stopWhenAborted();
      const rate = learningRate * (1 - (1 - finalRate) * (epoch / epochs));
      for (const _ of solver.epochInSteps(loss, rate, regularization)) if (isLong) await stopWhenAborted();
      task.advance();
    }
    const { userFactors, userBiases, ...others } = parameters(solver, label);
    return { userFactors: spread(userFactors, problem.k), userBiases: spread(userBiases, 1), ...others };
  } finally {
    task.finish();
    await pool.dispose();
  }
}

function initialize(solver: SgdSolver, k: number, settings: SgdSettings, rng: Rng): void {
  const { factors } = settings;
  const deviation = settings.initialScale / Math.sqrt(factors);
  const { userFactors, itemFactors } = solver.state;
  fillNormal(userFactors, k, factors, deviation, rng.derive('users'));
  fillNormal(itemFactors, k, factors, deviation, rng.derive('items'));
  // Nothing is known of items without ratings: they stay at 0.
  const rated = new Set(solver.state.indices);
  clearRows(itemFactors, k, (item) => !rated.has(item));
  const features = new Float32Array(solver.featureFactors.length);
  fillNormal(features, k, factors, deviation / 2, rng.derive('features'));
  solver.setFeatureFactors(features);
}

/** Six per factor of a rating for the scores and updates, two more per negative and feature. */
function operationsPerEpoch({ byUser, features, items, k }: SgdProblem, loss: PairwiseLoss | SquaredLoss) {
  const vectors = loss.kind === 'pairwise' ? 2 + loss.negatives : 1;
  const featuresPerItem = (features?.indices.length ?? 0) / items;
  return byUser.indices.length * k * (6 + 2 * vectors * (1 + featuresPerItem));
}

/** Copies outside the pool, so that the pool's memory can go. */
function parameters(solver: SgdSolver, label: string): SgdParameters {
  const copy = (values: Float32Array) => finiteCopy(values, label, 'Lower --learning-rate.');
  const { userFactors, itemFactors, userBiases, itemBiases } = solver.state;
  return {
    userFactors: copy(userFactors),
    itemFactors: copy(itemFactors),
    featureFactors: copy(solver.featureFactors),
    userBiases: copy(userBiases),
    itemBiases: copy(itemBiases),
    featureBiases: copy(solver.featureBiases),
  };
}

/** What each kind of parameter loses of itself per step, times the learning rate (L2 regularization). */
export interface SgdRegularization {
  factors: number;
  features: number;
  biases: number;
}

/** What runs the steps at the rates of the state: the SIMD kernels, or the plain ones of test/numeric/reference/sgd.ts. */
export interface SgdKernels {
  partition(state: SgdState): void;
  /** `acceptance` per level is a share of 2^32. */
  pairwise(
    state: SgdState,
    step: number,
    acceptance: Uint32Array,
    drawsPerRating: number,
    loss: Pick<PairwiseLoss, 'negatives' | 'sampling'>,
  ): void;
  squared(state: SgdState, step: number, targets: Float32Array): void;
}

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
    for (const _ of this.epochInSteps(loss, learningRate, regularization));
  }

  /** `epoch`, yielding after each step. */
  *epochInSteps(
    loss: PairwiseLoss | SquaredLoss,
    learningRate: number,
    regularization: SgdRegularization,
  ): Generator<void> {
    this.state.learningRate[0] = learningRate;
    this.state.decay[0] = learningRate * regularization.factors;
    this.state.featureDecay[0] = learningRate * regularization.features;
    this.state.biasDecay[0] = learningRate * regularization.biases;
    const drawsPerRating = loss.kind === 'pairwise' ? this.#setAcceptance(loss.acceptance) : 0;
    if (loss.kind === 'squared') this.#targets.set(loss.targets);
    this.#dealItems();
    this.#kernels.partition(this.state);
    for (let step = 0; step < this.state.blocks; step++) {
      for (let n = 0; n < this.state.randomStates.length; n++) this.state.randomStates[n] = this.rng.uint32();
      if (loss.kind === 'squared') this.#kernels.squared(this.state, step, this.#targets);
      else this.#kernels.pairwise(this.state, step, this.#acceptance, drawsPerRating, loss);
      averageCopies(this.state.featureFactors, this.state.blocks);
      averageCopies(this.state.featureBiases, this.state.blocks);
      yield;
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

/** The kernels of src/numeric/wasm/sgd, blocks shared out over the pool's threads. */
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
  ): void {
    const draws = { acceptance, drawsPerRating, negatives, byPopularity: Number(sampling === 'popularity') };
    this.#pool.run('sgdBpr', jobOf(state), { state: this.#struct, step, ...draws });
  }

  squared(state: SgdState, step: number, targets: Float32Array): void {
    this.#pool.run('sgdSquaredError', jobOf(state), { state: this.#struct, step, targets });
  }
}

/** One row of the job is one user block. */
function jobOf({ blocks }: SgdState): { rows: number; grain: number } {
  return { rows: blocks, grain: 1 };
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
