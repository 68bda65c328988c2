import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toCsr } from '../../src/data/csr.ts';
import { coldHitsOf } from '../../src/evaluation/cold.ts';
import {
  evaluateLists,
  Evaluator,
  relevantItems,
  type CatalogueFacts,
  type Evaluation,
} from '../../src/evaluation/evaluator.ts';
import { metricOf, userMetrics } from '../../src/evaluation/metric-keys.ts';
import { conventions, discountTable } from '../../src/evaluation/metrics.ts';
import { perUserMetrics } from '../../src/evaluation/per-user.ts';

/** Lists and relevant items by user, ids used as indices. */
function evaluate(
  lists: Record<number, number[]>,
  relevant: Record<number, number[]>,
  k: number,
  options: { items?: number; convention?: 'lenskit' | 'rectools'; users?: Int32Array } = {},
): Evaluation {
  const items = options.items ?? 200;
  const userCount = 1 + Math.max(0, ...Object.keys({ ...lists, ...relevant }).map(Number));
  return evaluateLists(block(lists, k), truth(relevant, userCount, items), factsOf(items, userCount), {
    cutoffs: [k],
    ...(options.convention && { convention: options.convention }),
    ...(options.users && { users: options.users }),
  });
}

function block(lists: Record<number, number[]>, k: number) {
  const users = Object.keys(lists).map(Number);
  const items = users.flatMap((user) => Array.from({ length: k }, (_, n) => lists[user]![n] ?? -1));
  return { users: Int32Array.from(users), items: Int32Array.from(items), k };
}

function truth(relevant: Record<number, number[]>, userCount: number, items: number) {
  const pairs = Object.entries(relevant).flatMap(([user, own]) =>
    own.map((item) => [Number(user), item] as const),
  );
  return toCsr(
    Int32Array.from(pairs, ([user]) => user),
    Int32Array.from(pairs, ([, item]) => item),
    Float32Array.from(pairs, () => 5),
    userCount,
    items,
  );
}

function factsOf(items: number, userCount: number): CatalogueFacts {
  const genres = Array.from({ length: items }, () => ['Drama']);
  return { catalogueSize: items, usersWhoRated: new Int32Array(items).fill(1), userCount, genres };
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('numbers from other tools’ own tests', () => {
  it('RecBole: k = 3, hits 000 / 111 / 101 / 001 with 1, 3, 4, 2 relevant items', () => {
    const metrics = perUserMetrics([[], [1, 2, 3], [1, 3], [3]], [1, 3, 4, 2], 3);
    const log3 = Math.log2(3);
    expect([...metrics.precision]).toEqual([0, 1, 2 / 3, 1 / 3]);
    expect([...metrics.recall]).toEqual([0, 1, 0.5, 0.5]);
    expect([...metrics.mrr]).toEqual([0, 1, 1, 1 / 3]);
    expect(metrics.ndcg[2]).toBeCloseTo(1.5 / (1 + 1 / log3 + 0.5), 14);
    expect(metrics.ndcg[3]).toBeCloseTo(0.5 / (1 + 1 / log3), 14);
  });

  it('RecTools: k = 2; a user without a list scores 0, one without test items is left out', () => {
    const lists = { 1: [1, 2, 3], 2: [1, 2], 3: [1], 4: [1] };
    const relevant = { 1: [4, 2, 3], 3: [1], 4: [2], 5: [2] };
    const asked = Int32Array.of(1, 2, 3, 4, 5);
    const { users, counts, cutoffs } = evaluate(lists, relevant, 2, { users: asked });
    const { precision, recall, hitRate } = cutoffs[0]!.perUser;
    expect([...users]).toEqual([1, 3, 4, 5]);
    expect([...precision]).toEqual([0.5, 0.5, 0, 0]);
    expect([...recall]).toEqual([1 / 3, 1, 0, 0]);
    expect([...hitRate]).toEqual([1, 1, 0, 0]);
    expect(counts).toEqual({ evaluated: 4, withoutRelevant: 1, shortLists: 3, emptyLists: 1 });
  });

  it('Microsoft Recommenders: three users, k = 10, precision .26667, recall .37778, NDCG .38173', () => {
    const { cutoffs } = evaluate(
      { 1: [3, 10, 12], 2: [10, 3, 5, 11, 13], 3: [4, 10, 7, 13, 1, 3, 5, 2, 11, 14] },
      { 1: [3, 1, 2], 2: [1, 4, 5, 6, 7], 3: [2, 5, 6, 8, 9, 10, 11, 12, 13, 14] },
      10,
    );
    const { precision, recall, ndcg } = cutoffs[0]!.perUser;
    expect(mean(precision)).toBeCloseTo(0.26666667, 8);
    expect(mean(recall)).toBeCloseTo(0.37777778, 8);
    expect(mean(ndcg)).toBeCloseTo(0.38173, 5);
  });

  it('ranx: F1 of q1 to q4 is 1/3, 1/2, 6/11, 0 over lists of 4, 6, 8 and 7', () => {
    const f1 = (hits: number[], relevant: number, k: number) => perUserMetrics([hits], [relevant], k).f1[0];
    expect([f1([2], 2, 4), f1([2, 5], 2, 6), f1([2, 5, 7], 3, 8), f1([], 4, 7)]).toEqual([
      expect.closeTo(1 / 3, 15),
      0.5,
      expect.closeTo(6 / 11, 15),
      0,
    ]);
  });

  it('Cornac: F1 4/5 for hits at 1 and 3 of two relevant, 1/2 for a hit at 3 of one, 2/3 at k = 2', () => {
    const f1 = (hits: number[], relevant: number, k: number) => perUserMetrics([hits], [relevant], k).f1[0];
    expect(f1([1, 3], 2, 3)).toBeCloseTo(4 / 5, 15);
    expect(f1([3], 1, 3)).toBe(1 / 2);
    expect(f1([2], 1, 2)).toBeCloseTo(2 / 3, 15);
  });

  it('Cornac: NDCG@2 of a hit at rank 2 is 1 / log2(3)', () => {
    expect(perUserMetrics([[2]], [1], 2).ndcg[0]).toBeCloseTo(1 / Math.log2(3), 15);
  });
});

describe('conventions of other tools', () => {
  it('lenskit divides precision by the list’s length and recall by min(k, |R|)', () => {
    const { precision, recall } = evaluate({ 1: [1, 2] }, { 1: [1, 3, 4, 5, 6, 7] }, 4, {
      convention: 'lenskit',
    }).cutoffs[0]!.perUser;
    expect([precision[0], recall[0]]).toEqual([1 / 2, 1 / 4]);
  });

  it('rectools takes an ideal of k hits even for a user with one relevant item', () => {
    const { ndcg } = evaluate({ 1: [1, 2] }, { 1: [1] }, 2, { convention: 'rectools' }).cutoffs[0]!.perUser;
    expect(ndcg[0]).toBeCloseTo(1 / (1 + 1 / Math.log2(3)), 15);
  });

  it('elliot takes 2^(rating - threshold + 1) - 1 as the gain of each user’s own hits', () => {
    // Gains at threshold 4: 1 of a 4, 3 of a 5. The ideal list of each user has the 5 first.
    const relevant = toCsr(
      Int32Array.of(0, 0, 1, 1, 2),
      Int32Array.of(1, 2, 3, 4, 5),
      Float32Array.of(5, 4, 4, 5, 4),
      3,
      6,
    );
    const lists = block({ 0: [1, 0, 2], 1: [3, 4, 0], 2: [0, 0, 5] }, 3);
    const options = { cutoffs: [3], convention: 'elliot' as const, threshold: 4 };
    const { ndcg } = evaluateLists(lists, relevant, factsOf(6, 3), options).cutoffs[0]!.perUser;
    const second = 1 / Math.log2(3); // the discount of rank 2; that of rank 3 is 1 / 2
    expect(ndcg[0]).toBeCloseTo((3 + 1 / 2) / (3 + second), 14);
    expect(ndcg[1]).toBeCloseTo((1 + 3 * second) / (3 + second), 14);
    expect(ndcg[2]).toBeCloseTo(1 / 2, 14);
  });
});

describe('relevance', () => {
  const ratings = {
    users: Int32Array.of(0, 0, 1),
    items: Int32Array.of(0, 1, 1),
    values: Float32Array.of(4, 3.5, -1),
    timestamps: new Int32Array(3),
  };

  it('begins at the threshold', () => {
    expect([...relevantItems(ratings, 4, 2, 2).pointers]).toEqual([0, 1, 1]);
  });

  it('is every row at threshold 0, whatever the values', () => {
    expect([...relevantItems(ratings, 0, 2, 2).pointers]).toEqual([0, 2, 3]);
  });

  it('is the same whether ratings arrive by user or in another order', () => {
    const row = fc.tuple(fc.nat(5), fc.nat(50), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(fc.uniqueArray(row, { selector: ([user, item]) => user * 100 + item }), (rows) => {
        const of = (some: typeof rows) =>
          relevantItems(
            {
              users: Int32Array.from(some, ([user]) => user),
              items: Int32Array.from(some, ([, item]) => item),
              values: Float32Array.from(some, ([, , value]) => value),
              timestamps: new Int32Array(some.length),
            },
            4,
            6,
            51,
          );
        const byUser = rows.toSorted(([a], [b]) => a - b);
        const found = of(byUser);
        expect(found).toEqual(of(rows));
        const expected = byUser
          .filter(([, , value]) => value >= 4)
          .toSorted(([a, i], [b, j]) => a - b || i - j);
        expect([...found.indices]).toEqual(expected.map(([, item]) => item));
        expect([...found.values]).toEqual(expected.map(([, , value]) => value));
      }),
      { seed: 1 },
    );
  });
});

describe('a list without a hit', () => {
  it.each(Object.entries(conventions))('has 0 in every user metric by the convention %s', (_, convention) => {
    const discounts = discountTable(3, convention);
    const list = { k: 3, relevant: 2, length: 3, hits: 0, ranks: new Int32Array(), start: 0 };
    const gains = { hits: new Float64Array(), best: Float64Array.of(3, 1) };
    for (const key of userMetrics)
      expect([key, metricOf(key).perUser({ ...list, convention, discounts, gains })]).toEqual([key, 0]);
  });
});

describe('beyond accuracy', () => {
  it('coverage, Gini, novelty and diversity follow their formulas on a case done by hand', () => {
    const facts: CatalogueFacts = {
      catalogueSize: 4,
      usersWhoRated: Int32Array.of(4, 2, 1, 1),
      userCount: 4,
      genres: [['A'], ['A', 'B'], ['B'], []],
    };
    const relevant = truth({ 0: [0], 1: [1] }, 2, 4);
    const lists = { users: Int32Array.of(0, 1), items: Int32Array.of(0, 1, 0, 2), k: 2 };
    const [at] = evaluateLists(lists, relevant, facts, { cutoffs: [2] }).cutoffs;
    expect(at!.lists.coverage).toBe(3 / 4);
    expect(at!.lists.novelty).toBe((0 + 1 + 0 + 2) / 4); // -log2 of 4/4, 2/4, 4/4, 1/4
    expect(at!.lists.diversity).toBe((1 / 2 + 1) / 2); // 1 - |A n B| / |A u B| of {A},{A,B} and of {A},{B}
    expect(at!.lists.gini).toBe((-1 * 1 + 1 * 1 + 3 * 2) / (4 * 4)); // (2i - n - 1) x_i over exposures 0, 1, 1, 2
  });
});

describe('odd lists', () => {
  it('a movie that is repeated is one hit', () => {
    const { recall, ndcg } = evaluate({ 1: [1, 1] }, { 1: [1] }, 2).cutoffs[0]!.perUser;
    expect([recall[0], ndcg[0]]).toEqual([1, 1]);
  });

  it('movies without training ratings take a place in a list but are no part of the catalogue', () => {
    const facts: CatalogueFacts = {
      ...factsOf(4, 2),
      catalogueSize: 1,
      usersWhoRated: Int32Array.of(0, 1, 0, 0),
    };
    const lists = { users: Int32Array.of(0), items: Int32Array.of(2, 3, 1), k: 3 };
    const [at] = evaluateLists(lists, truth({ 0: [1] }, 2, 4), facts, { cutoffs: [3] }).cutoffs;
    expect(at!.lists).toMatchObject({ coverage: 1, gini: 0, novelty: 1 });
  });
});

const lists = fc.array(fc.uniqueArray(fc.nat(29), { maxLength: 12 }), { minLength: 1, maxLength: 6 });
const relevants = fc.array(fc.uniqueArray(fc.nat(29), { minLength: 1, maxLength: 9 }), {
  minLength: 6,
  maxLength: 6,
});

const byUser = (rows: number[][]): Record<number, number[]> => Object.fromEntries(rows.entries());

/** The definitions again, from sets, without ranks or tables. */
function naive(list: number[], relevant: number[], k: number) {
  const top = list.slice(0, k);
  const good = new Set(relevant);
  const hits = top.filter((item) => good.has(item)).length;
  const [p, r] = [hits / k, hits / relevant.length];
  const dcg = (gains: number[]) => gains.reduce((sum, gain, n) => sum + gain / Math.log2(n + 2), 0);
  const gains = top.map((item) => Number(good.has(item)));
  const precisions = gains.map((gain, n) => (gain * gains.slice(0, n + 1).filter(Boolean).length) / (n + 1));
  const first = gains.indexOf(1);
  return {
    precision: p,
    recall: r,
    f1: hits === 0 ? 0 : (2 * p * r) / (p + r),
    ndcg: dcg(gains) / dcg(Array.from({ length: Math.min(k, relevant.length) }, () => 1)),
    map: precisions.reduce((a, b) => a + b, 0) / Math.min(k, relevant.length),
    mrr: first < 0 ? 0 : 1 / (first + 1),
    hitRate: Number(hits > 0),
  };
}

describe('the evaluator, for any lists', () => {
  it('agrees with a naive reading of the definitions at several cut-offs', () => {
    fc.assert(
      fc.property(lists, relevants, (all, wanted) => {
        const cutoffs = [1, 3, 10];
        const input = block(byUser(all), 12);
        const { cutoffs: results } = evaluateLists(input, truth(byUser(wanted), 6, 30), factsOf(30, 6), {
          cutoffs,
        });
        for (const { k, perUser } of results) {
          for (const [user, relevant] of wanted.entries()) {
            const expected = naive(all[user] ?? [], relevant, k);
            for (const [name, value] of Object.entries(expected)) {
              expect(perUser[name as keyof typeof perUser][user]).toBeCloseTo(value, 12);
            }
          }
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('gives the same result whether lists come at once or in blocks, in any order', () => {
    fc.assert(
      fc.property(lists, relevants, (all, wanted) => {
        const [relevant, facts] = [truth(byUser(wanted), 6, 30), factsOf(30, 6)];
        const options = { cutoffs: [2, 5] };
        const evaluator = new Evaluator(relevant, facts, options);
        for (const [user, list] of [...all.entries()].toReversed())
          evaluator.add(block({ [user]: list }, 12));
        const whole = evaluateLists(block(byUser(all), 12), relevant, facts, options);
        const parts = evaluator.finish();
        expect(parts.hitRanks).toEqual(whole.hitRanks);
        expect(parts.cutoffs).toEqual(whole.cutoffs);
      }),
      { seed: 4, numRuns: 100 },
    );
  });
});

describe('the cold slice', () => {
  it('holds relevant movies and hits with fewer than 5 training ratings', () => {
    // Movies 1 to 4 have 0, 4, 5 and 100 training ratings; user 1 is recommended 4, 2, 3.
    const relevant = truth({ 1: [1, 2, 3, 4], 2: [4] }, 3, 5);
    const usersWhoRated = Int32Array.of(0, 0, 4, 5, 100);
    const facts = { ...factsOf(5, 3), usersWhoRated };
    const lists = {
      users: Int32Array.of(1, 2),
      items: Int32Array.of(4, 2, 3, 4, -1, -1),
      k: 3,
    };
    const found = evaluateLists(lists, relevant, facts, { cutoffs: [3], users: Int32Array.of(1, 2) });
    expect(found.hitItems.map((items) => [...items])).toEqual([[4, 2, 3], [4]]);
    expect(coldHitsOf(found, relevant, usersWhoRated)).toEqual({ relevant: [2, 0], hitRanks: [[2], []] });
  });
});
