/**
 * EASE (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"): the movie-to-movie weights B that best
 * reproduce X (users x movies) from itself, |X - XB|^2 + lambda |B|^2 with a zero diagonal, in closed form:
 *
 *     P = (X'X + lambda I)^-1,   B = I - P diag(1 / P_jj),   scores S = XB.
 *
 * For a movie that the user did not rate, X_uj = 0 and S_uj = -(XP)_uj / P_jj. Whichever of X'X (movies) and XX'
 * (users) is smaller gets inverted: with K = (XX' + lambda I)^-1, by Woodbury's identity,
 *
 *     XP = KX,   P_jj = (1 - x_j' K x_j) / lambda,
 *
 * so that with few users no movies x movies matrix is ever made. Where both are many, the most rated movies are taken. Cells are (stars/4)^2; movie features may enter as
 * further rows of X, users that "rated" each movie of a genre.
 */
import type { TrainingSet } from '../../data/training-set.ts';
import { invert } from '../../numeric/inverse.ts';
import { bestOf } from '../../numeric/best-of-row.ts';
import { range, sum } from '../../util/arrays.ts';
import { RecsysError } from '../../util/errors.ts';
import { entriesOf, indicesOf, valuesOf } from '../../util/sparse-rows.ts';
import { interruptible } from '../../util/process/signals.ts';
import type { FitContext, Fitted, Recommender, TopK } from '../recommender.ts';
import { buildMatrix, gram, itemsOf, type SparseMatrix } from './matrix.ts';
import { MAX_INVERSE_ROWS, type EaseOptions } from './options.ts';

export function createEase(options: EaseOptions): Recommender {
  return { name: 'ease', fit: (train, context) => fitEase(options, train, context) };
}

/** Scores of one user for the whole catalogue, written into `scores`; only those of unrated movies mean anything. */
type Scorer = (user: number, scores: Float64Array) => void;

async function fitEase(options: EaseOptions, train: TrainingSet, context: FitContext): Promise<Fitted> {
  const { signal } = context;
  const items = itemsOf(train, options.maxItems);
  if (items.length < train.catalogue.length) context.progress.note(leftOutNote(train, items));
  const { x, usersSide, inverted } = await interruptible(signal, () => {
    const matrix = buildMatrix(train, items, options);
    const fewerUsers = matrix.byRow.rows <= matrix.byColumn.rows;
    requireInvertible(Math.min(matrix.byRow.rows, matrix.byColumn.rows));
    const side = fewerUsers ? matrix.byColumn : matrix.byRow;
    return { x: matrix, usersSide: fewerUsers, inverted: gram(side) };
  });
  const n = inverted.n;
  for (let i = 0; i < n; i++) inverted.values[i * n + i]! += options.regularization;
  const task = context.progress.start('EASE', n, 'columns');
  const advance = (share: number) => task.advance(Math.round(share * n));
  await interruptible(signal, () => invert(inverted.values, n, { ...context, advance }));
  task.finish();
  const scorer = await interruptible(signal, () =>
    usersSide
      ? scorerByUsers(x, inverted.values, options.regularization)
      : scorerByMovies(x, inverted.values),
  );
  return {
    recommend: async (users, k) => recommend(x, scorer, users, k),
    facts: {
      inverted: usersSide ? 'users' : 'movies',
      rows: n,
      ...(items.length < train.catalogue.length && { items: items.length }),
    },
  };
}

function leftOutNote({ catalogue, ratingCounts, ratings }: TrainingSet, items: Int32Array): string {
  const covered = sum(Int32Array.from(items, (item) => ratingCounts[item]!)) / ratings.users.length;
  return (
    `EASE takes the ${items.length} most rated of ${catalogue.length} movies, with ${(100 * covered).toFixed(1)}% of the ` +
    'ratings; the others are never recommended (--max-items)'
  );
}

/** Before anything of that size is allocated. Throws RecsysError. */
function requireInvertible(rows: number): void {
  if (rows <= MAX_INVERSE_ROWS) return;
  throw new RecsysError({
    place: 'EASE',
    found: `${rows} rows to invert, features included`,
    wanted: `at most ${MAX_INVERSE_ROWS}`,
    remedy: `Use --max-items ${MAX_INVERSE_ROWS} or fewer.`,
  });
}

/** From K = (XX' + lambda I)^-1. */
function scorerByUsers({ byRow, byColumn }: SparseMatrix, inverse: Float64Array, lambda: number): Scorer {
  const rows = byRow.rows;
  const rowsOfX = Array.from(range(rows), (row) => ({
    columns: indicesOf(byRow, row),
    values: valuesOf(byRow, row),
  }));
  const timesX: Scorer = (row, result) => {
    result.fill(0);
    rowsOfX.forEach(({ columns, values }, other) => {
      const weight = inverse[row * rows + other]!;
      for (let p = 0; p < columns.length; p++) result[columns[p]!]! += weight * values[p]!;
    });
  };
  const diagonal = new Float64Array(byColumn.rows).fill(1 / lambda);
  const product = new Float64Array(byColumn.rows);
  for (let row = 0; row < rows; row++) {
    timesX(row, product);
    for (const [column, value] of entriesOf(byRow, row))
      diagonal[column]! -= (value * product[column]!) / lambda;
  }
  return (user, scores) => {
    timesX(user, scores);
    for (let j = 0; j < scores.length; j++) scores[j]! /= -diagonal[j]!;
  };
}

/** From P = (X'X + lambda I)^-1. */
function scorerByMovies({ byRow, byColumn }: SparseMatrix, inverse: Float64Array): Scorer {
  const columns = byColumn.rows;
  return (user, scores) => {
    scores.fill(0);
    for (const [column, value] of entriesOf(byRow, user)) {
      const weights = inverse.subarray(column * columns, (column + 1) * columns);
      for (let j = 0; j < columns; j++) scores[j]! += value * weights[j]!;
    }
    for (let j = 0; j < columns; j++) scores[j]! /= -inverse[j * columns + j]!;
  };
}

function recommend(
  { byRow, items: catalogue }: SparseMatrix,
  scorer: Scorer,
  users: Int32Array,
  k: number,
): TopK {
  const items = new Int32Array(users.length * k).fill(-1);
  const scores = new Float32Array(users.length * k);
  const candidates = new Float64Array(catalogue.length);
  users.forEach((user, row) => {
    scorer(user, candidates);
    for (let j = 0; j < candidates.length; j++) candidates[j] = Math.fround(candidates[j]!); // ties as the list shows them
    for (const column of indicesOf(byRow, user)) candidates[column] = NaN;
    bestOf(candidates, k).forEach((candidate, rank) => {
      items[row * k + rank] = catalogue[candidate]!;
      scores[row * k + rank] = candidates[candidate]!;
    });
  });
  return { k, items, scores };
}
