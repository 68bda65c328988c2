/** Factor matrices: float32, row-major, rows of k floats of which the last may be padding that stays 0. */
import { FitError } from '../util/errors.ts';
import type { Rng } from '../util/rng.ts';

/** Normal numbers in the first `columns` of each row. */
export function fillNormal(
  matrix: Float32Array,
  k: number,
  columns: number,
  deviation: number,
  rng: Rng,
): void {
  for (let row = 0; row < matrix.length; row += k)
    for (let f = 0; f < columns; f++) matrix[row + f] = deviation * rng.normal();
}

export function clearRows(matrix: Float32Array, k: number, empty: (row: number) => boolean): void {
  for (let row = 0; row * k < matrix.length; row++) if (empty(row)) matrix.fill(0, row * k, (row + 1) * k);
}

/** A copy outside the kernels' memory. Throws FitError with `remedy` when a number is not finite. */
export function finiteCopy(values: Float32Array, label: string, remedy: string): Float32Array {
  let squares = 0; // of float32 numbers, far from overflow in double precision
  for (let n = 0; n < values.length; n++) squares += values[n]! * values[n]!;
  if (Number.isFinite(squares)) return values.slice();
  throw new FitError({ found: `${label} produced numbers that are not finite`, remedy });
}
