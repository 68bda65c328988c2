/** Compressed sparse rows: the only matrix format of ratings. Rows are read with src/util/sparse-rows.ts. */
import { indicesOf, rowLength, transposeInto, valuesOf, type SparseRows } from '../util/sparse-rows.ts';

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
 * Builds rows from coordinates, of the entries whose value is at least `minimum`. Entries with the same row and column keep
 * the order of the input. What arrives by row stays where it is, else it is scattered to its rows in one pass; only rows
 * whose columns do not ascend are sorted.
 */
export function toCsr(
  rows: Int32Array,
  columns: Int32Array,
  values: Float32Array,
  rowCount: number,
  columnCount: number,
  minimum = -Infinity,
): Csr {
  const pointers = new Int32Array(rowCount + 1);
  const isAscending = countByRow(rows, values, minimum, pointers);
  for (let row = 0; row < rowCount; row++) pointers[row + 1]! += pointers[row]!;
  const matrix = { rows: rowCount, columns: columnCount, pointers };
  const entries = isAscending
    ? keepEntries(columns, values, pointers[rowCount]!, minimum)
    : scatterEntries(rows, columns, values, pointers, minimum);
  sortRows({ pointers, ...entries });
  return { ...matrix, ...entries };
}

/** Counts the entries of row r in `pointers[r + 1]`. Returns whether the rows ascend. */
function countByRow(rows: Int32Array, values: Float32Array, minimum: number, pointers: Int32Array): boolean {
  let steps = 0; // negative once a row follows a higher one
  for (let n = 0, last = 0; n < rows.length; n++) {
    const row = rows[n]!;
    pointers[row + 1]! += +(values[n]! >= minimum);
    steps |= row - last;
    last = row;
  }
  return steps >= 0;
}

/** The `count` entries whose value is at least `minimum`. Without a branch, which half of the ratings would mispredict. */
function keepEntries(columns: Int32Array, values: Float32Array, count: number, minimum: number) {
  if (count === columns.length) return { indices: columns.slice(), values: values.slice() };
  const indices = new Int32Array(count);
  const found = new Float32Array(count);
  for (let n = 0, at = 0; at < count; n++) {
    indices[at] = columns[n]!;
    found[at] = values[n]!;
    at += +(values[n]! >= minimum);
  }
  return { indices, values: found };
}

/** The entries by row, in the order of the input within a row. */
function scatterEntries(
  rows: Int32Array,
  columns: Int32Array,
  values: Float32Array,
  pointers: Int32Array,
  minimum: number,
) {
  const next = pointers.slice(0, -1);
  const count = pointers.at(-1)!;
  const byRow = { indices: new Int32Array(count), values: new Float32Array(count) };
  for (let n = 0; n < rows.length; n++) {
    const value = values[n]!;
    if (!(value >= minimum)) continue;
    const at = next[rows[n]!]!++;
    byRow.indices[at] = columns[n]!;
    byRow.values[at] = value;
  }
  return byRow;
}

/** Sorts in place the rows whose columns do not ascend yet; equal columns stay in order. */
function sortRows({ pointers, indices, values }: Pick<Csr, 'pointers' | 'indices' | 'values'>): void {
  for (let row = 0; row + 1 < pointers.length; row++) {
    const [first, end] = [pointers[row]!, pointers[row + 1]!];
    let entry = first + 1;
    while (entry < end && indices[entry - 1]! <= indices[entry]!) entry++;
    if (entry < end) sortRow(indices.subarray(first, end), values.subarray(first, end));
  }
}

/** Rows up to this length are sorted by insertion, which takes less time there than to make and sort keys. */
const MAX_INSERTION_LENGTH = 48;

/** Longer rows by keys column x length + position, exact in a double, so that equal columns stay in order. */
function sortRow(indices: Int32Array, values: Float32Array): void {
  const { length } = indices;
  if (length <= MAX_INSERTION_LENGTH) {
    sortByInsertion(indices, values);
    return;
  }
  const before = values.slice();
  const keys = Float64Array.from(indices, (column, position) => column * length + position).sort();
  for (let n = 0; n < length; n++) {
    const key = keys[n]!;
    indices[n] = Math.floor(key / length);
    values[n] = before[key % length]!;
  }
}

function sortByInsertion(indices: Int32Array, values: Float32Array): void {
  for (let n = 1; n < indices.length; n++) {
    const [index, value] = [indices[n]!, values[n]!];
    let at = n;
    for (; at > 0 && indices[at - 1]! > index; at--) {
      indices[at] = indices[at - 1]!;
      values[at] = values[at - 1]!;
    }
    indices[at] = index;
    values[at] = value;
  }
}

/** Columns as rows, in linear time. */
export function transpose(matrix: Csr): Csr {
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

/** Some rows of a matrix, in the order of `rows`. */
export function selectRows(matrix: Csr, rows: Int32Array): Csr {
  const pointers = new Int32Array(rows.length + 1);
  for (let n = 0; n < rows.length; n++) pointers[n + 1] = pointers[n]! + rowLength(matrix, rows[n]!);
  const size = pointers[rows.length]!;
  const indices = new Int32Array(size);
  const values = new Float32Array(size);
  for (let n = 0; n < rows.length; n++) {
    indices.set(indicesOf(matrix, rows[n]!), pointers[n]);
    values.set(valuesOf(matrix, rows[n]!), pointers[n]);
  }
  return { rows: rows.length, columns: matrix.columns, pointers, indices, values };
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
