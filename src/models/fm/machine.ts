/**
 * The second-order factorization machine (Rendle 2010): its parameters, and the dot product per movie that ranking all
 * movies for a user comes down to.
 */
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import { range } from '../../util/arrays.ts';
import { entriesOf } from '../../util/sparse-rows.ts';
import type { DotProductModel } from '../factorization/dot-product.ts';

/**
 * Parameters over columns that stand in the order users, items, features:
 * column u for user u, users + i for item i, users + items + f for feature f.
 */
export interface Machine {
  users: number;
  items: number;
  features: number;
  /** Floats per row of `factors`. */
  k: number;
  /** w0. */
  bias: number;
  /** w: one per column. */
  weights: Float64Array;
  /** v: (columns, k), row-major. */
  factors: Float32Array;
}

/** All parameters 0. */
export function emptyMachine(users: number, items: number, features: number, k: number): Machine {
  const columns = users + items + features;
  return {
    users,
    items,
    features,
    k,
    bias: 0,
    weights: new Float64Array(columns),
    factors: new Float32Array(columns * k),
  };
}

/**
 * What is left of a machine when one user and one item meet: userBias[u] + itemBias[i] + p_u . s_i. The sum over pairs
 * splits into user x item side, which is p_u . s_i, and pairs of the item side alone:
 *
 *     s_i = v_i + sum_f x_if v_f,   userBias = w0 + w_u,
 *     itemBias = w_i + sum_f x_if w_f + the pairs among the item and its features.
 */
export function collapse(machine: Machine, features: FeatureRows): Required<DotProductModel> {
  const { users, items, k, bias, weights, factors } = machine;
  const itemFactors = itemVectors(machine, features);
  const itemBias = itemPairs(machine, features, itemFactors);
  for (let item = 0; item < items; item++) {
    itemBias[item]! += weights[users + item]!;
    for (const [feature, value] of entriesOf(features, item))
      itemBias[item]! += value * weights[users + items + feature]!;
  }
  return {
    k,
    userFactors: factors.subarray(0, users * k),
    itemFactors,
    userBias: weights.subarray(0, users).map((weight) => bias + weight),
    itemBias: Float32Array.from(itemBias),
  };
}

/**
 * The linear weight of each item, given the linear weights `biases` that a solver learned while it left the pairs of
 * the item side out. Such pairs depend on the item alone, so the item's own weight can take them up: the machine's
 * score is the solver's, and nothing is lost by leaving them out of training.
 */
export function absorbItemPairs(machine: Machine, features: FeatureRows, biases: Float32Array): void {
  const pairs = itemPairs(machine, features, itemVectors(machine, features));
  for (let item = 0; item < machine.items; item++)
    machine.weights[machine.users + item] = biases[item]! - pairs[item]!;
}

/** s_i = v_i + sum_f x_if v_f for every item. */
function itemVectors({ users, items, k, factors }: Machine, features: FeatureRows): Float32Array {
  const vectors = factors.slice(users * k, (users + items) * k);
  for (let item = 0; item < items; item++) {
    for (const [feature, value] of entriesOf(features, item)) {
      const row = (users + items + feature) * k;
      for (let f = 0; f < k; f++) vectors[item * k + f]! += value * factors[row + f]!;
    }
  }
  return vectors;
}

/** The pairs among each item and its features: (|s_i|^2 - |v_i|^2 - sum_f x_if^2 |v_f|^2) / 2. */
function itemPairs(
  { users, items, features: count, k, factors }: Machine,
  features: FeatureRows,
  vectors: Float32Array,
): Float64Array {
  const squares = (matrix: Float32Array, row: number) => {
    let sum = 0;
    for (let n = row * k; n < (row + 1) * k; n++) sum += matrix[n]! * matrix[n]!;
    return sum;
  };
  const squaresOfFeature = Float64Array.from(range(count), (f) => squares(factors, users + items + f));
  return Float64Array.from(range(items), (item) => {
    let pairs = squares(vectors, item) - squares(factors, users + item);
    for (const [feature, value] of entriesOf(features, item))
      pairs -= value ** 2 * squaresOfFeature[feature]!;
    return pairs / 2;
  });
}
