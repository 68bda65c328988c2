import { expect, test } from 'vitest';
import { choleskyFactor, choleskySolve } from '../../src/numeric/cholesky.ts';
import { invert } from '../../src/numeric/inverse.ts';
import { Rng } from '../../src/util/rng.ts';

/** M'M + I for a random M: symmetric positive definite. */
function positiveDefinite(n: number): Float64Array {
  const rng = new Rng(n);
  const m = Float64Array.from({ length: n * n }, () => rng.normal());
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let p = 0; p < n; p++) a[i * n + j]! += m[p * n + i]! * m[p * n + j]!;
    }
    a[i * n + i]! += 1;
  }
  return a;
}

function identity(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, cell) => (cell % (n + 1) === 0 ? 1 : 0));
}

test.each([1, 7, 64, 150])(
  'the inverse of a matrix of %i rows is what Cholesky gives column by column',
  async (n) => {
    const a = positiveDefinite(n);
    const expected = identity(n);
    choleskySolve(choleskyFactor(a, n), n, expected, n);
    await invert(a, n, { threads: 1 });
    // The condition number is below 1e4 and double precision has 16 digits.
    a.forEach((value, cell) => expect(value).toBeCloseTo(expected[cell]!, 10));
  },
);

test('only the upper half of the matrix is read, and both halves are written', async () => {
  const a = Float64Array.of(4, 2, NaN, 5);
  await invert(a, 2, { threads: 1 });
  [5 / 16, -2 / 16, -2 / 16, 4 / 16].forEach((value, cell) => expect(a[cell]).toBeCloseTo(value, 14));
});

test('two threads give the bits of one', async () => {
  const [one, two] = [positiveDefinite(150), positiveDefinite(150)];
  await invert(one, 150, { threads: 1 });
  // Blocks are swept one by one with a pause between, in which the second thread starts.
  await invert(two, 150, { threads: 2 });
  expect(two).toEqual(one);
});

test('a matrix that is not positive definite is refused with a remedy', async () => {
  const a = Float64Array.of(1, 2, 2, 1);
  await expect(invert(a, 2, { threads: 1 })).rejects.toThrow(/Raise the regularization/);
});

test('the factor of [[4, 2], [2, 5]] is [[2, 0], [1, 2]]', () => {
  const l = choleskyFactor(Float64Array.of(4, 2, 2, 5), 2);
  expect([l[0], l[2], l[3]]).toEqual([2, 1, 2]);
});
