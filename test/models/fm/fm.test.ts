import { describe, expect, test } from 'vitest';
import { createFm, fitMachine } from '../../../src/models/fm/index.ts';
import { fmOptions, solverDefaults, type Solver } from '../../../src/models/fm/options.ts';
import { checkerboard, fitContext, trainOn } from '../../support/datasets.ts';
import { fmScore, inputOf } from './score.ts';

const solvers = Object.keys(solverDefaults) as Solver[];

/** Few factors and rounds: enough for a few dozen ratings. */
const small: Record<Solver, Record<string, unknown>> = {
  ials: { solver: 'ials', factors: 8, iterations: 8 },
  bpr: { solver: 'bpr', factors: 8, epochs: 100 },
  pointwise: { solver: 'pointwise', factors: 8, epochs: 100 },
};

describe.each(solvers)('a factorization machine fitted by %s', (solver) => {
  test('ranks by the score of the machine, up to a constant per user', async () => {
    const { train } = checkerboard();
    const options = fmOptions.parse(small[solver]);
    const { machine, features } = await fitMachine(options, train, fitContext());
    const fitted = await createFm(options).fit(train, fitContext());
    const { items, scores, k } = await fitted.recommend(Int32Array.of(0, 7), 10);
    [0, 7].forEach((user, row) => {
      const constants = Array.from({ length: k }, (_, rank) => {
        const item = items[row * k + rank]!;
        return fmScore(machine, inputOf(machine, features, user, item)) - scores[row * k + rank]!;
      });
      for (const constant of constants) expect(constant).toBeCloseTo(constants[0]!, 5);
    });
  });

  test('learns a vector for every feature of the catalogue', async () => {
    const options = fmOptions.parse(small[solver]);
    const { machine } = await fitMachine(options, checkerboard().train, fitContext());
    expect(machine.features).toBe(4); // Comedy and Drama, 1990 and 2000
    const first = (machine.users + machine.items) * machine.k;
    for (let feature = 0; feature < machine.features; feature++) {
      const vector = machine.factors.subarray(first + feature * machine.k, first + (feature + 1) * machine.k);
      expect(vector.some((value) => Math.abs(value) > 1e-4)).toBe(true);
    }
  });

  test('without feature fields has a column per user and item only', async () => {
    const options = fmOptions.parse({ ...small[solver], fields: ['user', 'item'] });
    const { machine } = await fitMachine(options, checkerboard().train, fitContext());
    expect(machine.weights).toHaveLength(40 + 30);
  });
});

/** Even users give even movies (dramas in this helper) 5 stars, odd users odd ones (comedies); `other` to the rest. */
function twoTastes(other: 1 | null): [number, number, number][] {
  const rows: [number, number, number][] = [];
  for (let user = 0; user < 20; user++) {
    for (let item = 0; item < 18; item++) {
      const stars = user % 2 === item % 2 ? 5 : other;
      if (stars !== null && (user * 5 + item * 3) % 7 < 4) rows.push([user, item, stars]);
    }
  }
  return rows;
}

test('ials: a movie with one rating ranks by its genre for users who never saw it', async () => {
  // Movies 18 and 19 have one rating each, from user 20, who rated nothing else: only their genre tells them apart.
  const train = trainOn([...twoTastes(null), [20, 18, 4], [20, 19, 4]], 21, 20);
  const options = fmOptions.parse({ ...small.ials, fields: ['user', 'item', 'genres'] });
  const fitted = await createFm(options).fit(train, fitContext());
  const { items } = await fitted.recommend(Int32Array.of(0, 1), 20);
  const rank = (row: number, item: number) => items.subarray(row * 20, (row + 1) * 20).indexOf(item);
  expect(rank(0, 18)).toBeLessThan(rank(0, 19)); // user 0 likes dramas
  expect(rank(1, 19)).toBeLessThan(rank(1, 18)); // user 1 likes comedies
});

test('bpr: every user is nearer to the genre that the user likes', async () => {
  const options = fmOptions.parse({ ...small.bpr, fields: ['user', 'item', 'genres'] });
  const { machine } = await fitMachine(options, trainOn(twoTastes(null), 20, 20), fitContext());
  const { k, factors, users, items } = machine;
  const affinity = (user: number, feature: number) => {
    let dot = 0;
    for (let f = 0; f < k; f++) dot += factors[user * k + f]! * factors[(users + items + feature) * k + f]!;
    return dot;
  };
  const [comedy, drama] = [0, 1]; // features are in alphabetical order
  for (let user = 0; user < 20; user++) {
    const difference = affinity(user, drama) - affinity(user, comedy);
    expect(user % 2 === 0 ? difference : -difference).toBeGreaterThan(0);
  }
});

test('pointwise: the stars of a movie without ratings are predicted from its features', async () => {
  const train = trainOn(twoTastes(1), 20, 20);
  const options = { fields: ['user', 'item', 'genres'], featureScale: 1, featureRegularization: 0.01 };
  const fitted = await createFm(fmOptions.parse({ ...small.pointwise, ...options })).fit(train, fitContext());
  const [drama, comedy] = fitted.predict!(Int32Array.of(0, 0), Int32Array.of(18, 19));
  expect(drama! - comedy!).toBeGreaterThan(1); // user 0 gives dramas 5 and comedies 1
});

test('pointwise: predictions stay on the scale', async () => {
  const fitted = await createFm(fmOptions.parse(small.pointwise)).fit(checkerboard().train, fitContext());
  const users = Int32Array.from({ length: 40 * 30 }, (_, n) => Math.floor(n / 30));
  const stars = fitted.predict!(
    users,
    users.map((_, n) => n % 30),
  );
  expect(Math.min(...stars)).toBeGreaterThanOrEqual(0.5);
  expect(Math.max(...stars)).toBeLessThanOrEqual(5);
});

describe('options', () => {
  test('the default solver gets its own defaults', () => {
    expect(fmOptions.parse({})).toEqual({ solver: 'ials', ...solverDefaults.ials });
  });

  test('user and item cannot be left out of the fields', () => {
    const result = fmOptions.safeParse({ fields: ['user', 'genres'] });
    expect(result.error?.issues[0]?.message).toMatch(/user and item must be among/);
  });

  test('an option of another solver is refused', () => {
    const result = fmOptions.safeParse({ solver: 'ials', negatives: 4 });
    expect(result.error?.issues[0]?.path).toEqual(['negatives']);
  });
});
