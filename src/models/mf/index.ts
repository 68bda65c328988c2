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
import { fitBySgd } from '../../numeric/sgd/fit.ts';
import { mean } from '../../util/arrays.ts';
import { dotProductFitted, starsByDotProduct } from '../factorization/dot-product.ts';
import type { BprOptions, SgdOptions } from '../factorization/options.ts';
import { alsData, pairwiseSettings, sgdProblem, squaredErrorSettings } from '../factorization/problem.ts';
import type { FitContext, Fitted, Recommender } from '../recommender.ts';
import { solverOptions, type MfAlsOptions, type MfOptions, type Solver } from './options.ts';

type Fit = (options: MfOptions, train: TrainingSet, context: FitContext) => Promise<Fitted>;

const fits: Record<Solver, Fit> = {
  ials: (options, ...rest) => fitByImplicitAls(solverOptions('ials', options), ...rest),
  bpr: (options, ...rest) => fitByBpr(solverOptions('bpr', options), ...rest),
  sgd: (options, ...rest) => fitBySquaredError(solverOptions('sgd', options), ...rest),
};

/** `fit` throws RecsysError when the factors overflow, AbortedError when the signal fires. */
export function createMf(options: MfOptions): Recommender {
  return {
    name: 'mf',
    fit: (train, context) => fits[options.solver](options, train, context),
  };
}

async function fitByImplicitAls(
  options: MfAlsOptions,
  train: TrainingSet,
  context: FitContext,
): Promise<Fitted> {
  const features = options.features.length > 0 ? itemFeatures(train, options.features).matrix : undefined;
  const learned = await fitByAls(alsData(train, features), options, context);
  return dotProductFitted(learned, train, context, { sweeps: options.iterations });
}

async function fitByBpr(options: BprOptions, train: TrainingSet, context: FitContext): Promise<Fitted> {
  const { problem, stars } = sgdProblem(train, options.factors);
  const settings = { ...options, label: 'BPR', ...pairwiseSettings(options, stars, train) };
  const { userFactors, itemFactors, itemBiases } = await fitBySgd(problem, settings, context);
  const model = { k: problem.k, userFactors, itemFactors, itemBias: itemBiases };
  return dotProductFitted(model, train, context, { epochs: options.epochs });
}

async function fitBySquaredError(
  options: SgdOptions,
  train: TrainingSet,
  context: FitContext,
): Promise<Fitted> {
  const { problem, stars } = sgdProblem(train, options.factors);
  const meanRating = mean(train.ratings.values);
  const settings = { ...options, label: 'biased MF', ...squaredErrorSettings(stars, meanRating) };
  const { userFactors, itemFactors, userBiases, itemBiases } = await fitBySgd(problem, settings, context);
  const userBias = Float64Array.from(userBiases, (bias) => meanRating + bias);
  const model = { k: problem.k, userFactors, itemFactors, userBias, itemBias: itemBiases };
  return {
    ...dotProductFitted(model, train, context, { epochs: options.epochs }),
    predict: starsByDotProduct(model, train.scale),
  };
}
