import { expect, test } from 'vitest';
import { createPopularity } from '../../src/models/popularity/index.ts';
import { popularityOptions } from '../../src/models/popularity/options.ts';
import { fitContext, trainOn } from '../support/datasets.ts';

/** Item 0: 5 and 4. Item 1: one 5. Item 2: 4, 4, 4. Item 3: no rating. Item 4: one 5. Mean of all seven: 31/7. */
const train = trainOn(
  [
    [0, 0, 5],
    [1, 0, 4],
    [0, 1, 5],
    [0, 2, 4],
    [1, 2, 4],
    [2, 2, 4],
    [3, 4, 5],
  ],
  5,
  5,
);

async function listFor(user: number, options: { by: 'mean' | 'count' | 'damped'; damping?: number }, k = 3) {
  const fitted = await createPopularity(popularityOptions.parse(options)).fit(train, fitContext());
  const { items, scores } = await fitted.recommend(Int32Array.of(user), k);
  return { items: Array.from(items), scores: Array.from(scores) };
}

test('by mean, one rating of 5 beats many of 4, and equal means go by ascending movie id', async () => {
  expect(await listFor(4, { by: 'mean' })).toEqual({ items: [1, 4, 0], scores: [5, 5, 4.5] });
});

test('by count, the most rated come first', async () => {
  expect(await listFor(4, { by: 'count' })).toEqual({ items: [2, 0, 1], scores: [3, 2, 1] });
});

test('the damped mean of n ratings is (sum + d mean) / (n + d)', async () => {
  const mean = 31 / 7;
  const { items, scores } = await listFor(4, { by: 'damped', damping: 1 });
  expect(items).toEqual([1, 4, 0]);
  expect(scores[0]).toBeCloseTo((5 + mean) / 2, 6);
  expect(scores[2]).toBeCloseTo((9 + mean) / 3, 6);
});

test('a user never gets a movie that they rated, nor one without ratings', async () => {
  expect((await listFor(0, { by: 'mean' })).items).toEqual([4, -1, -1]);
});
