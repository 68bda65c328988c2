import { expect, test } from 'vitest';
import { toCsr } from '../../src/data/csr.ts';
import { FeaturePrior } from '../../src/numeric/feature-prior.ts';

test('the feature prior is the ridge regression of the factors on the features', () => {
  // Two movies of feature 0 with factors 1 and 3, one of feature 1 with factor 5; weights 1, 1, 2; mean weight 4/3.
  const features = toCsr(Int32Array.of(0, 1, 2), Int32Array.of(0, 0, 1), Float32Array.of(1, 1, 1), 3, 2);
  const strength = 0.75; // times 4/3: a ridge of 1
  const prior = new FeaturePrior(features, Int32Array.of(0, 1, 2), Float32Array.of(1, 1, 2), strength);
  const means = new Float32Array(3);
  const regression = prior.regress(Float32Array.of(1, 3, 5), 1);
  prior.predict(regression, 1, means);
  // Feature 0: (1 + 3) / (2 + 1). Feature 1: 2 * 5 / (2 + 1).
  [4 / 3, 4 / 3, 10 / 3].forEach((mean, item) => expect(means[item]).toBeCloseTo(mean, 6));
});
