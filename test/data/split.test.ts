import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dataset, Ratings } from '../../src/data/dataset.ts';
import type { SplitKind } from '../../src/data/dataset.ts';
import { rowsAt } from '../../src/data/ratings/rows.ts';
import { carveValidation, splitDigest, splitRatings } from '../../src/data/split.ts';
import { trainingSet } from '../../src/data/training-set.ts';
import { Rng } from '../../src/util/rng.ts';
import { datasetOf } from '../support/datasets.ts';

const kinds: SplitKind[] = [
  'per-user-random',
  'global-random',
  'per-user-temporal',
  'global-temporal',
  'leave-last-one-out',
];

/** Three users with eight movies each, so that no part comes out empty. */
const base = Array.from({ length: 24 }, (_, n): [number, number, number, number] => [
  n % 3,
  Math.floor(n / 3),
  1 + (n % 10),
  n,
]);

/** Besides these, random ratings of 8 users and 16 movies, at times that repeat. */
const datasets = fc
  .uniqueArray(fc.tuple(fc.nat(7), fc.nat(15), fc.integer({ min: 1, max: 10 }), fc.nat(30)), {
    maxLength: 80,
    selector: ([user, item]) => 16 * user + item,
  })
  .map((more) => {
    const rows = [...base, ...more.filter(([user, item]) => user > 2 || item > 7)];
    const dataset = datasetOf(
      rows.map(([user, item, halves]) => [user, item, halves / 2]),
      8,
      16,
    );
    dataset.ratings.timestamps = Int32Array.from(rows, ([, , , day]) => 1_000_000_000 + 86_400 * day);
    return dataset;
  });

const rowsOf = ({ users, items, values, timestamps }: Ratings) =>
  Array.from(users, (user, n) => `${user} ${items[n]} ${values[n]} ${timestamps[n]}`);

const split = (dataset: Dataset, kind: SplitKind, seed = 1, testShare = 0.25) =>
  splitRatings(dataset, { kind, testShare }, new Rng(seed));

describe.each(kinds)('the %s split', (kind) => {
  it('puts every rating on one side, in the order that it had', () => {
    fc.assert(
      fc.property(datasets, fc.nat(99), (dataset, seed) => {
        const { train, test } = split(dataset, kind, seed);
        const all = rowsOf(dataset.ratings);
        const [inTrain, inTest] = [rowsOf(train), rowsOf(test)];
        expect([...inTrain, ...inTest].sort()).toEqual([...all].sort());
        for (const part of [inTrain, inTest]) {
          const places = part.map((row) => all.indexOf(row));
          expect(places).toEqual([...places].sort((a, b) => a - b));
        }
      }),
      { seed: 7, numRuns: 100 },
    );
  });

  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const digest = () => splitDigest(split(dataset, kind, 5), dataset);
        expect(digest()).toBe(digest());
      }),
      { seed: 8, numRuns: 20 },
    );
  });

  it('carves validation out of train alone', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const { train, test } = split(dataset, kind);
        const whole = trainingSet(dataset, train, test);
        const carved = carveValidation(whole, { kind, testShare: 0.25 }, new Rng(2));
        expect([...rowsOf(carved.train.ratings), ...rowsOf(carved.validation)].sort()).toEqual(
          rowsOf(train).sort(),
        );
      }),
      { seed: 9, numRuns: 50 },
    );
  });
});

describe('what is held out', () => {
  it('per user at random: the nearest whole number to the share, and one stays in train', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const { train, test } = split(dataset, 'per-user-random', 3, 0.25);
        for (let user = 0; user < 8; user++) {
          const count = ({ users }: Ratings) => users.filter((own) => own === user).length;
          const n = count(train) + count(test);
          if (n > 0) expect(count(test)).toBe(Math.min(n - 1, Math.round(0.25 * n)));
        }
      }),
      { seed: 10, numRuns: 100 },
    );
  });

  it('per user in time: nothing in train is later than anything in test', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const { train, test } = split(dataset, 'per-user-temporal');
        for (let user = 0; user < 8; user++) {
          const times = ({ users, timestamps }: Ratings) => timestamps.filter((_, n) => users[n] === user);
          const latest = Math.max(-Infinity, ...times(train));
          for (const time of times(test)) expect(time).toBeGreaterThanOrEqual(latest);
        }
      }),
      { seed: 11, numRuns: 100 },
    );
  });

  it('globally in time: one moment divides all ratings', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const { train, test } = split(dataset, 'global-temporal');
        if (train.users.length === 0 || test.users.length === 0) return;
        expect(Math.max(...train.timestamps)).toBeLessThan(Math.min(...test.timestamps));
      }),
      { seed: 12, numRuns: 100 },
    );
  });

  it('leave last one out: one rating, the latest, of every user with at least two', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const { train, test } = split(dataset, 'leave-last-one-out');
        for (let user = 0; user < 8; user++) {
          const own = ({ users }: Ratings) => users.filter((u) => u === user).length;
          expect(own(test)).toBe(own(train) + own(test) >= 2 ? 1 : 0);
        }
      }),
      { seed: 13, numRuns: 100 },
    );
  });

  it('needs times for a temporal split, and says so', () => {
    const dataset = datasetOf(
      [
        [0, 0, 5],
        [0, 1, 4],
      ],
      1,
      2,
    );
    dataset.ratings.timestamps.fill(0);
    for (const kind of ['per-user-temporal', 'global-temporal', 'leave-last-one-out'] as const) {
      expect(() => split(dataset, kind)).toThrow(/made by a test: .*time/);
    }
  });
});

describe('a split that would leave one part empty', () => {
  it('is refused with what to do', () => {
    const dataset = datasetOf([[0, 0, 5]], 1, 1);
    expect(() => split(dataset, 'per-user-random')).toThrow(/leaves one part empty. Use more ratings/);
  });
});

describe('the order of the rows of the ratings file', () => {
  const all = datasetOf(
    base.map(([user, item, halves]) => [user, item, halves / 2]),
    3,
    8,
  );
  const byUser = (a: number, b: number) => base[a]![0] - base[b]![0] || a - b;
  const inOrder = (order: number[]): Dataset => ({
    ...all,
    ratings: rowsAt(all.ratings, Int32Array.from(order)),
  });
  const sorted = inOrder(base.map((_, n) => n).sort(byUser));
  const reversed = inOrder(base.map((_, n) => base.length - 1 - n).sort((a, b) => -byUser(a, b)));
  const digestOf = (dataset: Dataset, kind: SplitKind) => splitDigest(split(dataset, kind), dataset);

  it.each<[SplitKind, boolean, boolean]>([
    ['per-user-random', true, false],
    ['global-random', false, false],
    ['per-user-temporal', true, true],
    ['leave-last-one-out', true, true],
    ['global-temporal', true, true],
  ])('changes a %s split as the docs say, and its digest with it', (kind, mixed, within) => {
    expect(digestOf(all, kind) === digestOf(sorted, kind)).toBe(mixed);
    expect(digestOf(reversed, kind) === digestOf(sorted, kind)).toBe(within);
  });
});

describe('the digest of a split', () => {
  it('does not depend on the order of rows, and changes with any rating or side', () => {
    const dataset = datasetOf(
      [
        [0, 0, 5],
        [0, 1, 4],
        [1, 0, 3],
      ],
      2,
      2,
    );
    const { ratings } = dataset;
    const pick = (...rows: number[]): Ratings => ({
      users: Int32Array.from(rows, (n) => ratings.users[n]!),
      items: Int32Array.from(rows, (n) => ratings.items[n]!),
      values: Float32Array.from(rows, (n) => ratings.values[n]!),
      timestamps: Int32Array.from(rows, (n) => ratings.timestamps[n]!),
    });
    const digest = (train: Ratings, test: Ratings) => splitDigest({ train, test }, dataset);
    const original = digest(pick(0, 1), pick(2));
    expect(digest(pick(1, 0), pick(2))).toBe(original);
    expect(digest(pick(0, 2), pick(1))).not.toBe(original);
    const other = pick(0, 1);
    other.values[0] = 4.5;
    expect(digest(other, pick(2))).not.toBe(original);
  });
});

describe('a training set', () => {
  it('knows neither test ratings nor the tags that belong to them', () => {
    const dataset: Dataset = {
      ...datasetOf(
        [
          [0, 0, 5],
          [0, 1, 4],
          [1, 1, 3],
        ],
        2,
        3,
      ),
      tags: {
        users: Int32Array.of(0, 0, 1),
        items: Int32Array.of(0, 1, 1),
        texts: ['kept', 'hidden', 'kept too'],
        timestamps: Int32Array.of(1, 2, 3),
      },
    };
    const part = (n: number): Ratings => ({
      users: dataset.ratings.users.slice(n, n + 1),
      items: dataset.ratings.items.slice(n, n + 1),
      values: dataset.ratings.values.slice(n, n + 1),
      timestamps: dataset.ratings.timestamps.slice(n, n + 1),
    });
    const train = trainingSet(dataset, part(0), part(1));
    expect(train.tags!.texts).toEqual(['kept', 'kept too']);
    expect([...train.catalogue]).toEqual([0]);
  });

  /** Users 0 and 1 rate from second 10 and 15 on, user 2 once; their tags are on movies 5 and 6, which nobody rated. */
  const untagged = datasetOf(
    [
      [0, 0, 5],
      [0, 1, 4],
      [0, 2, 4],
      [1, 0, 3],
      [1, 1, 3],
      [1, 3, 5],
      [2, 0, 4],
    ],
    3,
    7,
  );
  const tagged: Dataset = {
    ...untagged,
    ratings: { ...untagged.ratings, timestamps: Int32Array.of(10, 20, 30, 15, 25, 40, 50) },
    tags: {
      users: Int32Array.of(0, 0, 0, 1, 1, 1, 2, 2),
      items: Int32Array.of(5, 5, 6, 5, 6, 5, 5, 6),
      texts: ['0 at 29', '0 at 30', '0 at none', '1 at 30', '1 at 39', '1 at 41', '2 at 60', '2 at none'],
      timestamps: Int32Array.of(29, 30, 0, 30, 39, 41, 60, 0),
    },
  };
  const kept: Record<SplitKind, string[]> = {
    'per-user-random': tagged.tags!.texts,
    'global-random': tagged.tags!.texts,
    // User 0's test part begins at 30, user 1's at 40; user 2 has none.
    'per-user-temporal': ['0 at 29', '1 at 30', '1 at 39', '2 at 60', '2 at none'],
    'leave-last-one-out': ['0 at 29', '1 at 30', '1 at 39', '2 at 60', '2 at none'],
    // The latest 2 of 7 ratings: from 40 on.
    'global-temporal': ['0 at 29', '0 at 30', '1 at 30', '1 at 39'],
  };
  it.each(kinds)('of %s knows the tags from before the test part', (kind) => {
    const { train, test } = splitRatings(tagged, { kind, testShare: 0.3 }, new Rng(1));
    expect(trainingSet(tagged, train, test, kind).tags!.texts).toEqual(kept[kind]);
    const carved = carveValidation(trainingSet(tagged, tagged.ratings), { kind, testShare: 0.3 }, new Rng(1));
    expect(carved.train.tags!.texts).toEqual(kept[kind]);
  });
});
