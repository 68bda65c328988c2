import { describe, expect, it } from 'vitest';
import type { Csr } from '../../src/data/csr.ts';
import { foldInWithRidge } from '../../src/models/factorization/fold-in.ts';
import { specOf } from '../../src/models/registry.ts';
import type { UsableModel } from '../../src/models/saved.ts';
import { rowsOfHistories } from '../../src/use/history.ts';
import { checkerboard, fitContext } from '../support/datasets.ts';

// Every user has more than the seven ratings up to which a fit shares matrices between rows.
const { train } = checkerboard(40, 60);
const users = Int32Array.from({ length: train.userCount }, (_, user) => user);

async function fit(name: string, options: Record<string, unknown>): Promise<UsableModel> {
  return (await specOf(name, options).create()).fit(train, fitContext());
}

const row = (matrix: Csr, user: number) =>
  new Map(
    Array.from(matrix.indices.subarray(matrix.pointers[user], matrix.pointers[user + 1]), (item, n) => [
      item,
      matrix.values[matrix.pointers[user]! + n]!,
    ]),
  );

describe('a person who is not in the data', () => {
  it.each([
    ['mf', { factors: 8, conjugateGradientSteps: 0 }],
    ['popularity', {}],
    ['popularity', { by: 'count' }],
  ])('gets from %s, to the digit, what a user with the same ratings got', async (name, options) => {
    const model = await fit(name, options);
    for (const user of users) expect(row(train.byUser, user).size).toBeGreaterThan(7);
    const people = await model.foldIn!(train.byUser);
    expect(await people.recommend(users, 10)).toEqual(await model.recommend(users, 10));
  });

  it.each(['mf', 'fm'])(
    'gets from %s the same at the first request and later, beside whomever',
    async (name) => {
      const model = await fit(name, { factors: 8 });
      const everybody = await (await model.foldIn!(train.byUser)).recommend(users, 10);
      for (const user of [3, 0]) {
        const alone = await model.foldIn!(rowsOfHistories([row(train.byUser, user)], train.itemCount));
        const { items, scores } = await alone.recommend(Int32Array.of(0), 10);
        expect(items).toEqual(everybody.items.slice(10 * user, 10 * user + 10));
        expect(scores).toEqual(everybody.scores.slice(10 * user, 10 * user + 10));
      }
    },
  );

  it('gets from fm, to rounding, what a user with the same ratings got', async () => {
    // A machine keeps movies and features apart and adds them up again, which moves the last digit of a movie's vector.
    const model = await fit('fm', { factors: 8, conjugateGradientSteps: 0 });
    const people = await model.foldIn!(train.byUser);
    const [own, folded] = [await model.recommend(users, 10), await people.recommend(users, 10)];
    expect(folded.items).toEqual(own.items);
    for (const [n, score] of own.scores.entries()) expect(folded.scores[n]).toBeCloseTo(score, 5);
  });

  it('is folded in without penalties by fewer ratings than factors', async () => {
    // One rating of 5 over a mean of 3, of a movie at (1, 2): of all p and b with p1 + 2 p2 + b = 2, the shortest.
    const model = { k: 2, userFactors: new Float32Array(), itemFactors: Float32Array.of(1, 2) };
    const ratings = { ...train.ratings, values: Float32Array.of(3) };
    const foldIn = foldInWithRidge({ regularization: 0, biasRegularization: 0 }, { ratings }, model);
    const { userFactors, userBias } = await foldIn(rowsOfHistories([new Map([[0, 5]])], 1));
    [1 / 3, 2 / 3].forEach((value, f) => expect(userFactors[f]).toBeCloseTo(value, 6));
    expect(userBias![0]).toBeCloseTo(3 + 1 / 3, 6);
  });

  // 40 users and 30 movies: EASE inverts the movies' side; on fewer users than movies, the users'.
  it.each([40, 12])(
    'gets from EASE of %i users the scores of a user with the same ratings',
    async (count) => {
      const { train } = checkerboard(count);
      const few = users.subarray(0, count);
      const model: UsableModel = await (
        await specOf('ease', { regularization: 5 }).create()
      ).fit(train, fitContext());
      expect(model.facts).toMatchObject({ inverted: count === 40 ? 'movies' : 'users' });
      const everything = { candidates: train.catalogue, includeSeen: true };
      const people = await model.foldIn!(train.byUser);
      const own = await model.recommend(few, 30, everything);
      const folded = await people.recommend(few, 30, everything);
      for (let n = 0; n < own.scores.length; n++) expect(folded.scores[n]).toBeCloseTo(own.scores[n]!, 5);
    },
  );

  it.each([40, 12])(
    'has in EASE of %i users the reasons without which the score falls by their weight',
    async (count) => {
      const { train } = checkerboard(count);
      const spec = specOf('ease', { regularization: 5 });
      const model: UsableModel = await (await spec.create()).fit(train, fitContext());
      const { items } = await model.recommend(Int32Array.of(0), 1);
      const [reason] = model.explain!(0, items, 3)[0]!;
      const whole = row(train.byUser, 0);
      const rest = new Map([...whole].filter(([item]) => item !== reason!.because));
      expect(rest.size).toBe(whole.size - 1);
      const people = await model.foldIn!(rowsOfHistories([whole, rest], train.itemCount));
      const { scores } = await people.recommend(Int32Array.of(0, 1), 1, { candidates: items });
      expect(scores[0]! - scores[1]!).toBeCloseTo(reason!.weight, 5);
    },
  );

  it.each([
    ['mf', { factors: 8 }],
    ['mf', { solver: 'sgd', factors: 8 }],
    ['fm', { factors: 8 }],
    ['fm', { solver: 'pointwise', factors: 8 }],
    ['ease', {}],
  ])('of the even colour gets even movies from %s %o, whoever is asked for beside', async (name, options) => {
    const model = await fit(name, options);
    const even = new Map(
      [0, 2, 4, 6].map((item) => [item, 5]).concat([1, 3].map((item) => [item, 1])) as [number, number][],
    );
    const odd = new Map([1, 3, 5].map((item) => [item, 5] as const));
    const alone = await model.foldIn!(rowsOfHistories([even], train.itemCount));
    const { items, scores } = await alone.recommend(Int32Array.of(0), 5);
    expect([...items].every((item) => item % 2 === 0 && item > 6)).toBe(true);
    const both = await model.foldIn!(rowsOfHistories([odd, odd, odd, even], train.itemCount));
    expect(await both.recommend(Int32Array.of(3), 5)).toEqual({ k: 5, items, scores });
  });

  it.each([
    ['mf', { factors: 8 }],
    ['mf', { solver: 'sgd', factors: 8 }],
    ['ease', {}],
  ])('hears from %s %o only of movies that were liked', async (name, options) => {
    const model = await fit(name, options);
    const people = [
      [[2, 1]], // the only rating, and a bad one
      [[2, 5]],
      [
        [0, 2],
        [2, 2],
        [4, 2],
      ], // all alike, and low
      [
        [0, 1],
        [2, 2],
        [4, 1],
      ], // above the person's own mean
      [
        [0, 4],
        [2, 5],
        [4, 4.5],
      ], // 4 stars and more
    ].map((ratings) => new Map(ratings as [number, number][]));
    const folded = await model.foldIn!(rowsOfHistories(people, train.itemCount));
    const named = people.map((_, person) => [
      ...new Set(
        folded.explain!(person, Int32Array.of(6, 8, 10), 3).flatMap((own) => own.map((r) => r.because)),
      ),
    ]);
    expect(named.map((own) => own.sort((a, b) => Number(a) - Number(b)))).toEqual([
      [],
      [2],
      [],
      [2],
      [0, 2, 4],
    ]);
  });
});
