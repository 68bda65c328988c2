import { expect, test } from 'vitest';
import { bestOf } from '../../src/numeric/best-of-row.ts';

test('the best scores come first, ties in the order of their positions', () => {
  expect(Array.from(bestOf(Float64Array.of(1, 3, 2, 3, 3, 0), 4))).toEqual([1, 3, 4, 2]);
});

test('scores that are not numbers are left out, and the list may be short', () => {
  expect(Array.from(bestOf(Float64Array.of(NaN, 3, NaN, -1), 3))).toEqual([1, 3]);
});
