// Rows of a sparse matrix times a dense one, which lies in panels of few columns, row after row. A block of a panel's rows stays
// in the cache of a core while many rows of the sparse matrix add what they have of it. Each sum adds in the order of the row's
// entries, as a plain loop would.

import { float, word } from './memory';

// Columns of a panel of the dense matrix: their sums are as many as the registers hold.
export const DENSE_PANEL_COLUMNS: i32 = 16;
const PANEL_ROW_BYTES: usize = 128;
// 256 kB of a panel.
const BLOCK_ROWS: i32 = 2048;

function add(sum: v128, x: v128, cell: usize): v128 {
  return f64x2.add(sum, f64x2.mul(x, v128.load(cell)));
}

// Adds to the sums of one row of a panel its entries from `entry` up to the first whose index is `bound` or more, `last` at most.
// Returns which entry that is.
function addEntries(
  entry: i32,
  last: i32,
  bound: i32,
  indices: usize,
  values: usize,
  panel: usize,
  sums: usize,
): i32 {
  let s0 = v128.load(sums);
  let s1 = v128.load(sums, 16);
  let s2 = v128.load(sums, 32);
  let s3 = v128.load(sums, 48);
  let s4 = v128.load(sums, 64);
  let s5 = v128.load(sums, 80);
  let s6 = v128.load(sums, 96);
  let s7 = v128.load(sums, 112);
  for (; entry < last; entry++) {
    const index = word(indices, entry);
    if (index >= bound) break;
    const x = f64x2.splat(<f64>float(values, entry));
    const y = panel + <usize>index * PANEL_ROW_BYTES;
    s0 = add(s0, x, y);
    s1 = add(s1, x, y + 16);
    s2 = add(s2, x, y + 32);
    s3 = add(s3, x, y + 48);
    s4 = add(s4, x, y + 64);
    s5 = add(s5, x, y + 80);
    s6 = add(s6, x, y + 96);
    s7 = add(s7, x, y + 112);
  }
  v128.store(sums, s0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
  v128.store(sums, s4, 64);
  v128.store(sums, s5, 80);
  v128.store(sums, s6, 96);
  v128.store(sums, s7, 112);
  return entry;
}

// The next entry of each row.
export function sparseTimesDenseScratch(partRows: i32): usize {
  return (<usize>partRows) << 2;
}

// product[n - first] = (row n of the sparse matrix) times `panels` panels of `dense`, for the rows n from `first` to `last`. A
// part of the work, of those from `begin` to `end`, is `partRows` of these rows times one panel: all parts of panel 0, then those
// of panel 1.
export function sparseTimesDense(
  begin: i32,
  end: i32,
  scratch: usize,
  first: i32,
  last: i32,
  partRows: i32,
  pointers: usize,
  indices: usize,
  values: usize,
  dense: usize,
  denseRows: i32,
  panels: i32,
  product: usize,
): void {
  const stride = <usize>panels * PANEL_ROW_BYTES;
  const parts = (last - first + partRows - 1) / partRows;
  for (let part = begin; part < end; part++) {
    const column = <usize>(part / parts) * PANEL_ROW_BYTES;
    const panel = dense + column * <usize>denseRows;
    const from = first + (part % parts) * partRows;
    const to = min(last, from + partRows);
    for (let n = from; n < to; n++) {
      store<i32>(scratch + ((<usize>(n - from)) << 2), word(pointers, n));
      memory.fill(product + <usize>(n - first) * stride + column, 0, PANEL_ROW_BYTES);
    }
    for (let block = 0; block < denseRows; block += BLOCK_ROWS) {
      const bound = block + BLOCK_ROWS < denseRows ? block + BLOCK_ROWS : i32.MAX_VALUE;
      for (let n = from; n < to; n++) {
        const next = scratch + ((<usize>(n - from)) << 2);
        const sums = product + <usize>(n - first) * stride + column;
        store<i32>(
          next,
          addEntries(load<i32>(next), word(pointers, n + 1), bound, indices, values, panel, sums),
        );
      }
    }
  }
}
