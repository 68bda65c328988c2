/** A whole fit by SGD: pool, first factors, epochs with a falling learning rate, and the parameters it ends with. */
import type { Progress } from '../../util/progress.ts';
import { Rng } from '../../util/rng.ts';
import { clearRows, fillNormal, finiteCopy } from '../factors.ts';
import { resume, stoppedError, type FitStore } from '../../util/partial-fit.ts';
import { rowLength } from '../../util/sparse-rows.ts';
import { KernelPool } from '../pool/pool.ts';
import { SgdSolver, type PairwiseLoss, type SgdProblem, type SquaredLoss } from './solver.ts';

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

export interface SgdContext {
  rng: Rng;
  progress: Progress;
  signal: AbortSignal;
  threads: number;
  store?: FitStore;
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
 * Fits the parameters. The same bits for any number of threads.
 * Throws AbortedError when the signal fires (`store` has the parameters then), RecsysError when the parameters overflow.
 */
export async function fitBySgd(
  problem: SgdProblem,
  settings: SgdSettings,
  context: SgdContext,
): Promise<SgdParameters> {
  const { label, loss, epochs, learningRate, finalRate } = settings;
  const regularization = {
    factors: settings.regularization,
    features: settings.featureRegularization ?? 0,
    biases: settings.biasRegularization,
  };
  const operations = epochs * operationsPerEpoch(problem, loss);
  const pool = await KernelPool.create({ threads: context.threads, operations });
  const task = context.progress.start(label, epochs, 'epochs');
  try {
    const solver = new SgdSolver(pool, problem, context.rng.derive('order'));
    initialize(solver, problem.k, settings, context.rng);
    const { rounds, rng } = await resume(context.store, solver.arrays);
    if (rng) solver.rng = Rng.restore(rng);
    task.advance(rounds);
    for (let epoch = rounds; epoch < epochs; epoch++) {
      await pool.yieldToEventLoop();
      if (context.signal.aborted) {
        const fit = { rounds: epoch, rng: solver.rng.state(), arrays: solver.arrays };
        throw await stoppedError(context.store, fit, `${epoch} epochs of ${label}`);
      }
      solver.epoch(loss, learningRate * (1 - (1 - finalRate) * (epoch / epochs)), regularization);
      task.advance();
    }
    return parameters(solver, label);
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
  // Nothing is known of users and items without ratings: they stay at 0.
  const rated = new Set(solver.state.indices);
  clearRows(userFactors, k, (user) => rowLength(solver.state, user) === 0);
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
