import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/util/rng.ts';

describe('Rng', () => {
  it('gives the same stream for the same seed and another for another', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 5 },
        (
          (rng) => () =>
            rng.uint32()
        )(new Rng(seed)),
      );
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
  });

  it('derives a named child that does not depend on what was drawn before', () => {
    const fresh = new Rng(42).derive('split');
    const used = new Rng(42);
    for (let n = 0; n < 100; n++) used.uint32();
    expect(used.derive('split').uint32()).toBe(fresh.uint32());
    expect(new Rng(42).derive('a').uint32()).not.toBe(new Rng(42).derive('b').uint32());
  });

  it('draws integers uniformly: chi-square over 10 cells stays under its 99.9% point, 27.9', () => {
    const rng = new Rng(7);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < 100_000; n++) counts[rng.int(10)]!++;
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(27.9);
  });

  it('fills an array with the integers that as many calls draw, and goes on after them', () => {
    const [one, many] = [new Rng(7), new Rng(7)];
    for (const n of [1, 10, 657, 2 ** 21]) {
      const filled = new Int32Array(1000);
      many.fillInts(filled, n);
      expect([...filled]).toEqual(Array.from(filled, () => one.int(n)));
    }
    expect(many.uint32()).toBe(one.uint32());
  });

  it('draws integers beyond 2^21 below n too, over the whole range', () => {
    const rng = new Rng(7);
    const draws = Array.from({ length: 1000 }, () => rng.int(4_000_000_000));
    expect(Math.max(...draws)).toBeLessThan(4_000_000_000);
    expect(Math.max(...draws)).toBeGreaterThan(3_900_000_000);
    expect(Math.min(...draws)).toBeLessThan(100_000_000);
    expect(draws.every(Number.isInteger)).toBe(true);
  });

  it('draws normals with mean 0 and variance 1 within four standard errors', () => {
    const rng = new Rng(7);
    const draws = Array.from({ length: 100_000 }, () => rng.normal());
    const mean = draws.reduce((a, b) => a + b) / draws.length;
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(100_000));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 100_000));
  });

  it('shuffles into a permutation', () => {
    const values = new Rng(1).shuffle(Int32Array.from({ length: 100 }, (_, n) => n));
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect([...values]).not.toEqual([...values].sort((a, b) => a - b));
  });

  it('continues from a saved state, in the middle of a pair of normals too', () => {
    const rng = new Rng(3);
    rng.normal();
    const copy = Rng.restore(JSON.parse(JSON.stringify(rng.state())) as ReturnType<Rng['state']>);
    expect([copy.normal(), copy.uint32(), copy.uniform()]).toEqual([
      rng.normal(),
      rng.uint32(),
      rng.uniform(),
    ]);
  });
});
