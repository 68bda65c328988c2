import { expect, test } from 'vitest';
import { loadDataset } from '../../src/data/loader.ts';
import { splitRatings } from '../../src/data/split.ts';
import { trainingSet } from '../../src/data/training-set.ts';
import { ratingPrediction } from '../../src/evaluation/rating-prediction.ts';
import { createMf } from '../../src/models/mf/index.ts';
import { mfOptions } from '../../src/models/mf/options.ts';
import { Rng } from '../../src/util/rng.ts';
import { checkerboard, fitContext, trainOn } from '../support/datasets.ts';
import { folder2018, has2018, skipped2018 } from '../support/release-2018.ts';

const sgd = (options: Record<string, unknown> = {}) =>
  createMf(mfOptions.parse({ solver: 'sgd', ...options }));

test('predicts a rating that is a user bias plus an item bias', async () => {
  // Stars = 2 + user / 10 + item / 10, a third of the cells held out.
  const rows: [number, number, number][] = [];
  for (let user = 0; user < 20; user++)
    for (let item = 0; item < 10; item++)
      if ((user + item) % 3 !== 0) rows.push([user, item, 2 + user / 10 + item / 10]);
  const fitted = await sgd({ factors: 8, regularization: 0.5, biasRegularization: 0.001 }).fit(
    trainOn(rows, 20, 10),
    fitContext(),
  );
  const [low, high] = fitted.predict!(Int32Array.of(0, 19), Int32Array.of(0, 8));
  expect(low).toBeCloseTo(2, 0);
  expect(high).toBeCloseTo(4.7, 0);
  expect(high! - low!).toBeGreaterThan(2);
});

test('a user and a movie without ratings are predicted at the mean', async () => {
  const train = trainOn(
    [
      [0, 0, 2],
      [1, 0, 4],
    ],
    3,
    2,
  );
  const fitted = await sgd({ epochs: 1 }).fit(train, fitContext());
  expect(fitted.predict!(Int32Array.of(2), Int32Array.of(1))[0]).toBe(3);
});

test('predictions stay on the scale of the ratings', async () => {
  const { train } = checkerboard();
  const fitted = await sgd({ regularization: 0, biasRegularization: 0, learningRate: 0.1 }).fit(
    train,
    fitContext(),
  );
  const users = Int32Array.from({ length: 40 * 30 }, (_, n) => Math.floor(n / 30));
  const items = users.map((_, n) => n % 30);
  for (const stars of fitted.predict!(users, items)) {
    expect(stars).toBeGreaterThanOrEqual(0.5);
    expect(stars).toBeLessThanOrEqual(5);
  }
});

// 0.875 is asked for on the 2018 release, where the prototype had 0.85; the 2016 release is harder.
const releases = [
  { name: 'ml-latest-small-2016', folder: 'ml-latest-small-2016', limit: 0.89, isHere: true, skipped: '' },
  { name: 'the release of 2018', folder: folder2018, limit: 0.855, isHere: has2018, skipped: skipped2018 },
];

for (const { name, folder, limit, isHere, skipped } of releases) {
  test.runIf(isHere)(`on a random split of ${name} the RMSE is below ${limit} stars${skipped}`, async () => {
    const dataset = await loadDataset(folder);
    const parts = splitRatings(dataset, { kind: 'global-random', testShare: 0.2 }, new Rng(1));
    const train = trainingSet(dataset, parts.train, parts.test);
    const fitted = await sgd().fit(train, fitContext());
    const { rmse } = ratingPrediction(fitted.predict!(parts.test.users, parts.test.items), parts.test.values);
    expect(rmse).toBeLessThan(limit);
  });
}
