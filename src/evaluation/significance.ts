/** Is one model better than another on the same users? Paired tests, corrected for the number of comparisons. */
import { mean, sum } from '../util/arrays.ts';
import { exp } from '../util/math.ts';
import type { Rng } from '../util/rng.ts';
import { NORMAL_97_5, percentiles, RESAMPLES } from './intervals.ts';

/**
 * Above this many users resampling and the normal approximation of a mean difference agree to two digits of the interval's
 * width; twenty models have 190 pairs, which resampling would take a minute for.
 */
const MAX_PAIRED_RESAMPLED_USERS = 1000;

export interface PairedComparison {
  /** Mean over users of a - b. */
  difference: number;
  /** 95% interval of the difference, by the paired bootstrap (percentiles of 10,000 resamples of the users). */
  ci95: [number, number];
  /** Two-sided p-value of the paired randomisation test. */
  p: number;
  /** Users on which a is better, as good, and worse. */
  wins: number;
  ties: number;
  losses: number;
}

/**
 * Compares two columns of per-user values, of which row u of both belongs to one user. Randomisation test (Fisher
 * 1935; Smucker et al. 2007): under the null hypothesis each user's difference is as likely to have the other sign;
 * p = (1 + sign flips at least as extreme) / (1 + 10,000). Above 1,000 users, where they agree, p and interval come from
 * the normal approximation. No users: difference 0, p 1.
 */
export function comparePaired(a: ArrayLike<number>, b: ArrayLike<number>, rng: Rng): PairedComparison {
  const differences = Float64Array.from({ length: a.length }, (_, user) => a[user]! - b[user]!);
  const outcome = {
    wins: differences.filter((d) => d > 0).length,
    ties: differences.filter((d) => d === 0).length,
    losses: differences.filter((d) => d < 0).length,
  };
  if (differences.length === 0) return { difference: 0, ci95: [0, 0], p: 1, ...outcome };
  if (differences.length > MAX_PAIRED_RESAMPLED_USERS) return { ...approximate(differences), ...outcome };
  return {
    difference: mean(differences),
    ci95: bootstrapInterval(differences, rng.derive('bootstrap')),
    p: randomisationTest(differences, rng.derive('randomisation')),
    ...outcome,
  };
}

/** By the normal approximation of the mean; p of the randomisation test has variance sum d^2 under its null hypothesis. */
function approximate(differences: Float64Array): Pick<PairedComparison, 'difference' | 'ci95' | 'p'> {
  const n = differences.length;
  const difference = mean(differences);
  const half = NORMAL_97_5 * Math.sqrt(sum(differences.map((d) => (d - difference) ** 2)) / n / (n - 1));
  const spread = Math.sqrt(sum(differences.map((d) => d * d)));
  const p = spread === 0 ? 1 : 2 * upperTail(Math.abs(sum(differences)) / spread);
  return { difference, ci95: [difference - half, difference + half], p };
}

/** P(Z > z) of the standard normal, z >= 0. Source: Abramowitz and Stegun 1964, 26.2.17; error below 7.5e-8. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}

function bootstrapInterval(differences: Float64Array, rng: Rng): [number, number] {
  const means = new Float64Array(RESAMPLES);
  for (let n = 0; n < RESAMPLES; n++) {
    let sum = 0;
    for (let draw = 0; draw < differences.length; draw++) sum += differences[rng.int(differences.length)]!;
    means[n] = sum / differences.length;
  }
  return percentiles(means);
}

function randomisationTest(differences: Float64Array, rng: Rng): number {
  const observed = Math.abs(sum(differences));
  const tolerance = 1e-12 * differences.length; // sums of the same terms in another order differ in the last bits
  let extreme = 0;
  for (let n = 0; n < RESAMPLES; n++) {
    let sum = 0;
    let bits = 0;
    for (let user = 0; user < differences.length; user++) {
      if ((user & 31) === 0) bits = rng.uint32();
      sum += (bits & 1) === 0 ? differences[user]! : -differences[user]!;
      bits >>>= 1;
    }
    if (Math.abs(sum) >= observed - tolerance) extreme++;
  }
  return (1 + extreme) / (1 + RESAMPLES);
}

/** Below this a p-value counts as a difference. */
export const SIGNIFICANCE = 0.05;

/**
 * Two-sided p of the sign-flip test when every one of `users` differs the same way: 2 of the 2^users patterns of signs are
 * as extreme. With five users no result has a smaller p than 0.0625.
 */
export function smallestPossibleP(users: number): number {
  return 2 ** (1 - users);
}

/**
 * Holm's step-down adjustment (1979): p-values of m comparisons such that rejecting those under alpha keeps the chance
 * of any false rejection under alpha. Same order as the input; each at most 1.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, n) => n).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = Array.from(pValues, () => 0);
  let largest = 0;
  for (const [rank, n] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[n]!));
    adjusted[n] = largest;
  }
  return adjusted;
}
