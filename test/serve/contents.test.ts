import { expect, it } from 'vitest';
import { trainingSet } from '../../src/data/training-set.ts';
import { heldOutHits, type ServedModel } from '../../src/serve/contents.ts';
import { datasetOf } from '../support/datasets.ts';

it('hits are all held-out movies of data whose ratings are equal, and those of 4 stars or more of others', () => {
  const hitsOf = (values: [number, number, number]) => {
    const dataset = datasetOf(
      values.map((value, item): [number, number, number] => [0, item, value]),
      1,
      3,
    );
    const train = trainingSet(dataset, {
      users: dataset.ratings.users.slice(0, 1),
      items: dataset.ratings.items.slice(0, 1),
      values: dataset.ratings.values.slice(0, 1),
      timestamps: dataset.ratings.timestamps.slice(0, 1),
    });
    const manifest = { fittedOn: { split: 'per-user-random' } };
    const model = { id: 'mf', saved: { manifest, train } } as unknown as ServedModel;
    const ratings = trainingSet(dataset, dataset.ratings);
    return [...heldOutHits({ ratings, isWhole: true }, model, 0)!];
  };
  expect(hitsOf([1, 1, 1])).toEqual([11, 21]); // released ids are 10 x index + 1
  expect(hitsOf([5, 4, 3.5])).toEqual([11]);
});
