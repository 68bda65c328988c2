/**
 * exp, log and cos from IEEE-754 basic operations alone, so that every machine and every Node version gives the same
 * bits. `Math.exp`, `Math.log` and `Math.cos` are left to the engine by ECMAScript; `Math.sqrt` and `+ - * /` are not.
 */

/** ln 2 in two parts, whose sum is exact beyond a double. */
const LN2_HI = 6.9314718036912381649e-1;
const LN2_LO = 1.90821492927058770002e-10;

const scratch = new Float64Array(1);
const words = new Int32Array(scratch.buffer);
/** Index in `words` of the word with sign and exponent: 1 on little-endian machines, 0 on others. */
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** 2^n for -1022 <= n <= 1023. */
function powerOfTwo(n: number): number {
  words[1 - HIGH_WORD] = 0;
  words[HIGH_WORD] = (n + 1023) << 20;
  return scratch[0]!;
}

/**
 * e^x. Source: fdlibm e_exp.c (Sun Microsystems 1993); error under 1 ulp. Overflows to Infinity above 709.78 and
 * underflows to 0 below -708.39 (subnormal results are flushed). `exp` of src/numeric/wasm/sgd/state.ts computes the same
 * operation by operation, so that kernels need not call back; test/numeric/sgd.test.ts holds both to the same bits.
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
  const high = words[HIGH_WORD]!;
  k += (high >> 20) - 1023;
  const mantissa = high & 0xfffff;
  const shift = (mantissa + 0x95f64) & 0x100000;
  words[HIGH_WORD] = mantissa | (shift ^ 0x3ff00000); // x in [sqrt(2)/2, sqrt(2))
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
  if (
    words[1 - HIGH_WORD] === 0 &&
    (words[HIGH_WORD]! & 0xfffff) === 0 &&
    words[HIGH_WORD]! >= 0x100000 &&
    x < Infinity
  ) {
    return (words[HIGH_WORD]! >> 20) - 1023;
  }
  return log(x) / Math.LN2;
}

/** 1 / (1 + e^-x), without overflow on either side. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/**
 * x^y for x >= 0, as e^(y log x); exact for y = 0, which gives 1 for every x, and y = 1. NaN for x < 0 and other y.
 * Relative error grows to about |y log x| ulp.
 */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (y === 1) return x;
  if (y === 0.5) return Math.sqrt(x);
  return exp(y * log(x));
}

/** First 33, next 33 and further bits of pi/2, and what each leaves. */
const PIO2_1 = 1.57079632673412561417;
const PIO2_1T = 6.07710050650619224932e-11;
const PIO2_2 = 6.0771005063039659766e-11;
const PIO2_2T = 2.02226624879595063154e-21;

/**
 * cos x, x in radians. Source: fdlibm e_rem_pio2.c, k_cos.c and k_sin.c; error under 1 ulp up to |x| = 2^20, where the
 * reduction by multiples of pi/2 is no longer exact: throws RangeError beyond it.
 */
export function cos(x: number): number {
  if (!Number.isFinite(x)) return NaN;
  if (Math.abs(x) > 1048576) throw new RangeError(`cos of ${x}: at most 2^20 in size`);
  const t = Math.abs(x);
  if (t <= Math.PI / 4) return cosKernel(t, 0);
  const n = Math.floor(t * (2 / Math.PI) + 0.5);
  let r = t - n * PIO2_1;
  let w = n * PIO2_1T;
  if (Math.abs(r - w) < t * 2 ** -16) {
    const before = r; // much was cancelled: 33 bits more
    w = n * PIO2_2;
    r = before - w;
    w = n * PIO2_2T - (before - r - w);
  }
  const high = r - w;
  const low = r - high - w;
  if (n % 4 === 0) return cosKernel(high, low);
  if (n % 4 === 1) return -sinKernel(high, low);
  return n % 4 === 2 ? -cosKernel(high, low) : sinKernel(high, low);
}

/** cos(x + y), |x| <= pi/4, y the tail of x. */
function cosKernel(x: number, y: number): number {
  const z = x * x;
  const r =
    z *
    (4.16666666666666019037e-2 +
      z *
        (-1.38888888888741095749e-3 +
          z *
            (2.48015872894767294178e-5 +
              z *
                (-2.75573143513906633035e-7 +
                  z * (2.0875723212981748279e-9 + z * -1.13596475577881948265e-11)))));
  const size = Math.abs(x);
  if (size < 0.3) return 1 - (0.5 * z - (z * r - x * y));
  const q = size > 0.78125 ? 0.28125 : highPart(size / 4);
  const half = 0.5 * z - q;
  return 1 - q - (half - (z * r - x * y));
}

/** sin(x + y), |x| <= pi/4, y the tail of x. */
function sinKernel(x: number, y: number): number {
  const z = x * x;
  const v = z * x;
  const r =
    8.33333333332248946124e-3 +
    z *
      (-1.98412698298579493134e-4 +
        z * (2.75573137070700676789e-6 + z * (-2.50507602534068634195e-8 + z * 1.58969099521155010221e-10)));
  return x - (z * (0.5 * y - v * r) - y - v * -1.66666666666666324348e-1);
}

/** A number with the lower half of its mantissa cleared. */
function highPart(x: number): number {
  scratch[0] = x;
  words[1 - HIGH_WORD] = 0;
  return scratch[0];
}
