// Rows of a sparse matrix times a dense one. Each sum adds in the order of the row's entries, as a plain loop would; a tile of
// columns at a time, so that rows of the dense matrix that many rows of the sparse one read stay in the cache.

import { float, word } from './memory';

// 256 doubles.
const TILE_BYTES: usize = 2048;

function splat(values: usize, entry: i32): v128 {
  return f64x2.splat(<f64>float(values, entry));
}

function add(sum: v128, x: v128, cell: usize): v128 {
  return f64x2.add(sum, f64x2.mul(x, v128.load(cell)));
}

// product[n - first] = (row n of the sparse matrix) times `columns` columns of `dense`, whose rows are `denseColumns` long, for
// the rows n from `begin` to `end`. Both numbers are multiples of 2.
export function sparseTimesDense(
  begin: i32,
  end: i32,
  scratch: usize,
  first: i32,
  pointers: usize,
  indices: usize,
  values: usize,
  dense: usize,
  denseColumns: i32,
  columns: i32,
  product: usize,
): void {
  const denseStride = (<usize>denseColumns) << 3;
  const stride = (<usize>columns) << 3;
  for (let tile: usize = 0; tile < stride; tile += TILE_BYTES) {
    const width = min(TILE_BYTES, stride - tile);
    for (let n = begin; n < end; n++) {
      const row = product + <usize>(n - first) * stride + tile;
      memory.fill(row, 0, width);
      const last = word(pointers, n + 1);
      let entry = word(pointers, n);
      for (; entry + 4 <= last; entry += 4) {
        const x0 = splat(values, entry);
        const x1 = splat(values, entry + 1);
        const x2 = splat(values, entry + 2);
        const x3 = splat(values, entry + 3);
        const y0 = dense + <usize>word(indices, entry) * denseStride + tile;
        const y1 = dense + <usize>word(indices, entry + 1) * denseStride + tile;
        const y2 = dense + <usize>word(indices, entry + 2) * denseStride + tile;
        const y3 = dense + <usize>word(indices, entry + 3) * denseStride + tile;
        for (let j: usize = 0; j < width; j += 16) {
          const two = add(add(v128.load(row + j), x0, y0 + j), x1, y1 + j);
          v128.store(row + j, add(add(two, x2, y2 + j), x3, y3 + j));
        }
      }
      for (; entry < last; entry++) {
        const x = splat(values, entry);
        const y = dense + <usize>word(indices, entry) * denseStride + tile;
        for (let j: usize = 0; j < width; j += 16) v128.store(row + j, add(v128.load(row + j), x, y + j));
      }
    }
  }
}
