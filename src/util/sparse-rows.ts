/** Compressed sparse rows, the one format of ratings and features: how to read a row and how to transpose. */

/** Row r holds the entries `pointers[r]` to `pointers[r+1]`: an index (the column) each. */
export interface SparseRows {
  /** rows + 1 offsets. */
  pointers: Int32Array;
  indices: Int32Array;
}

/** Sparse rows with a value per entry. */
export interface SparseValues<V extends Float32Array | Uint8Array = Float32Array> extends SparseRows {
  values: V;
}

/** Number of rows. */
export function rowCount({ pointers }: Pick<SparseRows, 'pointers'>): number {
  return pointers.length - 1;
}

/** Number of entries of `row`. */
export function rowLength({ pointers }: Pick<SparseRows, 'pointers'>, row: number): number {
  return pointers[row + 1]! - pointers[row]!;
}

/** The columns of `row`, in order: a view, no copy. */
export function indicesOf({ pointers, indices }: SparseRows, row: number): Int32Array {
  return indices.subarray(pointers[row], pointers[row + 1]);
}

/** The values of `row`, one per entry of `indicesOf`: a view, no copy. */
export function valuesOf<V extends Float32Array | Uint8Array>(
  { pointers, values }: Pick<SparseValues<V>, 'pointers' | 'values'>,
  row: number,
): V {
  return values.subarray(pointers[row], pointers[row + 1]) as V;
}

/**
 * [column, value] of every entry of `row`, in order. In the innermost loop over millions of entries `indicesOf` and
 * `valuesOf` are faster.
 */
export function* entriesOf(
  { pointers, indices, values }: SparseValues<Float32Array | Uint8Array>,
  row: number,
): Generator<[column: number, value: number], void> {
  const end = pointers[row + 1]!;
  for (let entry = pointers[row]!; entry < end; entry++) yield [indices[entry]!, values[entry]!];
}

/**
 * Fills `target`, whose `pointers` has columns + 1 places, with the entries of `rows` by column, the row of each as its
 * index: in linear time, rows ascending within a column.
 */
export function transposeInto<V extends Float32Array | Uint8Array>(
  { pointers, indices, values }: SparseValues<V>,
  target: SparseValues<V>,
): void {
  const ends = target.pointers.fill(0);
  for (let p = 0; p < indices.length; p++) ends[indices[p]! + 1]!++;
  for (let column = 1; column < ends.length; column++) ends[column]! += ends[column - 1]!;
  const next = ends.slice(0, -1);
  for (let row = 0; row + 1 < pointers.length; row++) {
    for (let p = pointers[row]!; p < pointers[row + 1]!; p++) {
      const at = next[indices[p]!]!++;
      target.indices[at] = row;
      target.values[at] = values[p]!;
    }
  }
}
