/** Sums, means, medians and sequences of numbers. */

/** The integers 0 to n - 1, ascending: all users, all rows. */
export function range(n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => i);
}

/** Sum in double precision, from the first number to the last. */
export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

/** Arithmetic mean, as `sum` adds up; NaN for no numbers. */
export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}

/** Median; the mean of the middle two for an even count, NaN for no numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : mean(sorted.slice(Math.max(0, middle - 1), middle + 1));
}
