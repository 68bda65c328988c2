/** Scores of a factorization machine by its definition, for tests to compare with. */
import type { Machine } from '../../../src/models/fm/machine.ts';
import type { FeatureRows } from '../../../src/numeric/feature-prior.ts';
import { indicesOf, valuesOf } from '../../../src/util/sparse-rows.ts';

/** An input vector x: distinct columns and their values. */
export interface SparseVector {
  columns: ArrayLike<number>;
  values: ArrayLike<number>;
}

/**
 * w0 + sum_c w_c x_c + sum_{c<d} (v_c . v_d) x_c x_d, the pairs in time linear in the number of columns:
 * 1/2 sum_f ((sum_c v_cf x_c)^2 - sum_c v_cf^2 x_c^2) (Rendle 2010, lemma 3.1).
 */
export function fmScore({ k, bias, weights, factors }: Machine, { columns, values }: SparseVector): number {
  let score = bias;
  for (let n = 0; n < columns.length; n++) score += weights[columns[n]!]! * values[n]!;
  for (let f = 0; f < k; f++) {
    let sum = 0;
    let squares = 0;
    for (let n = 0; n < columns.length; n++) {
      const product = factors[columns[n]! * k + f]! * values[n]!;
      sum += product;
      squares += product * product;
    }
    score += (sum * sum - squares) / 2;
  }
  return score;
}

/** The input of a user and an item: both one-hot, and the item's features. */
export function inputOf(machine: Machine, features: FeatureRows, user: number, item: number): SparseVector {
  const offset = machine.users + machine.items;
  return {
    columns: [user, machine.users + item, ...indicesOf(features, item).map((f) => offset + f)],
    values: [1, 1, ...valuesOf(features, item)],
  };
}
