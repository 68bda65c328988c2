/** Inverse of a large symmetric positive definite matrix, in double precision, on all threads. */
import { AbortedError, FitError } from '../util/errors.ts';
import { choleskyFactor, choleskySolve } from './cholesky.ts';
import { KernelPool } from './pool/pool.ts';

/** Columns swept at a time: 64 x 64 doubles are 32 kB. */
const COLUMNS_PER_BLOCK = 64;

/**
 * Replaces A, (n, n), row-major, by its inverse; only the upper half of A is read. n^3 operations in blocks, the same
 * bits for any number of threads. A is copied into the kernels' memory. Throws FitError when it is not positive definite or
 * does not fit there, AbortedError when the signal fires.
 */
export async function invert(
  a: Float64Array,
  n: number,
  { threads, signal, advance }: { threads: number; signal?: AbortSignal; advance?: (share: number) => void },
): Promise<void> {
  const size = Math.ceil(n / 4) * 4;
  const pool = KernelPool.create({ threads, operations: size ** 3 });
  try {
    const matrix = pool.float64(size * size);
    for (let i = 0; i < n; i++) matrix.set(a.subarray(i * n + i, (i + 1) * n), i * size + i);
    for (let i = n; i < size; i++) matrix[i * size + i] = 1;
    const pivotInverse = pool.float64(COLUMNS_PER_BLOCK ** 2);
    const columns = pool.float64(size * COLUMNS_PER_BLOCK);
    const scaledColumns = pool.float64(size * COLUMNS_PER_BLOCK);
    for (let block = 0; block < size; block += COLUMNS_PER_BLOCK) {
      await pool.yieldToEventLoop();
      if (signal?.aborted)
        throw new AbortedError({ found: 'stopped while inverting a matrix: nothing was written' });
      const width = Math.min(COLUMNS_PER_BLOCK, size - block);
      pivotInverse.set(inverseOfBlock(matrix, size, block, width));
      const values = { matrix, n: size, block, width, pivotInverse, columns, scaledColumns };
      pool.run('sweepPanels', { rows: size / 4, grain: 8 }, values);
      pool.run('sweepRows', { rows: size / 4, grain: 4 }, values);
      advance?.(width / size);
    }
    copyNegatedAndMirrored(matrix, size, a, n);
  } finally {
    await pool.dispose();
  }
}

/** (width, width) inverse of the diagonal block, of which the upper half is read. */
function inverseOfBlock(matrix: Float64Array, n: number, block: number, width: number): Float64Array {
  const a = new Float64Array(width * width);
  const identity = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    identity[i * width + i] = 1;
    for (let j = i; j < width; j++) {
      a[i * width + j] = a[j * width + i] = matrix[(block + i) * n + block + j]!;
    }
  }
  try {
    choleskySolve(choleskyFactor(a, width), width, identity, width);
  } catch (cause) {
    throw new FitError({
      ...(a.every(Number.isFinite)
        ? {
            found: 'a matrix that should be positive definite is not',
            remedy: 'Raise the regularization.',
          }
        : {
            found: 'a matrix with numbers that are not finite',
            remedy: 'Check the ratings, and lower --target-exponent or --feature-weight.',
          }),
      cause,
    });
  }
  return identity;
}

function copyNegatedAndMirrored(source: Float64Array, size: number, target: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) target[i * n + j] = target[j * n + i] = -source[i * size + j]!;
  }
}
