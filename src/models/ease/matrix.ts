/** The matrix X of EASE: users, and below them movie features, by the movies of the catalogue. */
import { toCsr, transposed, type Csr } from '../../data/csr.ts';
import { REFERENCE_STARS, requireNonNegative } from '../../data/rating-levels.ts';
import { itemFeatures } from '../../data/item-features.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { pow } from '../../util/math.ts';
import { indicesOf, valuesOf } from '../../util/sparse-rows.ts';
import type { EaseOptions } from './options.ts';

export interface SparseMatrix {
  /** Row u below `userCount` is user u, the rows after it are features; column c is movie `catalogue[c]`. */
  byRow: Csr;
  byColumn: Csr;
}

export function buildMatrix(train: TrainingSet, options: EaseOptions): SparseMatrix {
  requireNonNegative(
    train,
    'EASE',
    'Add the same number to all ratings so that the lowest is 0, or use --models mf-sgd, fm-pointwise or popularity.',
  );
  const columnOf = new Int32Array(train.itemCount).fill(-1);
  train.catalogue.forEach((item, column) => (columnOf[item] = column));
  const rows = [...train.ratings.users];
  const columns = Array.from(train.ratings.items, (item) => columnOf[item]!);
  const values = Array.from(train.ratings.values, (stars) =>
    pow(stars / REFERENCE_STARS, options.targetExponent),
  );
  const features = itemFeatures(train, options.features);
  for (const item of train.catalogue) {
    for (const feature of indicesOf(features.matrix, item)) {
      rows.push(train.userCount + feature);
      columns.push(columnOf[item]!);
      values.push(options.featureWeight);
    }
  }
  const rowCount = train.userCount + features.names.length;
  const columnCount = train.catalogue.length;
  const [r, c, v] = [Int32Array.from(rows), Int32Array.from(columns), Float32Array.from(values)];
  const byRow = toCsr(r, c, v, rowCount, columnCount);
  return { byRow, byColumn: transposed(byRow) };
}

/** A'A, (n, n) with n = A's columns, upper half only: the sum over A's rows of their outer products. */
export function gram(a: Csr): { n: number; values: Float64Array } {
  const n = a.columns;
  const values = new Float64Array(n * n);
  for (let row = 0; row < a.rows; row++) {
    const [columns, cells] = [indicesOf(a, row), valuesOf(a, row)];
    for (let p = 0; p < columns.length; p++) {
      const line = columns[p]! * n;
      for (let q = p; q < columns.length; q++) values[line + columns[q]!]! += cells[p]! * cells[q]!;
    }
  }
  return { n, values };
}
