import { expect, test } from 'vitest';
import { fitByAls, foldInByAls } from '../../src/numeric/als/fit.ts';
import type { ObservedRows } from '../../src/numeric/als/solver.ts';
import { filledRows } from '../../src/numeric/filled-rows.ts';
import { fitBySgd } from '../../src/numeric/sgd/fit.ts';
import { range } from '../../src/util/arrays.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';

const USERS = 20;
const ITEMS = 12;
const catalogue = range(ITEMS);
const own = { factors: 8, regularization: 0.1 };

/** User u rates item i where (u + i) % 3 is 0, with level i % 3. */
const rated: ObservedRows = (() => {
  const rows = Array.from(range(USERS), (user) => [...catalogue].filter((item) => (user + item) % 3 === 0));
  const pointers = Int32Array.from(range(USERS + 1), (user) => rows.slice(0, user).flat().length);
  const indices = Int32Array.from(rows.flat());
  return { pointers, indices, levels: Uint8Array.from(indices, (item) => item % 3) };
})();

/** The same users, one without a rating before each. */
const withAbsent: ObservedRows = {
  ...rated,
  pointers: Int32Array.from(range(2 * USERS + 1), (row) => rated.pointers[Math.floor(row / 2)]!),
};
const present = (matrix: Float32Array, k: number) => matrix.filter((_, n) => Math.floor(n / k) % 2 === 1);
const absent = (matrix: Float32Array, k: number) => matrix.filter((_, n) => Math.floor(n / k) % 2 === 0);

const context = () => ({
  threads: 1,
  signal: new AbortController().signal,
  progress: silentProgress,
  rng: new Rng(1),
});
const relativeRatings = Float32Array.of(0.5, 0.75, 1);
const alsData = (byUser: ObservedRows) => ({ byUser, itemCount: ITEMS, relativeRatings, catalogue });
const alsSettings = {
  ...own,
  iterations: 2,
  frequencyExponent: 0.5,
  unobservedWeight: 0.1,
  targetExponent: 2,
  confidenceExponent: 0,
  conjugateGradientSteps: 1,
  priorStrength: 0,
};

test('rows that all have an entry are taken as they are', () => {
  const { rows, spread } = filledRows(rated);
  expect(rows).toBe(rated);
  const matrix = new Float32Array(USERS);
  expect(spread(matrix, 1)).toBe(matrix);
});

test('users without a rating change no digit of implicit ALS, nor of people folded in', async () => {
  const one = await fitByAls(alsData(rated), alsSettings, context());
  const two = await fitByAls(alsData(withAbsent), alsSettings, context());
  expect(two.itemFactors).toEqual(one.itemFactors);
  expect(present(two.userFactors, two.k)).toEqual(one.userFactors);
  expect(absent(two.userFactors, two.k).every((value) => value === 0)).toBe(true);
  const people = { byUser: rated, relativeRatings };
  const folded = (byUser: ObservedRows) => foldInByAls(alsData(byUser), alsSettings, one, 1)(people);
  expect(await folded(withAbsent)).toEqual(await folded(rated));
});

test('users without a rating change no digit of SGD', async () => {
  const settings = {
    ...own,
    label: 'SGD',
    loss: { kind: 'squared', targets: Float64Array.of(-1, 0, 1) } as const,
    epochs: 2,
    learningRate: 0.05,
    finalRate: 0.5,
    biasRegularization: 0.01,
    initialScale: 0.1,
  };
  const fit = (byUser: ObservedRows, users: number) =>
    fitBySgd({ k: 8, users, items: ITEMS, byUser, catalogue }, settings, context());
  const one = await fit(rated, USERS);
  const two = await fit(withAbsent, 2 * USERS);
  expect(two.itemFactors).toEqual(one.itemFactors);
  expect(two.itemBiases).toEqual(one.itemBiases);
  expect(present(two.userFactors, 8)).toEqual(one.userFactors);
  expect(present(two.userBiases, 1)).toEqual(one.userBiases);
  expect(absent(two.userFactors, 8).every((value) => value === 0)).toBe(true);
});
