import { expect, test } from 'vitest';
import { roundUpToPanels, partsOf, SparseTimesDense } from '../../src/numeric/sparse-times-dense.ts';
import { Rng } from '../../src/util/rng.ts';

test.each([
  [1, 300, 40],
  [2, 300, 600],
  [2, 7, 9],
  [1, 5000, 20],
])(
  'on %i threads, %i rows of the dense matrix with %i columns give the bits of a plain loop',
  async (threads, denseRows, denseColumns) => {
    const rng = new Rng(1);
    const entries = Array.from({ length: 1300 }, () => {
      const length = rng.int(Math.min(11, denseRows));
      return Array.from({ length }, (_, n) => [n + rng.int(denseRows - length), rng.uniform()] as const);
    });
    const pointers = new Int32Array(entries.length + 1);
    entries.forEach((own, n) => (pointers[n + 1] = pointers[n]! + own.length));
    const sparse = {
      pointers,
      indices: Int32Array.from(entries.flat(), ([index]) => index),
      values: Float32Array.from(entries.flat(), ([, value]) => value),
    };
    const dense = Float64Array.from({ length: denseRows * denseColumns }, () => rng.uniform() - 0.5);
    const expected = entries.map((own) => {
      const sums = new Float64Array(denseColumns);
      for (const [index, value] of own)
        for (let j = 0; j < denseColumns; j++)
          sums[j]! += Math.fround(value) * dense[index * denseColumns + j]!;
      return sums;
    });
    const denseRow = (row: number) => dense.subarray(row * denseColumns, (row + 1) * denseColumns);
    const factors = { sparse, denseRow, denseRows, denseColumns };
    const product = new SparseTimesDense(factors, entries.length * roundUpToPanels(denseColumns), {
      threads,
    });
    let cells = 0;
    for (const rows of partsOf(entries.length, 1200)) {
      for (const columns of partsOf(denseColumns, 256)) {
        const block = await product.block(rows, columns);
        const width = columns.end - columns.begin;
        for (let n = rows.begin; n < rows.end; n++) {
          const begin = (n - rows.begin) * roundUpToPanels(width);
          expect(block.subarray(begin, begin + width)).toEqual(
            expected[n]!.subarray(columns.begin, columns.end),
          );
          cells += width;
        }
      }
    }
    await product.dispose();
    expect(cells).toBe(entries.length * denseColumns);
  },
);
