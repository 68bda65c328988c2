/**
 * A whole fit by implicit ALS as Rendle et al. 2021 run it ("Revisiting the Performance of iALS on Item Recommendation
 * Benchmarks"): every cell of the rating matrix pulls towards 0 a little, a rated one towards its target. Differs: the
 * target of a rated cell grows with the rating, (stars/4)^2, which matters more than anything else for the ranking, and
 * the item factors may shrink towards what the items' features predict.
 */
import { range } from '../../util/arrays.ts';
import { pow } from '../../util/math.ts';
import { AlsSolver, paddedFactors, type AlsProblem, type ObservedRows } from './solver.ts';
import { fillNormal, finiteCopy } from '../factors.ts';
import { filledRows } from '../filled-rows.ts';
import { OPERATIONS_BETWEEN_LOOKS, resume, stoppedError, type RoundsContext } from '../partial-fit.ts';
import { rowCount, rowLength, type SparseRows } from '../../util/sparse-rows.ts';
import { FeaturePrior, type FeatureRows } from '../feature-prior.ts';
import { KernelPool } from '../pool/pool.ts';

/** Standard deviation of the first factors, times sqrt(factors): Rendle et al. 2021, section 3.3. */
const INITIAL_SCALE = 0.1;

export interface AlsData {
  byUser: ObservedRows;
  itemCount: number;
  /** Rating of each level, in units of the rating whose target and weight are 1. */
  relativeRatings: Float32Array;
  /** Items with ratings, ascending. */
  catalogue: Int32Array;
  /** Features that the item factors shrink towards; without: 0. */
  features?: FeatureRows;
}

export interface AlsSettings {
  factors: number;
  iterations: number;
  regularization: number;
  frequencyExponent: number;
  unobservedWeight: number;
  targetExponent: number;
  confidenceExponent: number;
  conjugateGradientSteps: number;
  /** Ridge of the regression from features to item factors, in units of the mean regularization of an item. */
  priorStrength: number;
}

/** What was learned. Matrices are row-major with k columns; rows without ratings are 0. */
export interface AlsFactors {
  k: number;
  userFactors: Float32Array;
  itemFactors: Float32Array;
  /** (features, k): what the last sweep shrank the item factors towards. Absent without features. */
  featureFactors?: Float64Array;
}

/**
 * Users without a rating change no digit of the others' factors, nor of the items'. Throws FitError when the factors overflow,
 * AbortedError when the signal fires; `store` has the factors then.
 */
export async function fitByAls(
  whole: AlsData,
  settings: AlsSettings,
  context: RoundsContext,
): Promise<AlsFactors> {
  const { rows: byUser, spread } = filledRows(whole.byUser);
  const data = { ...whole, byUser };
  const { factors, iterations } = settings;
  const k = paddedFactors(factors);
  const pool = KernelPool.create({
    threads: context.threads,
    operations: iterations * operationsPerSweep(data, k),
  });
  const task = context.progress.start('implicit ALS', iterations, 'sweeps');
  try {
    const problem = alsProblem(data, settings, k, lambdasOfRows(data, settings));
    const operationsPerPart = context.operationsBetweenLooks ?? OPERATIONS_BETWEEN_LOOKS;
    const als = new AlsSolver(pool, { ...problem, operationsPerPart });
    const deviation = INITIAL_SCALE / Math.sqrt(factors);
    // The first update solves the items for these.
    fillNormal(als.userFactors, k, factors, deviation, context.rng.derive('users'));
    const prior =
      data.features &&
      new FeaturePrior(pool, k, data.features, data.catalogue, problem.itemLambdas, settings.priorStrength);
    const arrays = [als.userFactors, als.itemFactors];
    const { rounds } = await resume(context.store, arrays);
    task.resumeAt(rounds);
    for (let sweep = rounds; sweep < iterations; sweep++) {
      // A sweep that is stopped between its parts is done again from its beginning.
      const before = als.hasParts ? arrays.map((array) => array.slice()) : arrays;
      const stopWhenAborted = async () => {
        await pool.yieldToEventLoop();
        if (!context.signal.aborted) return;
        const fit = { rounds: sweep, arrays: before };
        throw await stoppedError(context.store, fit, `${sweep} sweeps of implicit ALS`);
      };
      await stopWhenAborted();
      prior?.update(als.itemFactors);
      for (const _ of als.sweepInParts(prior?.means)) await stopWhenAborted();
      task.advance();
    }
    const copy = (values: Float32Array) =>
      finiteCopy(values, 'implicit ALS', 'Raise --regularization or --unobserved-weight.');
    return {
      k,
      userFactors: spread(copy(als.userFactors), k),
      itemFactors: copy(als.itemFactors),
      ...(prior && { featureFactors: prior.featureFactors.slice() }),
    };
  } finally {
    task.finish();
    await pool.dispose();
  }
}

function alsProblem(
  { byUser, relativeRatings }: Pick<AlsData, 'byUser' | 'relativeRatings'>,
  settings: AlsSettings,
  k: number,
  lambdas: Pick<AlsProblem, 'userLambdas' | 'itemLambdas'>,
): AlsProblem {
  const power = (exponent: number) => relativeRatings.map((rating) => pow(rating, exponent));
  // A rating of 0 is no sign of liking: its cell counts as one without a rating, whatever the exponent.
  const confidence = power(settings.confidenceExponent).map((weight, level) =>
    relativeRatings[level] === 0 ? 0 : weight,
  );
  return {
    k,
    unobservedWeight: settings.unobservedWeight,
    levels: { confidence, target: power(settings.targetExponent) },
    byUser,
    ...lambdas,
    conjugateGradientSteps: settings.conjugateGradientSteps,
  };
}

/** Factors of other users, one per row of their cells: (users, k), row-major. `relativeRatings` are those of their own levels. */
export type AlsFoldIn = (histories: Pick<AlsData, 'byUser' | 'relativeRatings'>) => Promise<Float32Array>;

/**
 * The factors of other users than those of `data` for fixed item factors: the exact solution of a user's row, whatever
 * `conjugateGradientSteps` says. Equal to the digit to a row of a fit that solves exactly and ended with these item factors,
 * unless the row has so few ratings that the fit shared its matrix with other rows. A user without a rating is 0. What
 * depends on the items alone is computed at the first call.
 */
export function foldInByAls(
  data: AlsData,
  settings: AlsSettings,
  { k, itemFactors }: Pick<AlsFactors, 'k' | 'itemFactors'>,
  threads: number,
): AlsFoldIn {
  const { user } = regularization(data, settings);
  const itemLambdas = new Float32Array(data.itemCount); // no item is solved
  let gram: Float32Array | undefined;
  return async (histories) => {
    const { byUser } = histories;
    const pool = KernelPool.create({ threads, operations: operationsPerSweep({ byUser, itemCount: 0 }, k) });
    try {
      const userLambdas = lengthsOf(byUser).map(user);
      const lambdas = { userLambdas, itemLambdas };
      const exact = { ...settings, conjugateGradientSteps: 0 };
      const solver = new AlsSolver(pool, {
        ...alsProblem(histories, exact, k, lambdas),
        sharesFactors: false,
      });
      solver.itemFactors.set(itemFactors);
      gram ??= solver.itemGram();
      solver.updateUsers(gram);
      return solver.userFactors.slice();
    } finally {
      await pool.dispose();
    }
  };
}

/** The regularization of each row of a fit. */
function lambdasOfRows(data: AlsData, settings: AlsSettings) {
  const { user, item } = regularization(data, settings);
  const ratingsOfItem = countByItem(data);
  return {
    userLambdas: lengthsOf(data.byUser).map(user),
    itemLambdas: Float32Array.from(ratingsOfItem, item),
  };
}

/** Entries of each row, in floats. */
function lengthsOf(rows: SparseRows): Float32Array {
  return Float32Array.from(range(rowCount(rows)), (row) => rowLength(rows, row));
}

function countByItem({ byUser, itemCount }: AlsData): Int32Array {
  const ratings = new Int32Array(itemCount);
  for (const item of byUser.indices) ratings[item]!++;
  return ratings;
}

/**
 * The regularization of a user and of an item by their number of ratings.
 * lambda_u = regularization * scale * f_u^nu with the frequency f_u = ratings of u + unobserved weight * other side
 * (Rendle et al. 2021, eq. 9). `scale` makes the total pull independent of nu, so that the exponent can be changed
 * without tuning the regularization again. Confidence is left out of the frequency. Users without a rating do not count.
 */
function regularization(data: AlsData, settings: AlsSettings) {
  const { catalogue } = data;
  const { rows: byUser } = filledRows(data.byUser);
  const { unobservedWeight, frequencyExponent } = settings;
  const users = rowCount(byUser);
  const ratingsOfItem = countByItem(data);
  const userFrequency = (ratings: number) => ratings + unobservedWeight * catalogue.length;
  const itemFrequency = (ratings: number) => ratings + unobservedWeight * users;
  let plain = 0;
  let raised = 0;
  const count = (f: number) => {
    plain += f;
    raised += pow(f, frequencyExponent);
  };
  for (let user = 0; user < users; user++) count(userFrequency(rowLength(byUser, user)));
  for (const item of catalogue) count(itemFrequency(ratingsOfItem[item]!));
  const scale = (settings.regularization * plain) / raised;
  const lambda = (f: number) => scale * pow(f, frequencyExponent);
  return {
    user: (ratings: number) => lambda(userFrequency(ratings)),
    item: (ratings: number) => lambda(itemFrequency(ratings)),
  };
}

/** Per rating and side k^2 for the rank-one updates, per row k^3/3 for the factorization and k^2 for the Gram matrix. */
function operationsPerSweep({ byUser, itemCount }: Pick<AlsData, 'byUser' | 'itemCount'>, k: number): number {
  const rows = rowCount(byUser) + itemCount;
  return 2 * byUser.indices.length * k ** 2 + rows * (k ** 3 / 3 + k ** 2);
}
