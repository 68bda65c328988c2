import { describe, expect, test } from 'vitest';
import { createMf } from '../../src/models/mf/index.ts';
import { mfOptions, solverDefaults } from '../../src/models/mf/options.ts';
import type { TrainingSet } from '../../src/data/training-set.ts';
import { checkerboard, fitContext, trainOn } from '../support/datasets.ts';

describe('options of MF', () => {
  test('the defaults of the chosen solver are filled in, and no other solver is mentioned', () => {
    expect(mfOptions.parse({})).toEqual({ solver: 'ials', ...solverDefaults.ials });
    expect(mfOptions.parse({ solver: 'sgd', factors: 8 })).toEqual({
      solver: 'sgd',
      ...solverDefaults.sgd,
      factors: 8,
    });
  });

  test('an option that is left undefined keeps its default', () => {
    expect(mfOptions.parse({ factors: undefined }).factors).toBe(solverDefaults.ials.factors);
  });

  test('an option of another solver is refused, with what there is', () => {
    const result = mfOptions.safeParse({ solver: 'sgd', unobservedWeight: 0.1 });
    expect(result.error?.issues[0]?.path).toEqual(['unobservedWeight']);
    expect(result.error?.issues[0]?.message).toMatch(
      /not an option of solver 'sgd', which has factors, epochs/,
    );
  });

  test('parsing what was parsed changes nothing', () => {
    const once = mfOptions.parse({ solver: 'bpr' });
    expect(mfOptions.parse(once)).toEqual(once);
  });
});

/** Scores of every movie that user 0 has not rated. */
async function scoresFor(train: TrainingSet, options: Record<string, unknown>): Promise<Map<number, number>> {
  const parsed = mfOptions.parse({ factors: 8, iterations: 8, ...options });
  const fitted = await createMf(parsed).fit(train, fitContext());
  const { items, scores } = await fitted.recommend(Int32Array.of(0), train.itemCount);
  return new Map(
    Array.from(items, (item, rank) => [item, scores[rank]!] as const).filter(([item]) => item >= 0),
  );
}

describe('implicit ALS', () => {
  test('with genres, a movie with one low rating moves towards the fans of its genre', async () => {
    // Even users rate even movies (dramas in this helper), odd ones odd movies (comedies). User 2 alone rated 18 and 19.
    const rows: [number, number, number][] = [];
    for (let user = 0; user < 20; user++) {
      for (let item = user % 2; item < 18; item += 2) if ((user + item) % 3 !== 0) rows.push([user, item, 5]);
    }
    const train = trainOn([...rows, [2, 18, 2], [2, 19, 2]], 20, 20);
    const without = await scoresFor(train, {});
    const prior = await scoresFor(train, { features: ['genres'] });
    expect(without.get(18)! / without.get(19)!).toBeCloseTo(1, 2);
    expect(prior.get(18)!).toBeGreaterThan(10 * without.get(18)!);
    expect(prior.get(19)!).toBeLessThan(without.get(19)!);
  });

  test('a movie that others rated 1 scores like one that they rated 5 only without the target exponent', async () => {
    const rows: [number, number, number][] = [];
    for (let user = 0; user < 12; user++) {
      for (let item = 2; item < 10; item++) rows.push([user, item, 5]);
      if (user > 0) rows.push([user, 0, 5], [user, 1, 1]);
    }
    const train = trainOn(rows, 12, 10);
    const ratio = (scores: Map<number, number>) => scores.get(0)! / scores.get(1)!;
    expect(ratio(await scoresFor(train, { targetExponent: 0 }))).toBeCloseTo(1, 2);
    expect(ratio(await scoresFor(train, { targetExponent: 2 }))).toBeGreaterThan(5);
  });

  test('conjugate gradients find the factors of Cholesky', async () => {
    const { train } = checkerboard();
    const options = { iterations: 30, regularization: 0.2 }; // enough of both for one minimum, and to get there
    const exact = await scoresFor(train, { ...options, conjugateGradientSteps: 0 });
    const iterative = await scoresFor(train, options);
    for (const [item, score] of exact) expect(iterative.get(item)).toBeCloseTo(score, 3);
  });

  test('a number of factors that is no multiple of eight is what it says', async () => {
    const { train } = checkerboard();
    const model = await createMf(mfOptions.parse({ factors: 5, iterations: 2 })).fit(train, fitContext());
    const { userFactors } = model.save!();
    const columns = Array.from({ length: 8 }, (_, factor) =>
      Array.from(userFactors!).some((value, index) => index % 8 === factor && value !== 0),
    );
    expect(columns).toEqual([true, true, true, true, true, false, false, false]);
  });
});
