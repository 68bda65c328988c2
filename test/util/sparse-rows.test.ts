import { expect, test } from 'vitest';
import {
  entriesOf,
  indicesOf,
  rowCount,
  rowLength,
  transposeInto,
  valuesOf,
} from '../../src/util/sparse-rows.ts';

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

test('a row is its length, its columns, its values, and its entries of both', () => {
  // Row 0: (1, 5), (2, 6). Row 1: nothing. Row 2: (0, 7).
  const rows = {
    pointers: Int32Array.of(0, 2, 2, 3),
    indices: Int32Array.of(1, 2, 0),
    values: Float32Array.of(5, 6, 7),
  };
  expect(rowCount(rows)).toBe(3);
  expect([0, 1, 2].map((row) => rowLength(rows, row))).toEqual([2, 0, 1]);
  expect(indicesOf(rows, 0)).toEqual(Int32Array.of(1, 2));
  expect(valuesOf(rows, 0)).toEqual(Float32Array.of(5, 6));
  expect([...entriesOf(rows, 0)]).toEqual([
    [1, 5],
    [2, 6],
  ]);
  expect([...entriesOf(rows, 1)]).toEqual([]);
});
