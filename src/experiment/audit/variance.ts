/** Where the spread of a metric comes from: users, wording, order, repeats. */
import { mean, sum } from '../../util/arrays.ts';

/** Variance components; null where the level has one value and cannot be told from the level below. */
export interface VarianceComponents {
  users: number | null;
  wording: number | null;
  order: number | null;
  repeats: number | null;
}

/** Values of one metric by user, wording, order and repeat; every user has as many of each. */
export type NestedValues = readonly (readonly (readonly (readonly number[])[])[])[];

/**
 * Components of a balanced nested random-effects model y = mean + user + wording(user) + order(wording) + repeat(order),
 * by the method of moments: each mean square less that of the next level below that has several values, over the number
 * of values under it; 0 where that is negative (Searle, Casella and McCulloch 1992, section 3.5). Orders are drawn anew
 * for each user, so that they are nested. Where a level has one value, what it does counts to the level above it.
 */
export function splitVariance(values: NestedValues): VarianceComponents {
  const wordings = values.map((user) => user.map((wording) => wording.map(mean)));
  const users = wordings.map((user) => user.map(mean));
  const W = values[0]?.length ?? 1;
  const O = values[0]?.[0]?.length ?? 1;
  const R = values[0]?.[0]?.[0]?.length ?? 1;
  const levels = [
    { name: 'repeats', below: 1, groups: values.flat(2) },
    { name: 'order', below: R, groups: wordings.flat() },
    { name: 'wording', below: O * R, groups: users },
    { name: 'users', below: W * O * R, groups: [users.map(mean)] },
  ] as const;
  const found: VarianceComponents = { users: null, wording: null, order: null, repeats: null };
  let lower = 0;
  for (const { name, below, groups } of levels) {
    const square = meanSquare(groups, below);
    if (square === null) continue;
    found[name] = Math.max(0, (square - lower) / below);
    lower = square;
  }
  return found;
}

/** Within groups, times the number of values under each; null where groups have one value. */
function meanSquare(groups: readonly (readonly number[])[], below: number): number | null {
  const degrees = sum(groups.map((own) => own.length - 1));
  if (degrees === 0) return null;
  const squares = groups.map((own) => {
    const center = mean(own);
    return sum(own.map((value) => (value - center) ** 2));
  });
  return (below * sum(squares)) / degrees;
}

/** Sample standard deviation; null for fewer than two values. */
export function standardDeviation(values: readonly number[]): number | null {
  const variance = meanSquare([values], 1);
  return variance === null ? null : Math.sqrt(variance);
}

/** 97.5% points of Student's t by degrees of freedom, 1 to 30 (Abramowitz and Stegun 1964, table 26.10). */
const STUDENT_97_5 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const STUDENT_97_5_BEYOND = 1.96;

/** Half the width of the 95% interval of one further run, given the runs' standard deviation. */
export function noiseHalfWidth(deviation: number, runs: number): number {
  return (STUDENT_97_5[runs - 2] ?? STUDENT_97_5_BEYOND) * deviation;
}
