/**
 * What an item's features say about its factors before its ratings do: a ridge regression from features to the
 * present factors, refitted every sweep. An item with few ratings then stays near items of its kind instead of near 0.
 */
import { choleskyFactor, choleskySolve } from './cholesky.ts';
import type { KernelPool } from './pool/pool.ts';

/** Sparse features of the items: row i holds entries `pointers[i]` to `pointers[i+1]`. */
export interface FeatureRows {
  columns: number;
  pointers: Int32Array;
  indices: Int32Array;
  values: Float32Array;
}

export class FeaturePrior {
  readonly #pool: KernelPool;
  readonly #k: number;
  readonly #catalogueSize: number;
  readonly #factor: Float64Array;
  /** What the class Features of wasm/features.ts holds, in its order. */
  readonly #description: Uint32Array;
  /** (items, k), in the pool's memory: what `update` predicts; 0 for items outside the catalogue. */
  readonly means: Float32Array;
  /** (features, k), in the pool's memory: the features' factors v of the last `update`. */
  readonly featureFactors: Float64Array;

  /**
   * `weights`: one per item, its own regularization, so that regression and ALS minimise the same objective,
   *
   *     sum_i w_i |q_i - sum_f x_if v_f|^2 + strength * mean(w) * sum_f |v_f|^2.
   *
   * The normal matrix X'WX + strength * mean(W) I stays the same; it is factored once. `k` is a multiple of 8.
   */
  constructor(
    pool: KernelPool,
    k: number,
    features: FeatureRows,
    catalogue: Int32Array,
    weights: Float32Array,
    strength: number,
  ) {
    this.#pool = pool;
    this.#k = k;
    this.#catalogueSize = catalogue.length;
    this.#factor = normalFactor(features, catalogue, weights, strength);
    this.means = pool.float32(weights.length * k);
    this.featureFactors = pool.float64(features.columns * k);
    this.#description = pool.uint32([
      pool.int32(features.pointers).byteOffset,
      pool.int32(features.indices).byteOffset,
      pool.float32(features.values).byteOffset,
      pool.int32(catalogue).byteOffset,
      catalogue.length,
      pool.float32(weights).byteOffset,
      features.columns,
      k,
    ]);
  }

  /** Sets `featureFactors` to those that explain `factors` (items, k; in the pool's memory) best, and `means` by them. */
  update(factors: Float32Array): void {
    const [pool, v] = [this.#pool, this.featureFactors];
    const panels = { rows: this.#k / 8, grain: 1, scratchBytes: 0 };
    pool.run('featureSums', panels, [this.#description, factors, v]);
    choleskySolve(this.#factor, v.length / this.#k, v, this.#k);
    const items = { rows: this.#catalogueSize, grain: 64, scratchBytes: 0 };
    pool.run('featureMeans', items, [this.#description, v, this.means]);
  }
}

/** The Cholesky factor of X'WX + strength * mean(W) I. */
function normalFactor(
  { columns: n, pointers, indices, values }: FeatureRows,
  catalogue: Int32Array,
  weights: Float32Array,
  strength: number,
): Float64Array {
  const normal = new Float64Array(n * n);
  let total = 0;
  for (const item of catalogue) {
    total += weights[item]!;
    for (let a = pointers[item]!; a < pointers[item + 1]!; a++) {
      for (let b = pointers[item]!; b < pointers[item + 1]!; b++)
        normal[indices[a]! * n + indices[b]!]! += weights[item]! * values[a]! * values[b]!;
    }
  }
  const ridge = (strength * total) / catalogue.length;
  for (let f = 0; f < n; f++) normal[f * n + f]! += ridge;
  return choleskyFactor(normal, n);
}
