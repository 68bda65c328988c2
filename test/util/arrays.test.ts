import { expect, test } from 'vitest';
import { mean, median, range, sum } from '../../src/util/arrays.ts';

test('a range counts from 0 to one below its length', () => {
  expect(range(3)).toEqual(Int32Array.of(0, 1, 2));
  expect(range(0)).toEqual(new Int32Array(0));
});

test('a sum of float32 numbers is taken in double precision: 2^24 and eight ones are 2^24 + 8', () => {
  expect(sum(Float32Array.of(2 ** 24, 1, 1, 1, 1, 1, 1, 1, 1))).toBe(2 ** 24 + 8);
  expect(sum([])).toBe(0);
});

test('a mean is the sum over the count, and no numbers have none', () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(mean([])).toBeNaN();
});

test('a median is the middle number, the mean of the middle two, and nothing for no numbers', () => {
  expect(median([9, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 9])).toBe(3);
  expect(median([])).toBeNaN();
});
