/**
 * What an item's features say about its factors before its ratings do: a ridge regression from features to the
 * present factors, refitted every sweep. An item with few ratings then stays near items of its kind instead of near 0.
 */
import { choleskyFactor, choleskySolve } from './cholesky.ts';
import { sum } from '../util/arrays.ts';
import { FitError } from '../util/errors.ts';
import { entriesOf, type SparseValues } from '../util/sparse-rows.ts';
import type { Struct } from './pool/arguments.ts';
import { kernelConstants } from './pool/kernels.ts';
import type { KernelPool } from './pool/pool.ts';

/** Sparse features of the items, a row per item. */
export interface FeatureRows extends SparseValues {
  /** Number of features. */
  columns: number;
}

const { PANEL_COLUMNS } = kernelConstants;
/** Items that a thread takes at a time. */
const ITEMS_PER_CHUNK = 64;

export class FeaturePrior {
  readonly #pool: KernelPool;
  readonly #k: number;
  readonly #catalogueSize: number;
  readonly #factor: Float64Array;
  readonly #features: Struct<'ItemFeatures'>;
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
   * Throws FitError where it is singular.
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
    this.#features = pool.struct('ItemFeatures', {
      pointers: pool.int32(features.pointers),
      indices: pool.int32(features.indices),
      values: pool.float32(features.values),
      catalogue: pool.int32(catalogue),
      catalogueSize: catalogue.length,
      weights: pool.float32(weights),
      featureCount: features.columns,
      k,
    });
  }

  /** Sets `featureFactors` to those that explain `itemFactors` (items, k; in the pool's memory) best, and `means` by them. */
  update(itemFactors: Float32Array): void {
    const [features, k, featureFactors, means] = [this.#features, this.#k, this.featureFactors, this.means];
    const panels = { rows: k / PANEL_COLUMNS, grain: 1 };
    this.#pool.run('featureSums', panels, { features, itemFactors, sums: featureFactors });
    choleskySolve(this.#factor, featureFactors.length / k, featureFactors, k);
    const items = { rows: this.#catalogueSize, grain: ITEMS_PER_CHUNK };
    this.#pool.run('featureMeans', items, { features, featureFactors, means });
  }
}

/** The Cholesky factor of X'WX + strength * mean(W) I. Throws FitError where that is singular. */
function normalFactor(
  features: FeatureRows,
  catalogue: Int32Array,
  weights: Float32Array,
  strength: number,
): Float64Array {
  const n = features.columns;
  const normal = new Float64Array(n * n);
  for (const item of catalogue) {
    const entries = [...entriesOf(features, item)];
    for (const [a, x] of entries) for (const [b, y] of entries) normal[a * n + b]! += weights[item]! * x * y;
  }
  const total = sum(Float64Array.from(catalogue, (item) => weights[item]!));
  const ridge = (strength * total) / catalogue.length;
  for (let f = 0; f < n; f++) normal[f * n + f]! += ridge;
  try {
    return choleskyFactor(normal, n);
  } catch (cause) {
    throw new FitError({
      found: 'features that cannot be told apart: their matrix is singular',
      remedy: 'Raise --prior-strength.',
      cause,
    });
  }
}
