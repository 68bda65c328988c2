import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shortestThreshold } from '../../../src/data/ratings/values.ts';
import { thresholdOn } from '../../../src/experiment/protocol.ts';

const scaleUpTo = (max: number) => ({ min: 0, max: Math.fround(max), step: 0 });

test.each([
  [5, 4],
  [10, 8],
  [9.7, 7.76],
  [4.561728477, 3.6493828], // 3.649382781982422 in full
])(
  'the usual threshold of ratings up to %f is written %f, and means the same when it is typed',
  (max, shown) => {
    const usual = thresholdOn(scaleUpTo(max), undefined);
    expect(usual).toBe((4 * Math.fround(max)) / 5);
    expect(shortestThreshold(usual)).toBe(shown);
    expect(thresholdOn(scaleUpTo(max), shown)).toBe(usual);
  },
);

test('no 32-bit rating compares otherwise with the decimal that is shown', () => {
  const rating = fc.float({ min: -100, max: 100, noNaN: true });
  fc.assert(
    fc.property(rating, fc.double({ min: -1e-6, max: 1e-6, noNaN: true }), (value, off) => {
      const threshold = value + off;
      const shown = shortestThreshold(threshold);
      expect(String(shown).length).toBeLessThanOrEqual(String(threshold).length);
      expect(value >= shown).toBe(value >= threshold);
    }),
    { seed: 1 },
  );
});
