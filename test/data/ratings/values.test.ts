import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asWritten } from '../../../src/data/ratings/values.ts';
import { thresholdOn } from '../../../src/experiment/protocol.ts';

const scaleUpTo = (max: number) => ({ min: 0, max: Math.fround(max), step: 0 });

test.each([
  [5, 4],
  [10, 8],
  [9.7, 7.76],
  [4.5, 3.6], // less than 3.6 in 32 bits
  [4.561728477, 3.6493828], // 3.6493828296661377 in 32 bits
])(
  'the usual threshold of ratings up to %f is written %f, and means the same when it is typed',
  (max, shown) => {
    const usual = thresholdOn(scaleUpTo(max), undefined);
    expect(usual).toBe(Math.fround(shown));
    expect(asWritten(usual)).toBe(shown);
    expect(thresholdOn(scaleUpTo(max), shown)).toBe(usual);
  },
);

test('a number of 32 bits is written as the shortest decimal that they hold alike', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const written = asWritten(value);
      expect(Math.fround(written) - value).toBe(0);
      expect(String(written).length).toBeLessThanOrEqual(String(value).length);
    }),
    { seed: 1 },
  );
});

test('a rating that is written like the threshold reaches it', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10_000, max: 10_000 }), (hundredths) => {
      const written = hundredths / 100;
      expect(Math.fround(written)).toBeGreaterThanOrEqual(thresholdOn(scaleUpTo(5), written));
    }),
    { seed: 1 },
  );
});
