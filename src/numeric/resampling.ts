/** Means over resampled users for intervals, by the kernel of src/numeric/wasm/resampling.ts. */
import type { Rng } from '../util/rng.ts';
import { kernelConstants } from './pool/kernels.ts';
import { KernelPool } from './pool/pool.ts';

const { RESAMPLED_COLUMNS } = kernelConstants;
/** Resamples that one call of the kernel takes: V8 changes to its optimized code only between calls. */
const RESAMPLES_PER_CALL = 100;

/**
 * The mean of each column in each of `resamples` resamples of the rows, drawn with replacement by `rng`, which goes on
 * from its state for every 8 columns alike. Columns have one length, at most 2^21. Leaves `rng` as it is.
 */
export function resampledMeans(
  columns: readonly Float64Array[],
  resamples: number,
  rng: Rng,
): Float64Array[] {
  const rows = columns[0]?.length ?? 0;
  const groups = Math.ceil(columns.length / RESAMPLED_COLUMNS);
  const pool = KernelPool.create({ threads: 1 });
  const tables = pool.float64(groups * rows * RESAMPLED_COLUMNS);
  const sums = pool.float64(groups * resamples * RESAMPLED_COLUMNS);
  columns.forEach((column, n) => {
    const [group, lane] = [Math.floor(n / RESAMPLED_COLUMNS), n % RESAMPLED_COLUMNS];
    for (let row = 0; row < rows; row++)
      tables[(group * rows + row) * RESAMPLED_COLUMNS + lane] = column[row]!;
  });
  const randomStates = pool.int32(Array.from({ length: groups }, () => rng.state().words).flat());
  for (const part of callsOf(resamples)) {
    const values = { tables, rows, resamples, ...part, randomStates, sums };
    pool.run('resampledSums', { rows: groups, grain: 1 }, values);
  }
  void pool.dispose();
  return columns.map((_, n) => {
    const [group, lane] = [Math.floor(n / RESAMPLED_COLUMNS), n % RESAMPLED_COLUMNS];
    const means = new Float64Array(resamples);
    for (let r = 0; r < resamples; r++)
      means[r] = sums[(group * resamples + r) * RESAMPLED_COLUMNS + lane]! / rows;
    return means;
  });
}

function* callsOf(resamples: number): Generator<{ first: number; count: number }, void> {
  for (let first = 0; first < resamples; first += RESAMPLES_PER_CALL)
    yield { first, count: Math.min(RESAMPLES_PER_CALL, resamples - first) };
}
