/**
 * Implicit ALS as Rendle et al. 2021 run it ("Revisiting the Performance of iALS on Item Recommendation Benchmarks"):
 * every cell of the rating matrix pulls towards 0 a little, a rated one towards its target. Differs: the target of a
 * rated cell grows with the rating, (stars/4)^2, which matters more than anything else for the ranking, and the
 * movie factors may shrink towards what the movie's features predict.
 */
import { itemFeatures } from '../../data/item-features.ts';
import { ratingLevels } from '../../data/rating-levels.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { AlsSolver, paddedFactors, type AlsProblem } from '../../numeric/als.ts';
import { KernelPool } from '../../numeric/pool.ts';
import { recommendByDotProduct } from '../../numeric/top-n.ts';
import { AbortedError, RecsysError } from '../../util/errors.ts';
import { pow } from '../../util/math.ts';
import type { Rng } from '../../util/rng.ts';
import type { FitContext, Fitted } from '../recommender.ts';
import { FeaturePrior } from './feature-prior.ts';
import type { IalsOptions } from './options.ts';

/** Standard deviation of the first factors, times sqrt(factors): Rendle et al. 2021, section 3.3. */
const INITIAL_SCALE = 0.1;

/** Throws RecsysError when the factors overflow, AbortedError when the signal fires. */
export async function fitIals(
  options: IalsOptions,
  train: TrainingSet,
  context: FitContext,
): Promise<Fitted> {
  const k = paddedFactors(options.factors);
  const operations = options.iterations * operationsPerSweep(train, k);
  const pool = await KernelPool.create({ threads: context.threads, operations });
  const task = context.progress.start('implicit ALS', options.iterations, 'sweeps');
  try {
    const problem = alsProblem(options, train, k);
    const als = new AlsSolver(pool, problem);
    fillNormal(als.userFactors, train.userCount, options.factors, k, context.rng.derive('users'));
    fillNormal(als.itemFactors, train.itemCount, options.factors, k, context.rng.derive('items'));
    clearUnratedItems(als.itemFactors, train, k);
    const prior = options.features.length > 0 ? featurePrior(options, train, problem.itemLambdas) : null;
    const means = prior === null ? null : pool.float32(als.itemFactors.length);
    for (let sweep = 0; sweep < options.iterations; sweep++) {
      await pool.breathe();
      if (context.signal.aborted)
        throw new AbortedError({ found: `stopped after ${sweep} sweeps of implicit ALS` });
      als.updateUsers();
      if (prior !== null) prior.predict(als.itemFactors, k, means!);
      als.updateItems(means);
      task.advance();
    }
    return fitted(train, k, finite(als.userFactors), finite(als.itemFactors), context.threads, options);
  } finally {
    task.finish();
    await pool.dispose();
  }
}

function alsProblem(options: IalsOptions, train: TrainingSet, k: number): AlsProblem {
  const { stars, byUser, byItem } = ratingLevels(train);
  const power = (exponent: number) => stars.map((value) => pow(value / 4, exponent));
  return {
    k,
    unobservedWeight: options.unobservedWeight,
    levels: { confidence: power(options.confidenceExponent), target: power(options.targetExponent) },
    byUser,
    byItem,
    ...regularization(options, train),
    conjugateGradientSteps: options.conjugateGradientSteps,
  };
}

/**
 * lambda_u = regularization * scale * f_u^nu with the frequency f_u = ratings of u + unobserved weight * other side
 * (Rendle et al. 2021, eq. 9). `scale` makes the total pull independent of nu, so that the exponent can be changed
 * without tuning the regularization again. Confidence is left out of the frequency.
 */
function regularization(
  options: IalsOptions,
  { byUser, byItem, catalogue, userCount, itemCount }: TrainingSet,
) {
  const { unobservedWeight, frequencyExponent } = options;
  const frequency = (pointers: Int32Array, row: number, others: number) =>
    pointers[row + 1]! - pointers[row]! + unobservedWeight * others;
  const userFrequency = (user: number) => frequency(byUser.pointers, user, catalogue.length);
  const itemFrequency = (item: number) => frequency(byItem.pointers, item, userCount);
  let plain = 0;
  let raised = 0;
  const count = (f: number) => {
    plain += f;
    raised += pow(f, frequencyExponent);
  };
  for (let user = 0; user < userCount; user++) count(userFrequency(user));
  for (const item of catalogue) count(itemFrequency(item));
  const scale = (options.regularization * plain) / raised;
  const lambda = (f: number) => scale * pow(f, frequencyExponent);
  return {
    userLambdas: Float32Array.from({ length: userCount }, (_, user) => lambda(userFrequency(user))),
    itemLambdas: Float32Array.from({ length: itemCount }, (_, item) => lambda(itemFrequency(item))),
  };
}

function featurePrior(options: IalsOptions, train: TrainingSet, itemLambdas: Float32Array): FeaturePrior {
  const { matrix } = itemFeatures(train, options.features);
  return new FeaturePrior(matrix, train.catalogue, itemLambdas, options.priorStrength);
}

function fillNormal(factors: Float32Array, rows: number, columns: number, stride: number, rng: Rng): void {
  const deviation = INITIAL_SCALE / Math.sqrt(columns);
  for (let row = 0; row < rows; row++) {
    for (let f = 0; f < columns; f++) factors[row * stride + f] = deviation * rng.normal();
  }
}

/** Movies without a rating take no part: they are not candidates, and must not add to the Gram matrix. */
function clearUnratedItems(factors: Float32Array, { byItem, itemCount }: TrainingSet, stride: number): void {
  for (let item = 0; item < itemCount; item++) {
    if (byItem.pointers[item] === byItem.pointers[item + 1])
      factors.fill(0, item * stride, (item + 1) * stride);
  }
}

/** Per rating and side k^2 for the rank-one updates, per row k^3/3 for the factorization and k^2 for the Gram matrix. */
function operationsPerSweep({ ratings, userCount, itemCount }: TrainingSet, k: number): number {
  return 2 * ratings.values.length * k ** 2 + (userCount + itemCount) * (k ** 3 / 3 + k ** 2);
}

/** A copy outside the pool, so that the pool's memory can go. */
function finite(factors: Float32Array): Float32Array {
  if (factors.every(Number.isFinite)) return Float32Array.from(factors);
  throw new RecsysError({
    found: 'implicit ALS produced factors that are not finite',
    remedy: 'Raise --regularization or --unobserved-weight.',
  });
}

function fitted(
  train: TrainingSet,
  factors: number,
  userFactors: Float32Array,
  itemFactors: Float32Array,
  threads: number,
  { iterations }: IalsOptions,
): Fitted {
  const ranking = {
    factors,
    userFactors,
    itemFactors,
    catalogue: train.catalogue,
    seen: train.byUser,
    threads,
  };
  return {
    recommend: (users, k) => recommendByDotProduct({ ...ranking, users, k }),
    facts: { sweeps: iterations },
  };
}
