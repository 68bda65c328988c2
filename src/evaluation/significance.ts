/** Is one model better than another on the same users? Paired tests, corrected for the number of comparisons. */
import { mean, sum } from '../util/arrays.ts';
import type { Rng } from '../util/rng.ts';
import { percentiles, RESAMPLES } from './intervals.ts';

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
 * p = (1 + sign flips at least as extreme) / (1 + 10,000). No users: difference 0, p 1.
 */
export function comparePaired(a: ArrayLike<number>, b: ArrayLike<number>, rng: Rng): PairedComparison {
  const differences = Float64Array.from({ length: a.length }, (_, user) => a[user]! - b[user]!);
  const outcome = {
    wins: differences.filter((d) => d > 0).length,
    ties: differences.filter((d) => d === 0).length,
    losses: differences.filter((d) => d < 0).length,
  };
  if (differences.length === 0) return { difference: 0, ci95: [0, 0], p: 1, ...outcome };
  return {
    difference: mean(differences),
    ci95: bootstrapInterval(differences, rng.derive('bootstrap')),
    p: randomisationTest(differences, rng.derive('randomisation')),
    ...outcome,
  };
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
