/**
 * What an item's features say about its factors before its ratings do: a ridge regression from features to the
 * present factors, refitted every sweep. An item with few ratings then stays near items of its kind instead of near 0.
 */
import { choleskyFactor, choleskySolve } from './cholesky.ts';

/** Sparse features of the items: row i holds entries `pointers[i]` to `pointers[i+1]`. */
export interface FeatureRows {
  columns: number;
  pointers: Int32Array;
  indices: Int32Array;
  values: Float32Array;
}

export class FeaturePrior {
  readonly #features: FeatureRows;
  readonly #catalogue: Int32Array;
  readonly #weights: Float32Array;
  readonly #factor: Float64Array;

  /**
   * `weights`: one per item, its own regularization, so that regression and ALS minimise the same objective,
   *
   *     sum_i w_i |q_i - sum_f x_if v_f|^2 + strength * mean(w) * sum_f |v_f|^2.
   *
   * The normal matrix X'WX + strength * mean(W) I stays the same; it is factored once.
   */
  constructor(features: FeatureRows, catalogue: Int32Array, weights: Float32Array, strength: number) {
    this.#features = features;
    this.#catalogue = catalogue;
    this.#weights = weights;
    const n = features.columns;
    const normal = new Float64Array(n * n);
    let total = 0;
    for (const item of catalogue) {
      total += weights[item]!;
      eachFeature(features, item, (a, x) =>
        eachFeature(features, item, (b, y) => {
          normal[a * n + b]! += weights[item]! * x * y;
        }),
      );
    }
    const ridge = (strength * total) / catalogue.length;
    for (let f = 0; f < n; f++) normal[f * n + f]! += ridge;
    this.#factor = choleskyFactor(normal, n);
  }

  /** The features' factors v (features, k) that explain `factors` (items, k) best. */
  regress(factors: Float32Array, k: number): Float64Array {
    const n = this.#features.columns;
    const regression = new Float64Array(n * k);
    for (const item of this.#catalogue) {
      eachFeature(this.#features, item, (feature, x) => {
        const weight = this.#weights[item]! * x;
        for (let f = 0; f < k; f++) regression[feature * k + f]! += weight * factors[item * k + f]!;
      });
    }
    choleskySolve(this.#factor, n, regression, k);
    return regression;
  }

  /** means_i = sum_f x_if v_f for the catalogue, with `regression` as `regress` returns it. */
  predict(regression: Float64Array, k: number, means: Float32Array): void {
    const mean = new Float64Array(k);
    for (const item of this.#catalogue) {
      mean.fill(0);
      eachFeature(this.#features, item, (feature, x) => {
        for (let f = 0; f < k; f++) mean[f]! += x * regression[feature * k + f]!;
      });
      means.set(mean, item * k);
    }
  }
}

function eachFeature(
  { pointers, indices, values }: FeatureRows,
  item: number,
  visit: (feature: number, x: number) => void,
): void {
  for (let p = pointers[item]!; p < pointers[item + 1]!; p++) visit(indices[p]!, values[p]!);
}
