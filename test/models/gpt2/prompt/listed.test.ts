import { expect, it } from 'vitest';
import { ReasonChecker } from '../../../../src/language/reasons.ts';
import { writeList } from '../../../../src/models/gpt2/prompt/listed.ts';
import { datasetOf, trainOn } from '../../../support/datasets.ts';

// Even movies are dramas, odd ones comedies.
const train = trainOn([[0, 0, 5], [0, 2, 4], [0, 1, 2], [1, 4, 5]], 2, 8); // prettier-ignore

it('a list names genres that the user rates at the own mean or above, and never an empty one', () => {
  const { reply, entries } = writeList(train, 0, [4, 3], [0, 1, 2]);
  expect(reply).toBe(
    '1. Movie 4 (1994) - You rate Drama highly.\n2. Movie 3 (1993) - Liked by people whose ratings are like yours.\n',
  );
  const checker = new ReasonChecker(datasetOf([], 2, 8).movies);
  const shown = [0, 2, 1].map((item, n) => ({ item, stars: [5, 4, 2][n]! }));
  const claims = entries.flatMap(({ reason, item }) => checker.check(reason, shown, item));
  expect(claims.map(({ verdict }) => verdict)).toEqual(['supported']);
});

it('a genre without a rating in the history that was shown is called new', () => {
  const { entries } = writeList(train, 0, [3], [0, 2]);
  expect(entries[0]!.reason).toBe('Something new for you: Comedy.');
});

it('a genre is not liked for the only rating of a person, or for ratings that are all the same, where they are low', () => {
  const low = trainOn([[0, 0, 1], [1, 1, 3], [1, 2, 3], [2, 0, 4.5]], 3, 8); // prettier-ignore
  const reasons = [0, 1, 2].map((user) => writeList(low, user, [4], [0, 1, 2]).entries[0]!.reason);
  const nothing = 'Liked by people whose ratings are like yours.';
  expect(reasons).toEqual([nothing, nothing, 'You rate Drama highly.']);
});
