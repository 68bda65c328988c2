import { expect, test } from 'vitest';
import { foldInQuality } from '../../scripts/fold-in/held-out.ts';
import { withoutUsers } from '../../src/experiment/held-out/users.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { prepareSplit } from '../../src/experiment/prepare.ts';
import { protocolSchema } from '../../src/experiment/protocol.ts';
import { specOf, type ModelSpec } from '../../src/models/registry.ts';
import { checkerboard, datasetOf } from '../support/datasets.ts';

const { train } = checkerboard(40, 60);
const { users, items, values } = train.ratings;
const rows = Array.from(users, (user, n): [number, number, number] => [user, items[n]!, values[n]!]);
const tags = {
  users: Int32Array.of(3, 4),
  items: Int32Array.of(0, 1),
  texts: ['slow', 'fast'],
  timestamps: Int32Array.of(1, 2),
};
const dataset: Dataset = { ...datasetOf(rows, 40, 60), tags };
const prepared = prepareSplit(dataset, protocolSchema.parse({ k: [5] }), {});

test('users that are held out leave no rating and no tag in the training set', () => {
  const { train: rest, indexOfKept } = withoutUsers(prepared, (user) => user % 4 === 3);
  expect([...rest.userIds]).toEqual([...dataset.userIds].filter((_, user) => user % 4 !== 3));
  expect(rest.byUser.rows).toBe(30);
  expect(rest.tags?.texts).toEqual(['fast']);
  expect(rest.tags?.users[0]).toBe(indexOfKept[4]);
  const kept = [...prepared.split.train.users].filter((user) => user % 4 !== 3);
  expect([...rest.ratings.users]).toEqual(kept.map((user) => indexOfKept[user]));
});

/** EASE that notes whom each fit gets. */
function observedEase(): { spec: ModelSpec; fits: string[][] } {
  const ease = specOf('ease');
  const fits: string[][] = [];
  const create: ModelSpec['create'] = async () => {
    const recommender = await ease.create();
    return {
      ...recommender,
      fit: (given, context) => {
        fits.push(Array.from<number | string>(given.userIds).map(String));
        return recommender.fit(given, context);
      },
    };
  };
  return { spec: { ...ease, create }, fits };
}

test('every user is left out of exactly one fit, and taste is found without having been trained with', async () => {
  const { spec, fits } = observedEase();
  const result = await foldInQuality(prepared, spec, { groups: 5, threads: 1 });
  const [all, ...others] = fits;
  expect(all).toHaveLength(40);
  expect(others.map((ids) => ids.length)).toEqual([32, 32, 32, 32, 32]);
  expect(all!.map((id) => others.filter((ids) => !ids.includes(id)).length)).toEqual(all!.map(() => 1));
  // With the weights of the whole model a person gets what the user got: EASE does not train users.
  expect(result.ndcg.foldedIntoOwn).toBe(result.ndcg.trained);
  // The same list for everybody holds as many movies of the wrong colour as of the right one.
  const popularity = await foldInQuality(prepared, specOf('popularity-count'), { groups: 5, threads: 1 });
  expect(result.ndcg.heldOut).toBeGreaterThan(1.5 * popularity.ndcg.heldOut);
  expect(result.heldOutAgainstTrained.difference).toBeCloseTo(result.ndcg.heldOut - result.ndcg.trained, 12);
});
