import { expect, test } from 'vitest';
import { choleskyFactor, choleskySolve } from '../../src/numeric/cholesky.ts';
import { createEase } from '../../src/models/ease/index.ts';
import { itemsOf } from '../../src/models/ease/matrix.ts';
import { easeOptions, MAX_INVERSE_ROWS, type EaseOptions } from '../../src/models/ease/options.ts';
import type { TrainingSet } from '../../src/data/training-set.ts';
import { checkerboard, fitContext } from '../support/datasets.ts';
import { failingProgress } from '../support/progress.ts';

/** Scores of `user` by the definition: P inverted densely, B = I - P diag(1/P_jj), row of X times B. */
function scoresByDefinition(train: TrainingSet, user: number, regularization: number): Map<number, number> {
  const n = train.itemCount;
  const dense = Array.from({ length: train.userCount }, () => new Float64Array(n));
  train.ratings.values.forEach((stars, p) => {
    dense[train.ratings.users[p]!]![train.ratings.items[p]!] = (stars / 4) ** 2;
  });
  const a = new Float64Array(n * n);
  const p = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    p[i * n + i] = 1;
    for (let j = 0; j < n; j++) a[i * n + j] = dense.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
    a[i * n + i]! += regularization;
  }
  choleskySolve(choleskyFactor(a, n), n, p, n);
  const scores = new Map<number, number>();
  for (const j of train.catalogue) {
    if (dense[user]![j] !== 0) continue;
    let score = 0;
    for (let i = 0; i < n; i++) if (i !== j) score -= (dense[user]![i]! * p[i * n + j]!) / p[j * n + j]!;
    scores.set(j, score);
  }
  return scores;
}

async function ranking(train: TrainingSet, options: Partial<EaseOptions>) {
  const fitted = await createEase(easeOptions.parse(options)).fit(train, fitContext());
  return { ...(await fitted.recommend(Int32Array.of(3), 5)), facts: fitted.facts };
}

test.each([
  ['users', 20, 30],
  ['movies', 60, 30],
] as const)(
  'inverting on the side of the %s gives the scores of the definition',
  async (side, users, items) => {
    const { train } = checkerboard(users, items);
    const { items: list, scores, facts } = await ranking(train, { regularization: 7 });
    const expected = scoresByDefinition(train, 3, 7);
    expect(facts?.['inverted']).toBe(side);
    // By score, not by order: the checkerboard has movies whose scores are equal but for rounding.
    list.forEach((item, rank) => expect(scores[rank]).toBeCloseTo(expected.get(item)!, 5));
    const best = [...expected.values()].sort((a, b) => b - a).slice(0, 5);
    best.forEach((score, rank) => expect(scores[rank]).toBeCloseTo(score, 5));
  },
);

test('lists of many users at once are those of each alone, to the digit', async () => {
  const { train } = checkerboard(60, 30);
  const fitted = await createEase(easeOptions.parse({})).fit(train, fitContext());
  const users = Int32Array.from({ length: 60 }, (_, user) => user);
  const { items, scores } = await fitted.recommend(users, 5);
  for (const user of users) {
    const alone = await fitted.recommend(Int32Array.of(user), 5);
    expect(items.subarray(user * 5, user * 5 + 5)).toEqual(alone.items);
    expect(scores.subarray(user * 5, user * 5 + 5)).toEqual(alone.scores);
  }
});

test('features enter as further rows', async () => {
  const { train } = checkerboard(20, 30);
  const without = await ranking(train, {});
  const withGenres = await ranking(train, { features: ['genres', 'decade'] });
  expect(without.facts?.['rows']).toBe(20);
  // Two genres and two decades (1990s and 2000s) in the checkerboard.
  expect(withGenres.facts?.['rows']).toBe(24);
});

test('with maxItems only the most rated movies are taken, and the rest is never recommended', async () => {
  const { train } = checkerboard(20, 30);
  const counts = train.ratingCounts;
  const taken = new Set([...train.catalogue].sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, 12));
  const { items, facts } = await ranking(train, { maxItems: 12 });
  expect(facts).toEqual({ inverted: 'movies', rows: 12, items: 12 });
  const listed = [...items].filter((item) => item >= 0);
  expect(listed.length).toBeGreaterThan(0);
  for (const item of listed) expect(taken.has(item)).toBe(true);
});

test('where neither users nor movies are few enough to invert, the most rated movies are taken', () => {
  const size = MAX_INVERSE_ROWS + 5;
  const train = {
    userCount: size,
    catalogue: Int32Array.from({ length: size }, (_, item) => item),
    ratingCounts: Int32Array.from({ length: size }, (_, item) => (item < 5 ? 1 : 2)),
  };
  const taken = itemsOf(train, undefined);
  expect([taken.length, taken[0], taken.at(-1)]).toEqual([MAX_INVERSE_ROWS, 5, size - 1]);
  expect(itemsOf({ ...train, userCount: 10 }, undefined)).toHaveLength(size);
});

test.each(['EASE', 'recommend'])('work that fails ends its progress: %s', async (label) => {
  const { progress, open } = failingProgress(label);
  const { train } = checkerboard();
  const work = async () => {
    const fitted = await createEase(easeOptions.parse({})).fit(train, { ...fitContext(), progress });
    await fitted.recommend(Int32Array.of(3), 5);
  };
  await expect(work()).rejects.toThrow('no step');
  expect([...open]).toEqual([]);
});
