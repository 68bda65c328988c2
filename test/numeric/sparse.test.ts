import { expect, test } from 'vitest';
import { transposeInto } from '../../src/numeric/sparse.ts';

test('the transpose has the entries by column, rows ascending, and the transpose of it is the matrix', () => {
  // Row 0: (1, 5), (2, 6). Row 1: nothing. Row 2: (0, 7), (1, 8).
  const matrix = {
    pointers: Int32Array.of(0, 2, 2, 4),
    indices: Int32Array.of(1, 2, 0, 1),
    values: Uint8Array.of(5, 6, 7, 8),
  };
  const target = () => ({
    pointers: new Int32Array(4),
    indices: new Int32Array(4),
    values: new Uint8Array(4),
  });
  const byColumn = target();
  transposeInto(matrix, byColumn);
  expect(byColumn).toEqual({
    pointers: Int32Array.of(0, 1, 3, 4),
    indices: Int32Array.of(2, 0, 2, 0),
    values: Uint8Array.of(7, 5, 8, 6),
  });
  const again = target();
  transposeInto(byColumn, again);
  expect(again).toEqual(matrix);
});
