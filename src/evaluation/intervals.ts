/** 95% intervals of means over users. */
import type { Rng } from '../util/rng.ts';
import { f1 } from './metrics.ts';

export interface Estimate {
  mean: number;
  ci95: [number, number];
}

export const RESAMPLES = 10_000;
/** Above this many users the bootstrap of a mean and its normal approximation agree to plotting accuracy. */
export const MOST_USERS_RESAMPLED = 10_000;
/** 97.5% point of the standard normal distribution. */
const Z = 1.959963984540054;

/**
 * Mean and 95% interval of each column (one value per user, all of one length), and of `f1OfMeans`, the harmonic mean
 * of the columns named precision and recall. Percentile bootstrap over users (Efron and Tibshirani 1993, section
 * 13.3): 10,000 resamples, the same for every column; above 10,000 users the normal approximation instead, with the
 * delta method for `f1OfMeans`. `rng` should be derived by a fixed name, so that models are resampled alike.
 */
export function estimates<Name extends string>(
  columns: Record<Name, Float64Array>,
  rng: Rng,
): Record<Name | 'f1OfMeans', Estimate> {
  const names = Object.keys(columns) as Name[];
  const rows = columns[names[0]!].length;
  if (rows === 0) return fromEntries([...names, 'f1OfMeans'], () => ({ mean: 0, ci95: [0, 0] }));
  const means = names.map((name) => columns[name].reduce((sum, value) => sum + value, 0) / rows);
  return rows > MOST_USERS_RESAMPLED ? normal(columns, names, means) : bootstrap(columns, names, means, rng);
}

function bootstrap<Name extends string>(
  columns: Record<Name, Float64Array>,
  names: Name[],
  means: number[],
  rng: Rng,
): Record<Name | 'f1OfMeans', Estimate> {
  const rows = columns[names[0]!].length;
  const resampled = names.map(() => new Float64Array(RESAMPLES));
  const drawn = new Int32Array(rows);
  for (let n = 0; n < RESAMPLES; n++) {
    for (let draw = 0; draw < rows; draw++) drawn[draw] = rng.int(rows);
    names.forEach((name, c) => (resampled[c]![n] = sumOf(columns[name], drawn) / rows));
  }
  const [p, r] = [names.indexOf('precision' as Name), names.indexOf('recall' as Name)];
  const combined =
    p < 0 || r < 0 ? new Float64Array(1) : resampled[p]!.map((mean, n) => f1(mean, resampled[r]![n]!));
  return fromEntries([...names, 'f1OfMeans'], (name, n) =>
    name === 'f1OfMeans'
      ? { mean: f1(means[p] ?? 0, means[r] ?? 0), ci95: percentiles(combined) }
      : { mean: means[n]!, ci95: percentiles(resampled[n]!) },
  );
}

function sumOf(values: Float64Array, rows: Int32Array): number {
  let sum = 0;
  for (let n = 0; n < rows.length; n++) sum += values[rows[n]!]!;
  return sum;
}

function normal<Name extends string>(
  columns: Record<Name, Float64Array>,
  names: Name[],
  means: number[],
): Record<Name | 'f1OfMeans', Estimate> {
  const covariance = (a: number, b: number) => {
    const [left, right] = [columns[names[a]!], columns[names[b]!]];
    let sum = 0;
    for (let row = 0; row < left.length; row++) sum += (left[row]! - means[a]!) * (right[row]! - means[b]!);
    return sum / left.length / (left.length - 1);
  };
  const around = (mean: number, variance: number): Estimate => {
    const half = Z * Math.sqrt(variance);
    return { mean, ci95: [mean - half, mean + half] };
  };
  const [p, r] = [names.indexOf('precision' as Name), names.indexOf('recall' as Name)];
  return fromEntries([...names, 'f1OfMeans'], (name, n) => {
    if (name !== 'f1OfMeans') return around(means[n]!, covariance(n, n));
    const total = (means[p] ?? 0) + (means[r] ?? 0);
    if (total === 0) return around(0, 0);
    const byP = (2 * means[r]! * means[r]!) / (total * total); // derivatives of 2PR / (P + R)
    const byR = (2 * means[p]! * means[p]!) / (total * total);
    const variance =
      byP * byP * covariance(p, p) + 2 * byP * byR * covariance(p, r) + byR * byR * covariance(r, r);
    return around(f1(means[p]!, means[r]!), variance);
  });
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
