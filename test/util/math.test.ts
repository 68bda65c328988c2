import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cos, exp, log, log2, pow, sigmoid } from '../../src/util/math.ts';

/** Distance in units in the last place of `b`. */
function ulps(a: number, b: number): number {
  if (a === b) return 0;
  const spacing = Math.max(Number.MIN_VALUE, Math.abs(b) * 2 ** -52);
  return Math.abs(a - b) / spacing;
}

describe('portable math', () => {
  it('agrees with the engine’s exp to 2 ulp over its whole normal range', () => {
    fc.assert(
      fc.property(fc.double({ min: -708, max: 709.7, noNaN: true }), (x) => ulps(exp(x), Math.exp(x)) <= 2),
      { numRuns: 20_000, seed: 1 },
    );
  });

  it('agrees with the engine’s log to 2 ulp for every positive double', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 5e-324, max: 1.7976931348623157e308, noNaN: true }),
        (x) => ulps(log(x), Math.log(x)) <= 2,
      ),
      { numRuns: 20_000, seed: 1 },
    );
  });

  it('pins bits that must be the same on every machine', () => {
    expect([exp(1), exp(-1), log(7), log2(10), pow(3, 0.7), sigmoid(0.5)]).toEqual([
      2.7182818284590455, 0.36787944117144233, 1.9459101490553132, 3.3219280948873626, 2.1576692799745927,
      0.6224593312018546,
    ]);
  });

  it('handles the edges: exp overflows to Infinity and underflows to 0, log(0) is -Infinity, log(-1) is NaN', () => {
    expect([exp(710), exp(-746), exp(0), log(0), log(-1), log(Infinity), log(1)]).toEqual([
      Infinity,
      0,
      1,
      -Infinity,
      NaN,
      Infinity,
      0,
    ]);
    expect(exp(NaN)).toBeNaN();
  });

  it('gives exact logarithms of powers of two, because ranks 1, 3 and 7 discount by them', () => {
    for (let n = -1022; n <= 1023; n++) expect(log2(2 ** n)).toBe(n);
  });
});

describe('cos', () => {
  it('is exact at 0 and has the cosines of the unit circle', () => {
    expect(cos(0)).toBe(1);
    expect(cos(Math.PI)).toBe(-1);
    expect(cos(-Math.PI / 3)).toBeCloseTo(1 / 2, 15);
    expect(cos((3 * Math.PI) / 4)).toBeCloseTo(-Math.SQRT1_2, 15);
    // pi/2 in double precision is 6.123233995736766e-17 short of pi/2.
    expect(cos(Math.PI / 2)).toBe(6.123233995736766e-17);
    // From tables, rounded to 16 digits: cos 1, cos 2, cos 3, cos 100.
    const known = [0.5403023058681398, -0.4161468365471424, -0.9899924966004454, 0.8623188722876839];
    for (const [i, x] of [1, 2, 3, 100].entries()) expect(Math.abs(cos(x) - known[i]!)).toBeLessThan(2e-16);
  });

  it('differs from Math.cos by a last bit at most, and knows its limits', () => {
    for (let i = -4000; i <= 4000; i++)
      expect(Math.abs(cos(i / 97) - Math.cos(i / 97))).toBeLessThan(1.2e-16);
    expect(cos(Infinity)).toBeNaN();
    expect(() => cos(2 ** 21)).toThrow(RangeError);
  });
});
