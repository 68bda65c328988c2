/** Sparse rows as the kernels and everything above them keep them, and the same entries by column. */

/** Row r holds entries `pointers[r]` to `pointers[r+1]`: a column and a value each. */
export interface SparseRows<V extends Float32Array | Uint8Array> {
  /** rows + 1 offsets. */
  pointers: Int32Array;
  indices: Int32Array;
  values: V;
}

/**
 * Fills `target`, whose `pointers` has columns + 1 places, with the entries of `rows` by column, the row of each as its
 * index: in linear time, rows ascending within a column.
 */
export function transposeInto<V extends Float32Array | Uint8Array>(
  { pointers, indices, values }: SparseRows<V>,
  target: SparseRows<V>,
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
