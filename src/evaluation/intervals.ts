/** 95% intervals of means over users. */
import { resampledMeans } from '../numeric/resampling.ts';
import { mean } from '../util/arrays.ts';
import type { Rng } from '../util/rng.ts';

export interface Estimate {
  mean: number;
  ci95: [number, number];
}

export const RESAMPLES = 10_000;
/** Above this many users the bootstrap of a mean and its normal approximation agree to plotting accuracy. */
export const MAX_RESAMPLED_USERS = 10_000;
/** 97.5% point of the standard normal distribution. */
export const NORMAL_97_5 = 1.959963984540054;

/** A function of two means, with its partial derivatives. */
export interface FunctionOfMeans {
  /** Names of two columns. */
  of: readonly [string, string];
  combine: (a: number, b: number) => number;
  gradient: (a: number, b: number) => [number, number];
}

/**
 * Mean and 95% interval of each column (one value per user, all of one length), and of each of the functions `ofMeans`
 * of two columns' means. Percentile bootstrap over users (Efron and Tibshirani 1993, section 13.3): 10,000 resamples,
 * the same for every column; above 10,000 users the normal approximation instead, with the delta method for functions
 * of means. `rng` should be derived by a fixed name, so that models are resampled alike. Throws RangeError when there is
 * no user: a mean over no users is undefined.
 */
export function estimates<Name extends string, Derived extends string = never>(
  columns: Record<Name, Float64Array>,
  rng: Rng,
  ofMeans: Record<Derived, FunctionOfMeans> = {} as Record<Derived, FunctionOfMeans>,
): Record<Name | Derived, Estimate> {
  return estimatesOfSets([columns], rng, ofMeans)[0]!;
}

/** `estimates` of several sets of columns, such as one per cut-off: as one by one, but users are drawn once for all. */
export function estimatesOfSets<Name extends string, Derived extends string = never>(
  sets: readonly Record<Name, Float64Array>[],
  rng: Rng,
  ofMeans: Record<Derived, FunctionOfMeans>,
): Record<Name | Derived, Estimate>[] {
  const rows = sets.flatMap((columns) => Object.values<Float64Array>(columns))[0]?.length ?? 0;
  if (rows === 0) throw new RangeError('a mean over no users');
  return rows > MAX_RESAMPLED_USERS
    ? sets.map((columns) => normal(columns, namesOf(columns), meansOf(columns), ofMeans))
    : bootstrap(sets, ofMeans, rng);
}

function bootstrap<Name extends string, Derived extends string>(
  sets: readonly Record<Name, Float64Array>[],
  ofMeans: Record<Derived, FunctionOfMeans>,
  rng: Rng,
): Record<Name | Derived, Estimate>[] {
  const all = sets.flatMap((columns) => Object.values<Float64Array>(columns));
  const resampled = resampledMeans(all, RESAMPLES, rng);
  return sets.map((columns) => {
    const names = namesOf(columns);
    const means = meansOf(columns);
    const own = fromEntries(names, () => resampled.shift()!);
    // Functions of means before percentiles, which sort the resampled means.
    const derived = fromEntries(namesOf(ofMeans), (name): Estimate => {
      const { of, combine } = ofMeans[name];
      const [a, b] = of as readonly [Name, Name];
      const combined = own[a].map((value, n) => combine(value, own[b][n]!));
      return { mean: combine(means[a], means[b]), ci95: percentiles(combined) };
    });
    const estimated = fromEntries(names, (name): Estimate => ({
      mean: means[name],
      ci95: percentiles(own[name]),
    }));
    return { ...estimated, ...derived };
  });
}

function normal<Name extends string, Derived extends string>(
  columns: Record<Name, Float64Array>,
  names: Name[],
  means: Record<Name, number>,
  ofMeans: Record<Derived, FunctionOfMeans>,
): Record<Name | Derived, Estimate> {
  /** Of two means: the sample covariance over the number of users. */
  const covariance = (a: Name, b: Name) => {
    const [left, right] = [columns[a], columns[b]];
    let sum = 0;
    for (let row = 0; row < left.length; row++) sum += (left[row]! - means[a]) * (right[row]! - means[b]);
    return sum / left.length / (left.length - 1);
  };
  const around = (center: number, variance: number): Estimate => {
    const half = NORMAL_97_5 * Math.sqrt(variance);
    return { mean: center, ci95: [center - half, center + half] };
  };
  const derived = fromEntries(Object.keys(ofMeans) as Derived[], (name): Estimate => {
    const { of, combine, gradient } = ofMeans[name];
    const [a, b] = of as readonly [Name, Name];
    const [byA, byB] = gradient(means[a], means[b]);
    const variance =
      byA * byA * covariance(a, a) + 2 * byA * byB * covariance(a, b) + byB * byB * covariance(b, b);
    return around(combine(means[a], means[b]), variance);
  });
  const own = fromEntries(names, (name): Estimate => around(means[name], covariance(name, name)));
  return { ...own, ...derived };
}

/** The 2.5% and 97.5% points, interpolated linearly (Hyndman and Fan 1996, type 7). Sorts in place. */
export function percentiles(values: Float64Array): [number, number] {
  values.sort();
  const at = (share: number) => {
    const position = share * (values.length - 1);
    const below = Math.floor(position);
    const low = values[below]!;
    return low + (position - below) * ((values[below + 1] ?? low) - low);
  };
  return [at(0.025), at(0.975)];
}

function fromEntries<K extends string, V>(keys: K[], value: (key: K, n: number) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key, n) => [key, value(key, n)])) as Record<K, V>;
}

function namesOf<K extends string>(record: Record<K, unknown>): K[] {
  return Object.keys(record) as K[];
}

function meansOf<Name extends string>(columns: Record<Name, Float64Array>): Record<Name, number> {
  return fromEntries(namesOf(columns), (name) => mean(columns[name]));
}
