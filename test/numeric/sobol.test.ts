import { expect, test } from 'vitest';
import { Rng } from '../../src/util/rng.ts';
import { sobolPoints } from '../../src/numeric/sobol.ts';

test('the points are those of scipy’s Sobol, in its order', () => {
  // scipy.stats.qmc.Sobol(12, scramble=False, bits=32).random(16), points 1, 2, 3, 5, 7, 11 and 15, in sixteenths.
  const expected = [
    [8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8],
    [12, 4, 4, 4, 12, 12, 4, 12, 12, 12, 12, 12],
    [4, 12, 12, 12, 4, 4, 12, 4, 4, 4, 4, 4],
    [14, 14, 2, 6, 14, 10, 14, 6, 6, 2, 6, 14],
    [2, 10, 6, 2, 2, 6, 10, 10, 10, 14, 10, 2],
    [7, 9, 3, 11, 13, 1, 11, 11, 11, 1, 15, 5],
    [1, 15, 9, 5, 11, 3, 13, 5, 5, 11, 1, 3],
  ];
  const points = sobolPoints(16, 12);
  expect(points[0]).toEqual(Array.from({ length: 12 }, () => 0));
  expect([1, 2, 3, 5, 7, 11, 15].map((n) => points[n]!.map((x) => Math.floor(16 * x)))).toEqual(expected);
});

test('the first 2^m points have one in each of 2^m equal parts of every axis, shifted too', () => {
  const points = sobolPoints(64, 16, new Rng(3));
  for (let d = 0; d < 16; d++) {
    expect(points.map((point) => Math.floor(64 * point[d]!)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 64 }, (_, n) => n),
    );
  }
});

test('a longer sequence begins with a shorter one, and another seed shifts it', () => {
  expect(sobolPoints(20, 5, new Rng(1)).slice(0, 7)).toEqual(sobolPoints(7, 5, new Rng(1)));
  expect(sobolPoints(7, 5, new Rng(2))).not.toEqual(sobolPoints(7, 5, new Rng(1)));
  expect(() => sobolPoints(1, 17)).toThrow(RangeError);
});
