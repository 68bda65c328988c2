/**
 * Matrix factorization, three ways to fit it:
 *
 * - `ials`: implicit ALS for ranking (src/numeric/als/fit.ts), with or without the movies' features as a prior;
 * - `bpr`: Bayesian personalized ranking (see `pairwiseSettings`);
 * - `sgd`: biased factorization of the ratings themselves (Koren, Bell and Volinsky 2009, "Matrix factorization
 *   techniques for recommender systems"): mean + user bias + item bias + p_u . q_i, in stars.
 */
import { itemFeatures } from '../../data/item-features.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { fitByAls } from '../../numeric/als/fit.ts';
import { paddedFactors } from '../../numeric/als/solver.ts';
import { fitBySgd } from '../../numeric/sgd/fit.ts';
import { mean } from '../../util/arrays.ts';
import {
  dotProductFitted,
  loadDotProduct,
  type DotProductExtras,
  type DotProductModel,
} from '../factorization/dot-product.ts';
import { foldInWithAls, foldInWithRidge } from '../factorization/fold-in.ts';
import type { BprOptions, SgdOptions } from '../factorization/options.ts';
import { alsData, pairwiseSettings, sgdProblem, squaredErrorSettings } from '../factorization/problem.ts';
import type { FitContext, Recommender, SavedState } from '../recommender.ts';
import type { UsableModel } from '../saved.ts';
import { solverOptions, type MfAlsOptions, type MfOptions, type Solver } from './options.ts';

type Fit = (options: MfOptions, train: TrainingSet, context: FitContext) => Promise<DotProductModel>;

const fits: Record<Solver, Fit> = {
  ials: (options, ...rest) => fitByImplicitAls(solverOptions('ials', options), ...rest),
  bpr: (options, ...rest) => fitByBpr(solverOptions('bpr', options), ...rest),
  sgd: (options, ...rest) => fitBySquaredError(solverOptions('sgd', options), ...rest),
};

/** `fit` throws RecsysError when the factors overflow, AbortedError when the signal fires. */
export function createMf(options: MfOptions): Recommender {
  return {
    name: 'mf',
    fit: async (train, context) => {
      const model = await fits[options.solver](options, train, context);
      return fitted(options, model, train, context);
    },
  };
}

/** The fitted model from its saved state. Throws DataError when the state does not fit. */
export async function loadMf(
  options: MfOptions,
  state: SavedState,
  train: TrainingSet,
  context: Pick<FitContext, 'threads'>,
): Promise<UsableModel> {
  const { factors } = solverOptions(options.solver, options);
  return fitted(options, loadDotProduct(state, train, paddedFactors(factors)), train, context);
}

function fitted(
  options: MfOptions,
  model: DotProductModel,
  train: TrainingSet,
  context: Pick<FitContext, 'threads'>,
): UsableModel {
  const { threads } = context;
  const extras: Record<Solver, () => DotProductExtras> = {
    ials: () => {
      const own = solverOptions('ials', options);
      return { facts: { sweeps: own.iterations }, foldIn: foldInWithAls(own, train, model, threads) };
    },
    bpr: () => ({ facts: { epochs: solverOptions('bpr', options).epochs } }),
    sgd: () => {
      const own = solverOptions('sgd', options);
      const foldIn = foldInWithRidge(own, train, model);
      return { facts: { epochs: own.epochs }, predictsStars: true, foldIn };
    },
  };
  return dotProductFitted(model, train, context, extras[options.solver]());
}

async function fitByImplicitAls(options: MfAlsOptions, train: TrainingSet, context: FitContext) {
  const features = options.features.length > 0 ? itemFeatures(train, options.features).matrix : undefined;
  return await fitByAls(alsData(train, features), options, context);
}

async function fitByBpr(options: BprOptions, train: TrainingSet, context: FitContext) {
  const { problem, stars } = sgdProblem(train, options.factors);
  const settings = { ...options, label: 'BPR', ...pairwiseSettings(options, stars, train) };
  const { userFactors, itemFactors, itemBiases } = await fitBySgd(problem, settings, context);
  return { k: problem.k, userFactors, itemFactors, itemBias: itemBiases };
}

async function fitBySquaredError(options: SgdOptions, train: TrainingSet, context: FitContext) {
  const { problem, stars } = sgdProblem(train, options.factors);
  const meanRating = mean(train.ratings.values);
  const settings = { ...options, label: 'biased MF', ...squaredErrorSettings(stars, meanRating) };
  const { userFactors, itemFactors, userBiases, itemBiases } = await fitBySgd(problem, settings, context);
  const userBias = Float64Array.from(userBiases, (bias) => meanRating + bias);
  return { k: problem.k, userFactors, itemFactors, userBias, itemBias: itemBiases };
}
