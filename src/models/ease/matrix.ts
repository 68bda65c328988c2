/** The matrix X of EASE: users, and below them movie features, by the movies of the catalogue. */
import { toCsr, transpose, type Csr } from '../../data/csr.ts';
import { REFERENCE_STARS, requireNonNegative } from '../../data/rating-levels.ts';
import { itemFeatures } from '../../data/item-features.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { sum } from '../../util/arrays.ts';
import { pow } from '../../util/math.ts';
import { entriesOf, indicesOf, rowLength } from '../../util/sparse-rows.ts';
import { MAX_INVERSE_ROWS, type EaseOptions } from './options.ts';

export interface SparseMatrix {
  /** Item index of each column, ascending. */
  items: Int32Array;
  /** Row u below `userCount` is user u, the rows after it are features; column c is movie `items[c]`. */
  byRow: Csr;
  byColumn: Csr;
}

/** X with the columns of `items`; ratings of other movies are left out. */
export function buildMatrix(
  train: TrainingSet,
  items: Int32Array,
  { targetExponent, features: kinds, featureWeight }: EaseOptions,
): SparseMatrix {
  requireNonNegative(
    train,
    'EASE',
    'Add the same number to all ratings so that the lowest is 0, or use --models mf-sgd, fm-pointwise or popularity.',
  );
  const columnOf = columnsOf(items, train.itemCount);
  const features = itemFeatures(train, kinds);
  const cells = sum(
    Int32Array.from(items, (item) => train.ratingCounts[item]! + rowLength(features.matrix, item)),
  );
  const [rows, columns] = [new Int32Array(cells), new Int32Array(cells)];
  const values = new Float32Array(cells);
  let at = 0;
  const { users, items: rated, values: stars } = train.ratings;
  for (let n = 0; n < users.length; n++) {
    const column = columnOf[rated[n]!]!;
    if (column < 0) continue;
    rows[at] = users[n]!;
    columns[at] = column;
    values[at++] = pow(stars[n]! / REFERENCE_STARS, targetExponent);
  }
  for (const [column, item] of items.entries()) {
    for (const feature of indicesOf(features.matrix, item)) {
      rows[at] = train.userCount + feature;
      columns[at] = column;
      values[at++] = featureWeight;
    }
  }
  const byRow = toCsr(rows, columns, values, train.userCount + features.names.length, items.length);
  return { items, byRow, byColumn: transpose(byRow) };
}

/**
 * The movies that the model takes, ascending: all, unless more than `maxItems` were asked for or neither users nor movies
 * are few enough to invert. Then the most rated ones, of equally rated ones those with the lower index.
 */
export function itemsOf(
  { catalogue, ratingCounts, userCount }: Pick<TrainingSet, 'catalogue' | 'ratingCounts' | 'userCount'>,
  maxItems: number | undefined,
): Int32Array {
  const fits = Math.min(userCount, catalogue.length) <= MAX_INVERSE_ROWS;
  const count = maxItems ?? (fits ? catalogue.length : MAX_INVERSE_ROWS);
  if (count >= catalogue.length) return catalogue;
  return catalogue
    .toSorted((a, b) => ratingCounts[b]! - ratingCounts[a]! || a - b)
    .slice(0, count)
    .sort();
}

/** The rows of X that `histories` (people x items, stars) would be; movies outside `items` are left out. */
export function rowsOfX(
  histories: Csr,
  { items, itemCount }: { items: Int32Array; itemCount: number },
  { targetExponent }: EaseOptions,
): Csr {
  const columnOf = columnsOf(items, itemCount);
  const rows: number[] = [];
  const columns: number[] = [];
  const values: number[] = [];
  for (let row = 0; row < histories.rows; row++) {
    for (const [item, stars] of entriesOf(histories, row)) {
      if (columnOf[item]! < 0) continue;
      rows.push(row);
      columns.push(columnOf[item]!);
      values.push(pow(stars / REFERENCE_STARS, targetExponent));
    }
  }
  const [r, c, v] = [Int32Array.from(rows), Int32Array.from(columns), Float32Array.from(values)];
  return toCsr(r, c, v, histories.rows, items.length);
}

/** The column of each item index; -1 for an item that has none. */
export function columnsOf(items: Int32Array, itemCount: number): Int32Array {
  const columnOf = new Int32Array(itemCount).fill(-1);
  items.forEach((item, column) => (columnOf[item] = column));
  return columnOf;
}

/**
 * A'A, (n, n) with n = A's columns, upper half only: cell (i, j) is the sum of a_ui a_uj over A's rows u, ascending. Line by
 * line, so that what is added to stays in the cache of a core. `byColumn` is A transposed.
 */
export function gram(a: Csr, byColumn: Csr): { n: number; values: Float64Array } {
  const n = a.columns;
  const values = new Float64Array(n * n);
  const next = a.pointers.slice(0, -1); // in each row of A, the first entry not left of column i
  for (let i = 0; i < n; i++) {
    const line = values.subarray(i * n, (i + 1) * n);
    for (const [row, cell] of entriesOf(byColumn, i))
      addScaled(line, a, next[row]!++, a.pointers[row + 1]!, cell);
  }
  return { n, values };
}

/** Adds the entries `from` to `end` of A, times `factor`, to the columns of `line`. */
function addScaled(
  line: Float64Array,
  { indices, values }: Csr,
  from: number,
  end: number,
  factor: number,
): void {
  for (let entry = from; entry < end; entry++) line[indices[entry]!]! += factor * values[entry]!;
}
