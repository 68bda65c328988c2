/**
 * exp and log from IEEE-754 basic operations alone, so that every machine and every Node version gives the same
 * bits. `Math.exp` and `Math.log` are left to the engine by ECMAScript; `Math.sqrt` and `+ - * /` are not.
 */

/** ln 2 in two parts, whose sum is exact beyond a double. */
const LN2_HI = 6.9314718036912381649e-1;
const LN2_LO = 1.90821492927058770002e-10;

const scratch = new Float64Array(1);
const words = new Int32Array(scratch.buffer);
/** Index in `words` of the word with sign and exponent: 1 on little-endian machines, 0 on others. */
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** 2^n for -1022 <= n <= 1023. */
function powerOfTwo(n: number): number {
  words[1 - HIGH] = 0;
  words[HIGH] = (n + 1023) << 20;
  return scratch[0]!;
}

/**
 * e^x. Source: fdlibm e_exp.c (Sun Microsystems 1993); error under 1 ulp. Overflows to Infinity above 709.78 and
 * underflows to 0 below -708.39 (subnormal results are flushed).
 */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -708.3964185322641) return 0;
  const k = Math.floor(Math.LOG2E * x + 0.5);
  const hi = x - k * LN2_HI;
  const lo = k * LN2_LO;
  const r = hi - lo;
  const t = r * r;
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t *
              (6.61375632143793436117e-5 + t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))));
  const y = 1 - (lo - (r * c) / (2 - c) - hi);
  return k === 1024 ? y * 2 * powerOfTwo(1023) : y * powerOfTwo(k);
}

/** Natural logarithm. Source: fdlibm e_log.c; error under 1 ulp. log(0) is -Infinity; negative x gives NaN. */
export function log(x: number): number {
  if (x === 0) return -Infinity;
  if (!(x > 0)) return NaN;
  if (x === Infinity) return x;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984; // 2^54 lifts subnormals into the normal range
    k = -54;
  }
  scratch[0] = x;
  const high = words[HIGH]!;
  k += (high >> 20) - 1023;
  const mantissa = high & 0xfffff;
  const shift = (mantissa + 0x95f64) & 0x100000;
  words[HIGH] = mantissa | (shift ^ 0x3ff00000); // x in [sqrt(2)/2, sqrt(2))
  k += shift >> 20;
  const f = scratch[0] - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const t1 = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
  const t2 =
    z *
    (6.66666666666673513e-1 +
      w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  const half = 0.5 * f * f;
  return k * LN2_HI - (half - (s * (half + t1 + t2) + k * LN2_LO) - f);
}

/** Base-2 logarithm; exact at powers of two. */
export function log2(x: number): number {
  scratch[0] = x;
  if (words[1 - HIGH] === 0 && (words[HIGH]! & 0xfffff) === 0 && words[HIGH]! >= 0x100000 && x < Infinity) {
    return (words[HIGH]! >> 20) - 1023;
  }
  return log(x) / Math.LN2;
}

/** 1 / (1 + e^-x), without overflow on either side. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** x^y for x > 0, as e^(y log x); exact for y = 1. Relative error grows to about |y log x| ulp. */
export function pow(x: number, y: number): number {
  if (y === 1) return x;
  if (y === 0.5) return Math.sqrt(x);
  return exp(y * log(x));
}
