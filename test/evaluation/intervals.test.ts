import { describe, expect, it } from 'vitest';
import { estimates, percentiles } from '../../src/evaluation/intervals.ts';
import { metricOf } from '../../src/evaluation/metric-keys.ts';
import { comparePaired, holm } from '../../src/evaluation/significance.ts';
import { Rng } from '../../src/util/rng.ts';

const ofMeans = { f1OfMeans: metricOf('f1OfMeans') };

const normals = (count: number, mean: number, rng: Rng) =>
  Float64Array.from({ length: count }, () => mean + rng.normal());

describe('bootstrap intervals', () => {
  it('of a mean of 400 normals are near mean ± 1.96 / 20', () => {
    const values = normals(400, 3, new Rng(1));
    const { x } = estimates({ x: values }, new Rng(2));
    const [low, high] = x.ci95;
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - x.mean) ** 2, 0) / 400);
    expect(x.mean - low).toBeCloseTo((1.96 * deviation) / 20, 2);
    expect(high - x.mean).toBeCloseTo((1.96 * deviation) / 20, 2);
  });

  it('cover the true mean in 95% of 200 samples, within four standard errors', () => {
    const rng = new Rng(3);
    let covered = 0;
    for (let n = 0; n < 200; n++) {
      const [low, high] = estimates({ x: normals(60, 0, rng) }, new Rng(n)).x.ci95;
      if (low <= 0 && 0 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(200 * (0.95 - 4 * Math.sqrt((0.95 * 0.05) / 200)));
    expect(covered).toBeLessThan(200);
  }, 120_000);

  it('join the two means to f1OfMeans, which is not the mean of F1', () => {
    const { f1OfMeans } = estimates(
      { precision: Float64Array.of(1, 0), recall: Float64Array.of(0, 1) },
      new Rng(1),
      ofMeans,
    );
    expect(f1OfMeans.mean).toBe(0.5); // the mean of the two users' F1 is 0
  });

  it('by the normal approximation agree with the bootstrap where both could be used', () => {
    const rng = new Rng(5);
    const columns = (rows: number) => ({
      precision: Float64Array.from({ length: rows }, () => rng.int(11) / 10),
      recall: Float64Array.from({ length: rows }, () => rng.uniform()),
    });
    const [few, many] = [5000, 10_001].map((rows) => estimates(columns(rows), new Rng(1), ofMeans));
    for (const name of ['precision', 'recall', 'f1OfMeans'] as const) {
      const width = ({ ci95: [low, high] }: { ci95: [number, number] }) => high - low;
      expect(width(few![name]) / width(many![name])).toBeCloseTo(Math.sqrt(10_001 / 5000), 1);
    }
  });

  it('are the same for the same seed', () => {
    const values = { x: normals(50, 0, new Rng(1)) };
    expect(estimates(values, new Rng(2))).toEqual(estimates(values, new Rng(2)));
  });

  it('refuse a mean over no users: it is no number, and certainly not 0', () => {
    expect(() => estimates({ x: new Float64Array() }, new Rng(2))).toThrow(RangeError);
  });

  it('take percentiles by linear interpolation: 2.5% of 0 to 100 is 2.5', () => {
    expect(percentiles(Float64Array.from({ length: 101 }, (_, n) => n))).toEqual([2.5, 97.5]);
  });
});

describe('paired comparison', () => {
  it('gives p = 2 / 2^10 for ten users who are all better by one: only 2 of 1024 sign patterns are as extreme', () => {
    const a = Float64Array.from({ length: 10 }, () => 1);
    const { p, difference, wins, losses } = comparePaired(a, new Float64Array(10), new Rng(1));
    expect([difference, wins, losses]).toEqual([1, 10, 0]);
    expect(p).toBeGreaterThan(2 / 1024 - 4 * Math.sqrt(2 / 1024 / 10_000));
    expect(p).toBeLessThan(2 / 1024 + 4 * Math.sqrt(2 / 1024 / 10_000) + 1e-4);
  });

  it('by the normal approximation, above 1,000 users, agrees with resampling', () => {
    const rng = new Rng(11);
    const pairs = (users: number) => [normals(users, 0.06, rng), normals(users, 0, rng)] as const;
    const [few, many] = [1000, 1001].map((users) => {
      const [a, b] = pairs(1001);
      const resampled = comparePaired(a.subarray(0, users), b.subarray(0, users), new Rng(1));
      const width = resampled.ci95[1] - resampled.ci95[0];
      const deviation = Math.sqrt(
        a.subarray(0, users).reduce((sum, v, n) => sum + (v - b[n]! - resampled.difference) ** 2, 0) / users,
      );
      return { width: (width * Math.sqrt(users)) / deviation, ...resampled };
    });
    expect(Math.abs(few!.width / (2 * 1.96) - 1)).toBeLessThan(0.03); // the ends are two of 10,000 resampled means
    expect(many!.width).toBeCloseTo(2 * 1.96, 2);
    // two-sided p of a difference of z standard errors: z = 1.96 gives 0.05
    const ones = Float64Array.from({ length: 10_000 }, (_, n) => (n % 2 === 0 ? 1 : -1) + 0.0196);
    expect(comparePaired(ones, new Float64Array(10_000), new Rng(1)).p).toBeCloseTo(0.05, 3);
  });

  it('finds no difference between a model and itself', () => {
    const a = normals(100, 0, new Rng(1));
    const same = comparePaired(a, a, new Rng(1));
    expect(same).toEqual({ difference: 0, ci95: [0, 0], p: 1, wins: 0, ties: 100, losses: 0 });
  });

  it('is antisymmetric', () => {
    const [a, b] = [normals(80, 0.2, new Rng(1)), normals(80, 0, new Rng(2))];
    const [ab, ba] = [comparePaired(a, b, new Rng(3)), comparePaired(b, a, new Rng(3))];
    expect(ba.difference).toBeCloseTo(-ab.difference, 14);
    expect([ba.wins, ba.losses, ba.p]).toEqual([ab.losses, ab.wins, ab.p]);
  });

  it('rejects at 5% about 5% of the time when nothing differs', () => {
    const rng = new Rng(9);
    let rejected = 0;
    for (let n = 0; n < 200; n++) {
      if (comparePaired(normals(30, 0, rng), normals(30, 0, rng), new Rng(n)).p < 0.05) rejected++;
    }
    expect(rejected).toBeGreaterThan(0);
    expect(rejected).toBeLessThan(200 * (0.05 + 4 * Math.sqrt((0.05 * 0.95) / 200)));
  }, 120_000);
});

describe('Holm’s correction', () => {
  it('multiplies the smallest by m, the next by m - 1, and never decreases', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((expected, n) => expect(adjusted[n]).toBeCloseTo(expected, 12));
  });

  it('stops at 1', () => {
    expect(holm([0.6, 0.7])).toEqual([1, 1]);
  });
});
