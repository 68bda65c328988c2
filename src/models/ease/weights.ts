/** The weights B of EASE from the inverse of the smaller side: scores of users and of other people, and single weights. */
import { selectRows, type Csr } from '../../data/csr.ts';
import { roundUpToPanels, partsOf, SparseTimesDense } from '../../numeric/sparse-times-dense.ts';
import { range } from '../../util/arrays.ts';
import { entriesOf, indicesOf, valuesOf } from '../../util/sparse-rows.ts';
import type { SparseMatrix } from './matrix.ts';

/**
 * Calls `take(n, scores)` for each of `users`, or other people, in order; `scores`, of the whole catalogue, are the caller's
 * until `take` returns.
 */
export type Scorer = (
  users: Int32Array,
  take: (n: number, scores: Float64Array) => void,
  threads: number,
) => Promise<void>;

/** Scores that are held at a time: 64 MB. */
const BLOCK_CELLS = 8 << 20;
/** For so few users the kernel and its copies would take longer. */
const MAX_FEW_USERS = 4;

export interface Weights {
  usersSide: boolean;
  /** Rows of the inverse. */
  size: number;
  scoreUsers: Scorer;
  /** For rows that are none of X's. */
  scorerOf: (people: Csr) => Scorer;
  /** B_ij for the column j, of any i but j. */
  towards: (column: number) => (other: number) => number;
}

/**
 * P_jj = (1 - x_j' K x_j) / lambda of every column, from K = (XX' + lambda I)^-1. Of K x_j only what x_j meets is computed: the
 * cells of the column's own rows, a fraction of KX where X is sparse.
 */
export function diagonalByUsers(
  { byColumn }: SparseMatrix,
  inverse: Float64Array,
  lambda: number,
): Float64Array {
  const size = byColumn.columns;
  const diagonal = new Float64Array(byColumn.rows).fill(1 / lambda);
  const products = new Float64Array(size);
  for (let column = 0; column < diagonal.length; column++) {
    const [own, values] = [indicesOf(byColumn, column), valuesOf(byColumn, column)];
    products.fill(0, 0, own.length);
    for (let entry = 0; entry < own.length; entry++) {
      const [row, value] = [own[entry]! * size, values[entry]!];
      for (let n = 0; n < own.length; n++) products[n]! += value * inverse[row + own[n]!]!;
    }
    for (let n = 0; n < own.length; n++) diagonal[column]! -= (values[n]! * products[n]!) / lambda;
  }
  return diagonal;
}

/**
 * Some rows of KX, a part of them at a time, as columns of (KX)' = X'K: cell (j, n) of a block, `stride` numbers per movie j, is
 * that of the row `rowsWanted[part.begin + n]`. A block is valid until the next.
 */
async function* blocksOfKX(
  { byRow, byColumn }: SparseMatrix,
  inverse: Float64Array,
  rowsWanted: Int32Array,
  threads: number,
) {
  const { rows, columns } = byRow;
  const perBlock = roundUpToPanels(Math.min(rowsWanted.length, Math.ceil(BLOCK_CELLS / columns)));
  const ofWanted = new Float64Array(rowsWanted.length);
  const denseRow = (row: number) => {
    for (let n = 0; n < rowsWanted.length; n++) ofWanted[n] = inverse[row * rows + rowsWanted[n]!]!;
    return ofWanted;
  };
  const factors = { sparse: byColumn, denseRow, denseRows: rows, denseColumns: rowsWanted.length };
  const product = new SparseTimesDense(factors, columns * perBlock, { threads });
  try {
    for (const part of partsOf(rowsWanted.length, perBlock)) {
      const block = await product.block({ begin: 0, end: columns }, part);
      yield { part, stride: roundUpToPanels(part.end - part.begin), block };
    }
  } finally {
    await product.dispose();
  }
}

/** From K = (XX' + lambda I)^-1 and the diagonal of P. */
export function weightsByUsers(
  x: SparseMatrix,
  inverse: Float64Array,
  diagonal: Float64Array,
  lambda: number,
): Weights {
  const { rows, columns } = x.byRow;
  const timesX = timesXOf(x);
  const rowOf = (row: number) => inverse.subarray(row * rows, (row + 1) * rows);
  return {
    usersSide: true,
    size: rows,
    scoreUsers: scorerByUsers(x, inverse, diagonal, timesX),
    scorerOf: (people) =>
      oneByOne(columns, (person, scores) => {
        timesX(combine(rowOf, x.byColumn, entriesOf(people, person)), scores); // (xX')KX
        for (let j = 0; j < scores.length; j++) scores[j]! /= lambda * diagonal[j]!;
        for (const [column, value] of entriesOf(people, person))
          scores[column]! += value - value / (lambda * diagonal[column]!);
      }),
    towards: (column) => {
      const k = combine(rowOf, x.byColumn, [[column, 1]]); // K x_j
      return (other) => {
        let product = 0;
        for (const [row, value] of entriesOf(x.byColumn, other)) product += value * k[row]!;
        return product / (lambda * diagonal[column]!);
      };
    },
  };
}

/** S = -KX diag(1 / P_jj) + X, of rows of X. */
function scorerByUsers(
  x: SparseMatrix,
  inverse: Float64Array,
  diagonal: Float64Array,
  timesX: TimesX,
): Scorer {
  const { rows, columns } = x.byRow;
  const finish = (user: number, scores: Float64Array) => {
    for (let j = 0; j < columns; j++) scores[j]! /= -diagonal[j]!;
    for (const [column, value] of entriesOf(x.byRow, user)) scores[column]! += value;
  };
  const ofFew = oneByOne(columns, (user, scores) => {
    timesX(inverse.subarray(user * rows, (user + 1) * rows), scores);
    finish(user, scores);
  });
  return async (users, take, threads) => {
    if (users.length <= MAX_FEW_USERS) return ofFew(users, take);
    const scores = new Float64Array(columns);
    for await (const { part, stride, block } of blocksOfKX(x, inverse, users, threads)) {
      for (let n = part.begin; n < part.end; n++) {
        for (let j = 0; j < columns; j++) scores[j] = block[j * stride + n - part.begin]!;
        finish(users[n]!, scores);
        take(n, scores);
      }
    }
  };
}

/** From P = (X'X + lambda I)^-1. */
export function weightsByMovies({ byRow, byColumn }: SparseMatrix, inverse: Float64Array): Weights {
  const columns = byColumn.rows;
  const weightsOf = (column: number) => inverse.subarray(column * columns, (column + 1) * columns);
  const divisors = Float64Array.from(range(columns), (j) => -inverse[j * columns + j]!);
  return {
    usersSide: false,
    size: columns,
    scoreUsers: scorerByMovies(byRow, weightsOf, divisors),
    scorerOf: (people) => scorerByMovies(people, weightsOf, divisors),
    towards: (column) => (other) => -inverse[other * columns + column]! / inverse[column * columns + column]!,
  };
}

/** S = -XP diag(1 / P_jj) + X, of rows of X or others; `weightsOf` gives rows of P, `divisors` are -P_jj. */
function scorerByMovies(
  rows: Csr,
  weightsOf: (column: number) => Float64Array,
  divisors: Float64Array,
): Scorer {
  const columns = divisors.length;
  const finish = (row: number, scores: Float64Array) => {
    for (let j = 0; j < columns; j++) scores[j]! /= divisors[j]!;
    for (const [column, value] of entriesOf(rows, row)) scores[column]! += value;
  };
  const ofFew = oneByOne(columns, (row, scores) => {
    scores.fill(0);
    for (const [column, value] of entriesOf(rows, row)) {
      const weights = weightsOf(column);
      for (let j = 0; j < columns; j++) scores[j]! += value * weights[j]!;
    }
    finish(row, scores);
  });
  return async (users, take, threads) => {
    const own = selectRows(rows, users);
    if (own.indices.length <= columns) return ofFew(users, take); // copying P would take longer
    const perBlock = Math.min(users.length, Math.ceil(BLOCK_CELLS / columns));
    const factors = { sparse: own, denseRow: weightsOf, denseRows: columns, denseColumns: columns };
    const stride = roundUpToPanels(columns);
    const product = new SparseTimesDense(factors, perBlock * stride, { threads });
    try {
      for (const part of partsOf(users.length, perBlock)) {
        const block = await product.block(part, { begin: 0, end: columns });
        for (let n = part.begin; n < part.end; n++) {
          const scores = block.subarray((n - part.begin) * stride, (n - part.begin) * stride + columns);
          finish(users[n]!, scores);
          take(n, scores);
        }
      }
    } finally {
      await product.dispose();
    }
  };
}

/** The scores of one row after another, without the kernel. */
function oneByOne(columns: number, score: (row: number, scores: Float64Array) => void) {
  return (users: Int32Array, take: (n: number, scores: Float64Array) => void): Promise<void> => {
    const scores = new Float64Array(columns);
    users.forEach((user, n) => {
      score(user, scores);
      take(n, scores);
    });
    return Promise.resolve();
  };
}

/** Writes the product of a row vector, one number per row of X, with X. */
type TimesX = (weights: Float64Array, result: Float64Array) => void;

function timesXOf({ byRow }: SparseMatrix): TimesX {
  const rowsOfX = Array.from(range(byRow.rows), (row) => ({
    columns: indicesOf(byRow, row),
    values: valuesOf(byRow, row),
  }));
  return (weights, result) => {
    result.fill(0);
    rowsOfX.forEach(({ columns, values }, row) => {
      const weight = weights[row]!;
      for (let p = 0; p < columns.length; p++) result[columns[p]!]! += weight * values[p]!;
    });
  };
}

/** xX'K: the rows of K, each as often as the sparse x says by the columns of X. */
function combine(
  rowOfK: (row: number) => Float64Array,
  byColumn: Csr,
  x: Iterable<[column: number, value: number]>,
): Float64Array {
  const size = byColumn.columns;
  const products = new Float64Array(size);
  for (const [column, value] of x)
    for (const [row, cell] of entriesOf(byColumn, column)) products[row]! += value * cell;
  const result = new Float64Array(size);
  products.forEach((weight, row) => {
    if (weight === 0) return;
    const own = rowOfK(row);
    for (let n = 0; n < size; n++) result[n]! += weight * own[n]!;
  });
  return result;
}
