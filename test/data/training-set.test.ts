import { expect, test } from 'vitest';
import { thresholdInStars, trainingSet } from '../../src/data/training-set.ts';

// 5 of 7 is 3.5714285714 stars, which 32 bits hold as 3.5714285373.
test.each([5, 6, 7, 9, 10, 20, 100])(
  'a threshold in stars divides the ratings from 1 to %s as it does in their own unit',
  (max) => {
    const values = Float32Array.from({ length: max }, (_, n) => n + 1);
    const users = new Int32Array(max);
    const items = Int32Array.from(values.keys());
    const movies = { titles: [], years: new Int16Array(max), genres: [] };
    const known = { userIds: Int32Array.of(1), itemIds: items, movies, scale: { min: 1, max, step: 1 } };
    const train = trainingSet(known, { users, items, values, timestamps: new Int32Array(max) });
    for (const threshold of values) {
      const least = thresholdInStars(threshold, train);
      expect([...train.ratings.values].filter((stars) => stars >= least)).toHaveLength(max - threshold + 1);
    }
  },
);
