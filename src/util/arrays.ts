/** Sums, means and sequences of numbers. */

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
