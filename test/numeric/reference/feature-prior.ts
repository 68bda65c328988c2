/** The sums of src/numeric/wasm/features.ts in plain TypeScript. */
import type { FeatureRows } from '../../../src/numeric/feature-prior.ts';

/** sum_i w_i x_if q_i over the catalogue: factors (items, k) in, (features, k) out. */
export function featureSums(
  features: FeatureRows,
  catalogue: Int32Array,
  weights: Float32Array,
  factors: Float32Array,
  k: number,
): Float64Array {
  const { columns, pointers, indices, values } = features;
  const sums = new Float64Array(columns * k);
  for (const item of catalogue) {
    for (let p = pointers[item]!; p < pointers[item + 1]!; p++) {
      const weight = weights[item]! * values[p]!;
      for (let f = 0; f < k; f++) sums[indices[p]! * k + f]! += weight * factors[item * k + f]!;
    }
  }
  return sums;
}

/** means_i = sum_f x_if v_f for the catalogue, 0 elsewhere: v (features, k) in, (items, k) out. */
export function featureMeans(
  features: FeatureRows,
  catalogue: Int32Array,
  v: Float64Array,
  k: number,
): Float32Array {
  const { pointers, indices, values } = features;
  const means = new Float32Array((pointers.length - 1) * k);
  const mean = new Float64Array(k);
  for (const item of catalogue) {
    mean.fill(0);
    for (let p = pointers[item]!; p < pointers[item + 1]!; p++) {
      for (let f = 0; f < k; f++) mean[f]! += values[p]! * v[indices[p]! * k + f]!;
    }
    means.set(mean, item * k);
  }
  return means;
}
