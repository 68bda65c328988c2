/** The weights B of EASE from the inverse of the smaller side: scores of users and of other people, and single weights. */
import type { Csr } from '../../data/csr.ts';
import { range } from '../../util/arrays.ts';
import { entriesOf, indicesOf, valuesOf } from '../../util/sparse-rows.ts';
import type { SparseMatrix } from './matrix.ts';

/** Scores of one user or person for the whole catalogue, written into `scores`. */
export type Scorer = (row: number, scores: Float64Array) => void;

export interface Weights {
  usersSide: boolean;
  /** Rows of the inverse. */
  size: number;
  scoreUser: Scorer;
  /** For rows that are none of X's. */
  scorerOf: (people: Csr) => Scorer;
  /** B_ij for the column j, of any i but j. */
  towards: (column: number) => (other: number) => number;
}

/** P_jj = (1 - x_j' K x_j) / lambda of every column, from K = (XX' + lambda I)^-1. */
export function diagonalByUsers(x: SparseMatrix, inverse: Float64Array, lambda: number): Float64Array {
  const timesX = timesXOf(x);
  const { rows } = x.byRow;
  const diagonal = new Float64Array(x.byColumn.rows).fill(1 / lambda);
  const product = new Float64Array(x.byColumn.rows);
  for (let row = 0; row < rows; row++) {
    timesX(inverse.subarray(row * rows, (row + 1) * rows), product);
    for (const [column, value] of entriesOf(x.byRow, row))
      diagonal[column]! -= (value * product[column]!) / lambda;
  }
  return diagonal;
}

/** From K = (XX' + lambda I)^-1 and the diagonal of P. */
export function weightsByUsers(
  x: SparseMatrix,
  inverse: Float64Array,
  diagonal: Float64Array,
  lambda: number,
): Weights {
  const { rows } = x.byRow;
  const timesX = timesXOf(x);
  const rowOf = (row: number) => inverse.subarray(row * rows, (row + 1) * rows);
  return {
    usersSide: true,
    size: rows,
    scoreUser: (user, scores) => {
      timesX(rowOf(user), scores);
      for (let j = 0; j < scores.length; j++) scores[j]! /= -diagonal[j]!;
      for (const [column, value] of entriesOf(x.byRow, user)) scores[column]! += value;
    },
    scorerOf: (people) => (person, scores) => {
      timesX(combine(rowOf, x.byColumn, entriesOf(people, person)), scores); // (xX')KX
      for (let j = 0; j < scores.length; j++) scores[j]! /= lambda * diagonal[j]!;
      for (const [column, value] of entriesOf(people, person))
        scores[column]! += value - value / (lambda * diagonal[column]!);
    },
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

/** From P = (X'X + lambda I)^-1. */
export function weightsByMovies({ byRow, byColumn }: SparseMatrix, inverse: Float64Array): Weights {
  const columns = byColumn.rows;
  const scorerOf =
    (rows: Csr): Scorer =>
    (row, scores) => {
      scores.fill(0);
      for (const [column, value] of entriesOf(rows, row)) {
        const weights = inverse.subarray(column * columns, (column + 1) * columns);
        for (let j = 0; j < columns; j++) scores[j]! += value * weights[j]!;
      }
      for (let j = 0; j < columns; j++) scores[j]! /= -inverse[j * columns + j]!;
      for (const [column, value] of entriesOf(rows, row)) scores[column]! += value;
    };
  return {
    usersSide: false,
    size: columns,
    scoreUser: scorerOf(byRow),
    scorerOf,
    towards: (column) => (other) => -inverse[other * columns + column]! / inverse[column * columns + column]!,
  };
}

/** The product of a row vector, one number per row of X, with X. */
function timesXOf({ byRow }: SparseMatrix): (weights: Float64Array, result: Float64Array) => void {
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
