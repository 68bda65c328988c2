/** Sparse rows without those that are empty: a user without a rating changes nothing in a fit of the others. */
import { rowCount, rowLength, type SparseRows } from '../util/sparse-rows.ts';
import { range } from '../util/arrays.ts';

export interface FilledRows<R extends SparseRows> {
  /** The rows that have an entry, in their order. */
  rows: R;
  /** A matrix of `k` columns with a row for each of `rows`, as one of all rows: 0 where there is no entry. */
  spread: (matrix: Float32Array, k: number) => Float32Array;
}

export function filledRows<R extends SparseRows>(rows: R): FilledRows<R> {
  const filled = range(rowCount(rows)).filter((row) => rowLength(rows, row) > 0);
  if (filled.length === rowCount(rows)) return { rows, spread: (matrix) => matrix };
  const pointers = new Int32Array(filled.length + 1);
  filled.forEach((row, n) => (pointers[n + 1] = rows.pointers[row + 1]!));
  const spread = (matrix: Float32Array, k: number) => {
    const whole = new Float32Array(rowCount(rows) * k);
    filled.forEach((row, n) => whole.set(matrix.subarray(n * k, (n + 1) * k), row * k));
    return whole;
  };
  return { rows: { ...rows, pointers }, spread };
}
