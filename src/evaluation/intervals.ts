/** 95% intervals of means over users. */
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
 * no user: a mean over nobody is no number.
 */
export function estimates<Name extends string, Derived extends string = never>(
  columns: Record<Name, Float64Array>,
  rng: Rng,
  ofMeans: Record<Derived, FunctionOfMeans> = {} as Record<Derived, FunctionOfMeans>,
): Record<Name | Derived, Estimate> {
  const names = Object.keys(columns) as Name[];
  const rows = columns[names[0]!].length;
  if (rows === 0) throw new RangeError('a mean over no users');
  const means = fromEntries(names, (name) => mean(columns[name]));
  return rows > MAX_RESAMPLED_USERS
    ? normal(columns, names, means, ofMeans)
    : bootstrap(columns, names, means, ofMeans, rng);
}

function bootstrap<Name extends string, Derived extends string>(
  columns: Record<Name, Float64Array>,
  names: Name[],
  means: Record<Name, number>,
  ofMeans: Record<Derived, FunctionOfMeans>,
  rng: Rng,
): Record<Name | Derived, Estimate> {
  const columnsInOrder = names.map((name) => columns[name]);
  const resampled = resampledMeans(columnsInOrder, rng);
  const column = (name: string) => resampled[names.indexOf(name as Name)]!;
  // Functions of means before percentiles, which sort the resampled means.
  const derived = fromEntries(Object.keys(ofMeans) as Derived[], (name): Estimate => {
    const { of, combine } = ofMeans[name];
    const [a, b] = of as readonly [Name, Name];
    const combined = column(a).map((value, n) => combine(value, column(b)[n]!));
    return { mean: combine(means[a], means[b]), ci95: percentiles(combined) };
  });
  const own = fromEntries(names, (name): Estimate => ({
    mean: means[name],
    ci95: percentiles(column(name)),
  }));
  return { ...own, ...derived };
}

/** Columns whose sums are taken together, so that a drawn row is looked up once for all of them. */
const LANES = 8;
/** Draws that are held at a time: 16 MB. */
const MAX_HELD_DRAWS = 1 << 23;

/** The mean of each column in each resample. */
function resampledMeans(columns: Float64Array[], rng: Rng): Float64Array[] {
  const rows = columns[0]!.length;
  const means = columns.map(() => new Float64Array(RESAMPLES));
  const tables = Array.from({ length: Math.ceil(columns.length / LANES) }, (_, t) =>
    interleaved(columns.slice(t * LANES, (t + 1) * LANES), rows),
  );
  const block = Math.min(RESAMPLES, Math.max(1, Math.floor(MAX_HELD_DRAWS / rows)));
  for (let first = 0; first < RESAMPLES; first += block) {
    const count = Math.min(block, RESAMPLES - first);
    const drawn = drawnRows(rows, count, rng);
    tables.forEach((table, t) =>
      writeMeans(table, drawn, rows, means.slice(t * LANES, (t + 1) * LANES), first),
    );
  }
  return means;
}

/** Up to eight columns side by side: (rows, 8). */
function interleaved(columns: Float64Array[], rows: number): Float64Array {
  const table = new Float64Array(rows * LANES);
  columns.forEach((column, lane) => column.forEach((value, row) => (table[row * LANES + lane] = value)));
  return table;
}

/** Writes the means of the drawn rows of `table`, a resample after the other, into `means` from `first` on. */
function writeMeans(
  table: Float64Array,
  drawn: Uint16Array,
  rows: number,
  means: Float64Array[],
  first: number,
): void {
  const sums = new Float64Array(LANES);
  for (let start = 0, n = first; start < drawn.length; start += rows, n++) {
    sumRows(table, drawn, start, start + rows, sums);
    for (let lane = 0; lane < means.length; lane++) means[lane]![n] = sums[lane]! / rows;
  }
}

/** sums = the sum of the rows of `table` that `drawn` has from `start` to `end`; in variables, which costs least. */
function sumRows(table: Float64Array, drawn: Uint16Array, start: number, end: number, sums: Float64Array) {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let e = 0;
  let f = 0;
  let g = 0;
  let h = 0;
  for (let draw = start; draw < end; draw++) {
    const at = drawn[draw]! * LANES;
    a += table[at]!;
    b += table[at + 1]!;
    c += table[at + 2]!;
    d += table[at + 3]!;
    e += table[at + 4]!;
    f += table[at + 5]!;
    g += table[at + 6]!;
    h += table[at + 7]!;
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
  sums[4] = e;
  sums[5] = f;
  sums[6] = g;
  sums[7] = h;
}

/** What the last call drew: the models of an experiment are resampled alike, one after the other. */
let latest: { key: string; drawn: Uint16Array } | undefined;

/** (resamples, rows), row numbers drawn with replacement. At most MAX_RESAMPLED_USERS rows, which fit 16 bits. */
function drawnRows(rows: number, resamples: number, rng: Rng): Uint16Array {
  const key = [rows, resamples, ...rng.state().words].join(' ');
  if (latest?.key === key) return latest.drawn;
  const drawn = new Uint16Array(resamples * rows);
  rng.fillInts(drawn, rows);
  if (resamples === RESAMPLES) latest = { key, drawn };
  return drawn;
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
