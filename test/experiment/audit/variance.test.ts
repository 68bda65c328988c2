import { describe, expect, it } from 'vitest';
import {
  noiseHalfWidth,
  splitVariance,
  standardDeviation,
  type NestedValues,
} from '../../../src/experiment/audit/variance.ts';
import { Rng } from '../../../src/util/rng.ts';

/** Normal by the sum of twelve uniform numbers: mean 0, variance 1. */
const normal = (rng: Rng) => Array.from({ length: 12 }, () => rng.uniform()).reduce((a, b) => a + b, -6);

function nested(
  counts: [number, number, number, number],
  spread: [number, number, number, number],
): NestedValues {
  const rng = new Rng(3);
  const level = (depth: number, base: number): unknown =>
    depth === 4
      ? base
      : Array.from({ length: counts[depth]! }, () => level(depth + 1, base + spread[depth]! * normal(rng)));
  return level(0, 0) as NestedValues;
}

describe('variance components', () => {
  it('are those that the values were drawn with, within sampling error', () => {
    const found = splitVariance(nested([3000, 3, 3, 3], [2, 1, 0.5, 0.25]));
    expect(found.users! / 4).toBeCloseTo(1, 0.8);
    expect(found.wording).toBeCloseTo(1, 1);
    expect(found.order).toBeCloseTo(0.25, 1);
    expect(found.repeats).toBeCloseTo(0.0625, 2);
  });

  it('by hand: two users with two repeats each, 0 and 2, 4 and 6', () => {
    // Within users: mean square 2. Between: 2 * ((1 - 3)^2 + (5 - 3)^2) / 1 = 16; (16 - 2) / 2 = 7.
    expect(splitVariance([[[[0, 2]]], [[[4, 6]]]])).toEqual({
      users: 7,
      wording: null,
      order: null,
      repeats: 2,
    });
  });

  it('of what was not varied are not defined, which is not 0', () => {
    expect(
      splitVariance([
        [[[1]], [[3]]],
        [[[1]], [[3]]],
      ]),
    ).toEqual({
      users: 0, // both users have the mean 2: less than the wordings explain
      wording: 2,
      order: null,
      repeats: null,
    });
    expect(standardDeviation([1])).toBeNull();
    expect(standardDeviation([1, 3])).toBeCloseTo(Math.SQRT2, 12);
  });

  it('make a wide band of two runs and a narrow one of many: Student’s t', () => {
    expect(noiseHalfWidth(1, 2)).toBe(12.706);
    expect(noiseHalfWidth(1, 11)).toBe(2.228); // 10 degrees of freedom
    expect(noiseHalfWidth(1, 1000)).toBe(1.96);
  });
});
