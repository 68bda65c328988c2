import { describe, expect, it } from 'vitest';
import { byKey, userMetrics } from '../../src/evaluation/metric-keys.ts';
import { perUserMetrics, rankingEstimates } from '../../src/evaluation/per-user.ts';
import { seedEstimates, type SeedColumns } from '../../src/evaluation/seed-intervals.ts';
import { Rng } from '../../src/util/rng.ts';

const seed = (users: number[], ...values: number[]): SeedColumns => ({
  users: Int32Array.from(users),
  columns: byKey(userMetrics, () => Float64Array.from(values)),
});

describe('a mean over users and seeds', () => {
  it('is the mean of the seeds’ means, with their sample standard deviation', () => {
    // Means 0.2 and 0.5: their mean is 0.35, their standard deviation 0.3 / sqrt 2. The second seed lacks user 1.
    const { precision } = seedEstimates([seed([0, 1], 0.1, 0.3), seed([0], 0.5)], new Rng(1));
    expect(precision.mean).toBeCloseTo(0.35, 12);
    expect(precision.sd).toBeCloseTo(0.3 / Math.SQRT2, 12);
  });

  it('computes F1 of means within each seed', () => {
    const one = { users: Int32Array.of(0), columns: perUserMetrics([[1]], [2], 10) }; // precision 0.1, recall 0.5
    const two = { users: Int32Array.of(0), columns: perUserMetrics([[]], [2], 10) };
    const { f1OfMeans } = seedEstimates([one, two], new Rng(1));
    expect(f1OfMeans.mean).toBeCloseTo((2 * 0.1 * 0.5) / 0.6 / 2, 12);
  });

  it('has the interval of the users alone where all seeds are the same', () => {
    const users = Array.from({ length: 200 }, (_, user) => user);
    const rng = new Rng(3);
    const values = users.map(() => rng.uniform());
    const both = seedEstimates([seed(users, ...values), seed(users, ...values)], new Rng(4)).precision;
    const alone = rankingEstimates([seed(users, ...values).columns], new Rng(4))[0]!.precision;
    // Two bootstraps of 10,000 resamples: their ends differ by chance by about 1% of the width.
    for (const end of [0, 1] as const) expect(both.ci95[end]).toBeCloseTo(alone.ci95[end], 2);
    expect(both.sd).toBe(0);
  });

  it('reaches over the means of the seeds where users do not differ', () => {
    // A resample draws one of three means or a mixture of them; with probability 2/27 two draws in three more extreme.
    const users = [0, 1, 2, 3];
    const three = [0.1, 0.2, 0.6].map((value) => seed(users, value, value, value, value));
    expect(seedEstimates(three, new Rng(5)).precision.ci95).toEqual([
      expect.closeTo(0.1, 12),
      expect.closeTo(0.6, 12),
    ]);
  });

  it('is near the bootstrap for 10,001 users, where the normal approximation begins', () => {
    const rng = new Rng(6);
    const of = (count: number, shift: number) =>
      seed(
        Array.from({ length: count }, (_, user) => user),
        ...Array.from({ length: count }, () => shift + rng.uniform()),
      );
    const seeds = [of(10_001, 0), of(10_001, 0.004)];
    const large = seedEstimates(seeds, new Rng(7)).precision;
    // Users: variance 1/12 over 10,001, halved by two independent seeds; seeds: their variance over 2.
    const variance = large.sd ** 2 / 2 + 1 / 12 / 2 / 10_001;
    expect((large.ci95[1] - large.ci95[0]) / (2 * 1.96 * Math.sqrt(variance))).toBeCloseTo(1, 1);
  });
});
