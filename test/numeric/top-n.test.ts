import { describe, expect, test } from 'vitest';
import { recommendByDotProductPlainly } from './reference/top-n.ts';
import { recommendByDotProduct, type DotProductRanking } from '../../src/numeric/top-n.ts';
import { Rng } from '../../src/util/rng.ts';

/** 37 users, 700 items of which two thirds are in the catalogue: neither a multiple of a tile or a block. */
function ranking(seed: number, draw: (rng: Rng) => number): Omit<DotProductRanking, 'threads'> {
  const rng = new Rng(seed);
  const [userCount, itemCount, factors] = [37, 700, 8];
  const matrix = (rows: number) => Float32Array.from({ length: rows * factors }, () => draw(rng));
  const catalogue = Int32Array.from({ length: itemCount }, (_, item) => item).filter(
    (item) => item % 3 !== 1,
  );
  const pointers = new Int32Array(userCount + 1);
  const indices: number[] = [];
  for (let user = 0; user < userCount; user++) {
    indices.push(...catalogue.filter(() => rng.int(10) < user % 4));
    pointers[user + 1] = indices.length;
  }
  return {
    factors,
    userFactors: matrix(userCount),
    itemFactors: matrix(itemCount),
    itemBias: Float32Array.from({ length: itemCount }, () => draw(rng)),
    catalogue,
    seen: { pointers, indices: Int32Array.from(indices) },
    users: Int32Array.from({ length: userCount }, (_, user) => userCount - 1 - user),
    k: 10,
  };
}

describe('ranking by dot product', () => {
  test('gives the items and the bits of the plain form', async () => {
    const problem = ranking(1, (rng) => rng.normal());
    expect(await recommendByDotProduct({ ...problem, threads: 1 })).toEqual(
      recommendByDotProductPlainly(problem),
    );
  });

  test('gives the same for one user as for many at once', async () => {
    const problem = { ...ranking(7, (rng) => rng.normal()), threads: 1 };
    const { items, scores } = await recommendByDotProduct(problem);
    for (const [row, user] of problem.users.entries()) {
      const one = await recommendByDotProduct({ ...problem, users: Int32Array.of(user) });
      expect(one.items).toEqual(items.slice(10 * row, 10 * row + 10));
      expect(one.scores).toEqual(scores.slice(10 * row, 10 * row + 10));
    }
  });

  test('does so where nearly all blocks are passed over, their vectors being too short', async () => {
    const problem = ranking(6, (rng) => rng.normal());
    const { factors, itemFactors } = problem;
    for (let n = 0; n < itemFactors.length; n++) itemFactors[n]! /= 1 + (Math.floor(n / factors) % 100) ** 2;
    problem.itemBias!.fill(0);
    expect(await recommendByDotProduct({ ...problem, threads: 1 })).toEqual(
      recommendByDotProductPlainly(problem),
    );
  });

  test('breaks ties by ascending item index', async () => {
    const problem = ranking(2, (rng) => rng.int(2)); // small integers: many equal scores
    expect(await recommendByDotProduct({ ...problem, threads: 1 })).toEqual(
      recommendByDotProductPlainly(problem),
    );
  });

  test('pads the list of a user who has seen nearly everything', async () => {
    const problem = ranking(3, (rng) => rng.normal());
    const { catalogue } = problem;
    const pointers = new Int32Array(38).fill(catalogue.length - 2);
    pointers[0] = 0;
    const short = {
      ...problem,
      seen: { pointers, indices: catalogue.slice(2) },
      users: Int32Array.of(0),
      k: 4,
    };
    const { items, scores } = await recommendByDotProduct({ ...short, threads: 1 });
    expect(Array.from(items.subarray(2))).toEqual([-1, -1]);
    expect(Array.from(scores.subarray(2))).toEqual([0, 0]);
    expect([...items.subarray(0, 2)].sort((a, b) => a - b)).toEqual([catalogue[0], catalogue[1]]);
  });

  test('never recommends an item whose score is not a number', async () => {
    const problem = ranking(4, (rng) => rng.normal());
    const broken = problem.catalogue[0]!;
    problem.itemFactors.fill(NaN, broken * 8, broken * 8 + 8);
    const { items } = await recommendByDotProduct({ ...problem, threads: 1 });
    expect(items).not.toContain(broken);
  });

  test('stops with AbortedError when the signal has fired', async () => {
    const problem = ranking(5, (rng) => rng.normal());
    const aborted = recommendByDotProduct({ ...problem, threads: 1, signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow('stopped while recommending');
  });
});
