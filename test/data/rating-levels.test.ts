import { expect, test } from 'vitest';
import { transpose } from '../../src/data/csr.ts';
import { ratingLevels } from '../../src/data/rating-levels.ts';
import { trainOn } from '../support/datasets.ts';

test('a level stands for one number of stars, by user and by item', () => {
  const train = trainOn(
    [
      [0, 0, 4.5],
      [0, 1, 0.5],
      [1, 1, 3],
    ],
    2,
    2,
  );
  const { stars, rows } = ratingLevels(train.byUser);
  expect([...stars]).toEqual([0.5, 3, 4.5]);
  for (const matrix of [train.byUser, transpose(train.byUser)])
    expect(Array.from(rows(matrix).levels, (level) => stars[level])).toEqual([...matrix.values]);
});

test('more than 256 different ratings are refused', () => {
  const rows = Array.from({ length: 257 }, (_, item): [number, number, number] => [0, item, 1 + item / 512]);
  expect(() => ratingLevels(trainOn(rows, 1, 257).byUser)).toThrow(/257 different rating values/);
});
