import { afterAll, beforeAll, expect, test } from 'vitest';
import { toCsr } from '../../src/data/csr.ts';
import { FeaturePrior } from '../../src/numeric/feature-prior.ts';
import { KernelPool } from '../../src/numeric/pool/pool.ts';
import { featureMeans, featureSums } from './reference/feature-prior.ts';
import { FitError } from '../../src/util/errors.ts';
import { Rng } from '../../src/util/rng.ts';

let pool: KernelPool;
beforeAll(async () => {
  pool = KernelPool.create({ threads: 2 });
});
afterAll(() => pool.dispose());

test('the feature prior is the ridge regression of the factors on the features', () => {
  // Two movies of feature 0 with factors 1 and 3, one of feature 1 with factor 5; weights 1, 1, 2; mean weight 4/3.
  const features = toCsr(Int32Array.of(0, 1, 2), Int32Array.of(0, 0, 1), Float32Array.of(1, 1, 1), 3, 2);
  const strength = 0.75; // times 4/3: a ridge of 1
  const weights = Float32Array.of(1, 1, 2);
  const prior = new FeaturePrior(pool, 8, features, Int32Array.of(0, 1, 2), weights, strength);
  const factors = pool.float32(24);
  [1, 3, 5].forEach((value, item) => (factors[8 * item] = value));
  prior.update(factors);
  // Feature 0: (1 + 3) / (2 + 1). Feature 1: 2 * 5 / (2 + 1).
  [4 / 3, 4 / 3, 10 / 3].forEach((mean, item) => expect(prior.means[8 * item]).toBeCloseTo(mean, 6));
});

test('features that are the same, with next to no ridge, are refused with a remedy', () => {
  const features = toCsr(Int32Array.of(0, 0), Int32Array.of(0, 1), Float32Array.of(1, 1), 1, 2);
  const fit = () => new FeaturePrior(pool, 8, features, Int32Array.of(0), Float32Array.of(1), 1e-300);
  expect(fit).toThrow(FitError);
  expect(fit).toThrow(/Raise --prior-strength/);
});

test('its sums agree with the plain ones, its means have their bits, and movies outside the catalogue get none', () => {
  const rng = new Rng('features');
  const [items, columns, k] = [200, 12, 24];
  const entries = Array.from(
    { length: 500 },
    () => [rng.int(items), rng.int(columns), rng.uniform()] as const,
  );
  const column = (n: 0 | 1) => Int32Array.from(entries, (entry) => entry[n]);
  const values = Float32Array.from(entries, (entry) => entry[2]);
  const features = toCsr(column(0), column(1), values, items, columns);
  const catalogue = Int32Array.from({ length: items / 2 }, (_, n) => 2 * n);
  const weights = Float32Array.from({ length: items }, () => 1 + rng.uniform());
  const factors = pool.float32(Float32Array.from({ length: items * k }, () => rng.normal()));
  const prior = new FeaturePrior(pool, k, features, catalogue, weights, 1e12);
  prior.update(factors);
  // Under so strong a ridge the regression is its right-hand side over the ridge, to rounding.
  const sums = featureSums(features, catalogue, weights, factors, k);
  const ridge = (1e12 * catalogue.reduce((sum, item) => sum + weights[item]!, 0)) / catalogue.length;
  prior.featureFactors.forEach((value, n) => expect(value * ridge).toBeCloseTo(sums[n]!, 6));
  expect(prior.means).toEqual(featureMeans(features, catalogue, prior.featureFactors, k));
  const outside = prior.means.filter((_, n) => Math.floor(n / k) % 2 === 1);
  expect(outside.every((mean) => mean === 0)).toBe(true);
});
