/**
 * Bayesian personalized ranking (Rendle et al. 2009): a rated movie should score higher than an unrated one. Differs:
 * the unrated movie is the best scored of a few drawn ones, and a rating is used the more often the higher it is.
 */
import { ratingLevels } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { paddedFactors } from '../../numeric/als/solver.ts';
import { fitBySgd } from '../../numeric/sgd/fit.ts';
import { recommendByDotProduct } from '../../numeric/top-n.ts';
import { pow } from '../../util/math.ts';
import type { FitContext, Fitted } from '../recommender.ts';
import type { BprOptions } from './options.ts';

/** Standard deviation of the first factors, times sqrt(factors). */
const INITIAL_SCALE = 0.4;

/** Throws RecsysError when the factors overflow, AbortedError when the signal fires. */
export async function fitBpr(options: BprOptions, train: TrainingSet, context: FitContext): Promise<Fitted> {
  const k = paddedFactors(options.factors);
  const { stars, rows } = ratingLevels(train.byUser);
  const learned = await fitBySgd(
    {
      k,
      users: train.userCount,
      items: train.itemCount,
      byUser: rows(train.byUser),
      catalogue: train.catalogue,
    },
    {
      label: 'BPR',
      loss: {
        kind: 'pairwise',
        acceptance: Float64Array.from(stars, (value) => pow(value / train.scale.max, options.acceptExponent)),
        negatives: options.negatives,
        sampling: options.negativeSampling,
      },
      epochs: options.epochs,
      learningRate: options.learningRate,
      finalRate: 0,
      regularization: {
        factors: options.regularization,
        features: 0,
        biases: options.biasRegularization,
      },
      factors: options.factors,
      initialScale: INITIAL_SCALE,
    },
    context,
  );
  const ranking = {
    factors: k,
    userFactors: learned.userFactors,
    itemFactors: learned.itemFactors,
    itemBias: learned.itemBiases,
    catalogue: train.catalogue,
    seen: train.byUser,
    threads: context.threads,
  };
  return {
    recommend: (users, k) => recommendByDotProduct({ ...ranking, users, k }),
    facts: { epochs: options.epochs },
  };
}
