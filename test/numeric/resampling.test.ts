import { describe, expect, it } from 'vitest';
import { resampledMeans } from '../../src/numeric/resampling.ts';
import { Rng } from '../../src/util/rng.ts';

/** More than the kernel takes in one call. */
const RESAMPLES = 120;
const normals = (rows: number, seed: number) => {
  const rng = new Rng(seed);
  return Float64Array.from({ length: rows }, () => rng.normal());
};

/** A sum of as many drawn rows as there are, per resample: a plain loop in the order of the draws. */
function drawnSums(column: Float64Array, rng: Rng): number[] {
  return Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let draw = 0; draw < column.length; draw++) sum += column[rng.int(column.length)]!;
    return sum;
  });
}

describe('resampled means have the bits of plain loops', () => {
  it.each([1, 2, 33, 1000])('with %i rows', (rows) => {
    const column = normals(rows, 1);
    const [means] = resampledMeans([column], RESAMPLES, new Rng(5));
    expect([...means!]).toEqual(drawnSums(column, new Rng(5)).map((sum) => sum / rows));
  });

  it('for 20 columns that are resampled alike, in several groups', () => {
    const columns = Array.from({ length: 20 }, (_, n) => normals(77, n));
    const means = resampledMeans(columns, RESAMPLES, new Rng(5));
    for (const [n, column] of columns.entries())
      expect([...means[n]!]).toEqual(drawnSums(column, new Rng(5)).map((sum) => sum / 77));
  });
});
