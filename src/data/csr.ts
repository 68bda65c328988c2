/** Compressed sparse rows: the only matrix format of ratings. Rows are read with src/util/sparse-rows.ts. */
import { transposeInto, type SparseRows } from '../util/sparse-rows.ts';

/** Row r holds entries `pointers[r]` to `pointers[r+1]`, with columns ascending within a row. */
export interface Csr {
  rows: number;
  columns: number;
  /** rows + 1 offsets. */
  pointers: Int32Array;
  indices: Int32Array;
  values: Float32Array;
}

/**
 * Builds rows from coordinates by two counting sorts (first by column, then by row), in linear time.
 * Entries with the same row and column keep the order of the input.
 */
export function toCsr(
  rows: Int32Array,
  columns: Int32Array,
  values: Float32Array,
  rowCount: number,
  columnCount: number,
): Csr {
  const n = rows.length;
  const byColumn = new Int32Array(n);
  const next = new Int32Array(columnCount + 1);
  for (let i = 0; i < n; i++) next[columns[i]! + 1]!++;
  for (let c = 0; c < columnCount; c++) next[c + 1]! += next[c]!;
  for (let i = 0; i < n; i++) byColumn[next[columns[i]!]!++] = i;

  const pointers = new Int32Array(rowCount + 1);
  for (let i = 0; i < n; i++) pointers[rows[i]! + 1]!++;
  for (let r = 0; r < rowCount; r++) pointers[r + 1]! += pointers[r]!;
  const cursor = pointers.slice(0, rowCount);
  const indices = new Int32Array(n);
  const sorted = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const entry = byColumn[i]!;
    const at = cursor[rows[entry]!]!++;
    indices[at] = columns[entry]!;
    sorted[at] = values[entry]!;
  }
  return { rows: rowCount, columns: columnCount, pointers, indices, values: sorted };
}

/** Columns as rows, in linear time. */
export function transposed(matrix: Csr): Csr {
  const { rows, columns, indices } = matrix;
  const result: Csr = {
    rows: columns,
    columns: rows,
    pointers: new Int32Array(columns + 1),
    indices: new Int32Array(indices.length),
    values: new Float32Array(indices.length),
  };
  transposeInto(matrix, result);
  return result;
}

/** The index in `indices` of the entry that `row` has in `column`, or -1. Binary search: columns ascend within a row. */
export function entryOf({ pointers, indices }: SparseRows, row: number, column: number): number {
  const end = pointers[row + 1]!;
  let low = pointers[row]!;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (indices[middle]! < column) low = middle + 1;
    else high = middle;
  }
  return low < end && indices[low] === column ? low : -1;
}

/** Has `row` an entry in `column`? */
export function has(matrix: SparseRows, row: number, column: number): boolean {
  return entryOf(matrix, row, column) >= 0;
}
