/**
 * What a movie's features say about its factors before its ratings do: a ridge regression from features to the
 * present factors, refitted every sweep. A movie with few ratings then stays near movies of its kind instead of near 0.
 */
import type { Csr } from '../../data/csr.ts';
import { choleskyFactor, choleskySolve } from '../../numeric/cholesky.ts';

export class FeaturePrior {
  readonly #features: Csr;
  readonly #catalogue: Int32Array;
  readonly #weights: Float32Array;
  readonly #factor: Float64Array;

  /**
   * `features` is (items, features); `weights` one per item: its own regularization, so that regression and ALS
   * minimise the same objective. The normal matrix F'WF + strength * mean(W) I stays the same; it is factored once.
   */
  constructor(features: Csr, catalogue: Int32Array, weights: Float32Array, strength: number) {
    this.#features = features;
    this.#catalogue = catalogue;
    this.#weights = weights;
    const n = features.columns;
    const normal = new Float64Array(n * n);
    let total = 0;
    for (const item of catalogue) {
      total += weights[item]!;
      this.#eachFeature(item, (a) =>
        this.#eachFeature(item, (b) => {
          normal[a * n + b]! += weights[item]!;
        }),
      );
    }
    const ridge = (strength * total) / catalogue.length;
    for (let f = 0; f < n; f++) normal[f * n + f]! += ridge;
    this.#factor = choleskyFactor(normal, n);
  }

  /** means = F A, with A the regression of `factors` on the features; both are (items, k). */
  predict(factors: Float32Array, k: number, means: Float32Array): void {
    const n = this.#features.columns;
    const regression = new Float64Array(n * k);
    for (const item of this.#catalogue) {
      const weight = this.#weights[item]!;
      this.#eachFeature(item, (feature) => {
        for (let f = 0; f < k; f++) regression[feature * k + f]! += weight * factors[item * k + f]!;
      });
    }
    choleskySolve(this.#factor, n, regression, k);
    const mean = new Float64Array(k);
    for (const item of this.#catalogue) {
      mean.fill(0);
      this.#eachFeature(item, (feature) => {
        for (let f = 0; f < k; f++) mean[f]! += regression[feature * k + f]!;
      });
      means.set(mean, item * k);
    }
  }

  #eachFeature(item: number, visit: (feature: number) => void): void {
    const { pointers, indices } = this.#features;
    for (let p = pointers[item]!; p < pointers[item + 1]!; p++) visit(indices[p]!);
  }
}
