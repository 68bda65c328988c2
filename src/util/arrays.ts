/** Sums, means, medians and sequences of numbers. */

/** The integers 0 to n - 1, ascending: all users, all rows. */
export function range(n: number): Int32Array {
  const numbers = new Int32Array(n);
  for (let i = 0; i < n; i++) numbers[i] = i;
  return numbers;
}

/** How often each of the indices 0 to size - 1 occurs. */
export function countsOf(indices: Int32Array, size: number): Int32Array {
  const counts = new Int32Array(size);
  for (let n = 0; n < indices.length; n++) counts[indices[n]!]!++;
  return counts;
}

/** The smallest and the largest of some numbers, of which there is at least one. */
export function extremes(values: Int32Array): { min: number; max: number } {
  let [min, max] = [values[0]!, values[0]!];
  for (let n = 1; n < values.length; n++) {
    const value = values[n]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
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
