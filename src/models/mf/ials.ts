/** Implicit ALS for ranking (see src/numeric/als/fit.ts), with or without the movies' features as a prior. */
import { itemFeatures } from '../../data/item-features.ts';
import { ratingLevels } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { fitByAls } from '../../numeric/als/fit.ts';
import { recommendByDotProduct } from '../../numeric/top-n.ts';
import type { FitContext, Fitted } from '../recommender.ts';
import type { IalsOptions } from './options.ts';

/** Throws RecsysError when the factors overflow, AbortedError when the signal fires. */
export async function fitIals(
  options: IalsOptions,
  train: TrainingSet,
  context: FitContext,
): Promise<Fitted> {
  const features = options.features.length > 0 && itemFeatures(train, options.features).matrix;
  const { stars, rows } = ratingLevels(train.byUser);
  const { itemCount, catalogue } = train;
  const data = { stars, byUser: rows(train.byUser), itemCount, catalogue, ...(features && { features }) };
  const { k: factors, userFactors, itemFactors } = await fitByAls(data, options, context);
  const ranking = {
    factors,
    userFactors,
    itemFactors,
    catalogue: train.catalogue,
    seen: train.byUser,
    threads: context.threads,
  };
  return {
    recommend: (users, k) => recommendByDotProduct({ ...ranking, users, k }),
    facts: { sweeps: options.iterations },
  };
}
