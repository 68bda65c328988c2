// Items' features against their factors, for the prior of src/numeric/feature-prior.ts: sums per feature and means per
// item, in double precision. The plain form is in test/numeric/reference/feature-prior.ts.

import { float, word } from './memory';

// The features of the items that count, as addresses.
@unmanaged
class ItemFeatures {
  // Items + 1 offsets, then per entry its feature and its value.
  pointers: usize;
  indices: usize;
  values: usize;
  // Items with ratings, and how many.
  catalogue: usize;
  catalogueSize: i32;
  // One weight per item.
  weights: usize;
  featureCount: i32;
  k: i32;
}

function addTo(sums: usize, scale: v128, values: v128): void {
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.mul(scale, values)));
}

// Columns 8 `begin` to 8 `end` of sum_i w_i x_if q_i: `itemFactors` (items, k) in, `sums` (features, k) of float64 out.
export function featureSums(
  begin: i32,
  end: i32,
  scratch: usize,
  features: ItemFeatures,
  itemFactors: usize,
  sums: usize,
): void {
  const stride = (<usize>features.k) << 2;
  for (let panel = begin; panel < end; panel++) {
    const own = sums + ((<usize>panel) << 6);
    for (let f = 0; f < features.featureCount; f++) memory.fill(own + <usize>f * 2 * stride, 0, 64);
    for (let n = 0; n < features.catalogueSize; n++) {
      const item = word(features.catalogue, n);
      const row = itemFactors + <usize>item * stride + ((<usize>panel) << 5);
      const low = v128.load(row);
      const high = v128.load(row, 16);
      const a = f64x2.promote_low_f32x4(low);
      const b = f64x2.promote_low_f32x4(v128.shuffle<i64>(low, low, 1, 1));
      const c = f64x2.promote_low_f32x4(high);
      const d = f64x2.promote_low_f32x4(v128.shuffle<i64>(high, high, 1, 1));
      for (let p = word(features.pointers, item); p < word(features.pointers, item + 1); p++) {
        const scale = f64x2.splat(<f64>float(features.weights, item) * <f64>float(features.values, p));
        const sum = own + <usize>word(features.indices, p) * 2 * stride;
        addTo(sum, scale, a);
        addTo(sum + 16, scale, b);
        addTo(sum + 32, scale, c);
        addTo(sum + 48, scale, d);
      }
    }
  }
}

// Rows `begin` to `end` of the catalogue of sum_f x_if v_f: `featureFactors` (features, k) of float64 in, `means` (items, k) out.
export function featureMeans(
  begin: i32,
  end: i32,
  scratch: usize,
  features: ItemFeatures,
  featureFactors: usize,
  means: usize,
): void {
  const stride = (<usize>features.k) << 2;
  for (let n = begin; n < end; n++) {
    const item = word(features.catalogue, n);
    const first = word(features.pointers, item);
    const last = word(features.pointers, item + 1);
    for (let j: usize = 0; j < stride; j += 16) {
      let low = f64x2.splat(0);
      let high = f64x2.splat(0);
      for (let p = first; p < last; p++) {
        const x = f64x2.splat(<f64>float(features.values, p));
        const row = featureFactors + <usize>word(features.indices, p) * 2 * stride + 2 * j;
        low = f64x2.add(low, f64x2.mul(x, v128.load(row)));
        high = f64x2.add(high, f64x2.mul(x, v128.load(row, 16)));
      }
      const mean = v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
      v128.store(means + <usize>item * stride + j, mean);
    }
  }
}
