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
 * so that with few users no movies x movies matrix is ever made. Where both are many, the most rated movies are taken. A
 * person x who is no row of X gets xB by the same B, with xP = (x - (xX')KX) / lambda. Cells are (stars/4)^2; movie features
 * may enter as further rows of X, users that "rated" each movie of a genre.
 */
import type { Csr } from '../../data/csr.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { bestOf } from '../../numeric/best-of-row.ts';
import { invert } from '../../numeric/inverse.ts';
import { sum } from '../../util/arrays.ts';
import { FitError } from '../../util/errors.ts';
import { entriesOf } from '../../util/sparse-rows.ts';
import { silentProgress, type Progress } from '../../util/progress.ts';
import { interruptible } from '../../util/process/signals.ts';
import type { FitContext, Recommender, SavedState, TopK } from '../recommender.ts';
import { likedItems, savedArray, strongest, type Selection, type UsableModel } from '../saved.ts';
import { buildMatrix, columnsOf, gram, itemsOf, rowsOfX } from './matrix.ts';
import { MAX_INVERSE_ROWS, type EaseOptions } from './options.ts';
import { diagonalByUsers, weightsByMovies, weightsByUsers, type Scorer, type Weights } from './weights.ts';

export function createEase(options: EaseOptions): Recommender {
  return { name: 'ease', fit: (train, context) => fitEase(options, train, context) };
}

async function fitEase(options: EaseOptions, train: TrainingSet, context: FitContext): Promise<UsableModel> {
  const { signal } = context;
  const items = itemsOf(train, options.maxItems);
  if (items.length < train.catalogue.length) context.progress.note(leftOutNote(train, items));
  const { x, usersSide, inverted } = await interruptible(signal, () => {
    const matrix = buildMatrix(train, items, options);
    const fewerUsers = matrix.byRow.rows <= matrix.byColumn.rows;
    requireInvertible(Math.min(matrix.byRow.rows, matrix.byColumn.rows));
    const { byRow, byColumn } = matrix;
    const inverted = fewerUsers ? gram(byColumn, byRow) : gram(byRow, byColumn);
    return { x: matrix, usersSide: fewerUsers, inverted };
  });
  const { n, values: inverse } = inverted;
  for (let i = 0; i < n; i++) inverse[i * n + i]! += options.regularization;
  const task = context.progress.start('EASE', n, 'columns');
  const advance = (share: number) => task.advance(Math.round(share * n));
  try {
    await interruptible(signal, () => invert(inverse, n, { ...context, advance }));
  } finally {
    task.finish();
  }
  return await interruptible(signal, () => {
    const { threads, progress } = context;
    const learned = { train, items, rows: x.byRow, threads, progress };
    if (!usersSide) return fitted(options, learned, weightsByMovies(x, inverse), { inverse });
    const diagonal = diagonalByUsers(x, inverse, options.regularization);
    const weights = weightsByUsers(x, inverse, diagonal, options.regularization);
    return fitted(options, learned, weights, { inverse, diagonal });
  });
}

/** The fitted model from its saved state. Throws DataError when the state does not fit. */
export async function loadEase(
  options: EaseOptions,
  state: SavedState,
  train: TrainingSet,
  { threads }: Pick<FitContext, 'threads'>,
): Promise<UsableModel> {
  const items = itemsOf(train, options.maxItems);
  const x = buildMatrix(train, items, options);
  const [rows, columns] = [x.byRow.rows, x.byColumn.rows];
  const usersSide = rows <= columns;
  const n = Math.min(rows, columns);
  const inverse = savedArray(state, 'inverse', Float64Array, n * n);
  const learned = { train, items, rows: x.byRow, threads, progress: silentProgress };
  if (!usersSide) return fitted(options, learned, weightsByMovies(x, inverse), { inverse });
  const diagonal = savedArray(state, 'diagonal', Float64Array, columns);
  const weights = weightsByUsers(x, inverse, diagonal, options.regularization);
  return fitted(options, learned, weights, { inverse, diagonal });
}

function leftOutNote({ catalogue, ratingCounts, ratings }: TrainingSet, items: Int32Array): string {
  const covered = sum(Int32Array.from(items, (item) => ratingCounts[item]!)) / ratings.users.length;
  return (
    `EASE takes the ${items.length} most rated of ${catalogue.length} movies, with ${(100 * covered).toFixed(1)}% of the ` +
    'ratings; the others are never recommended (--max-items)'
  );
}

/** Before anything of that size is allocated. Throws FitError. */
function requireInvertible(rows: number): void {
  if (rows <= MAX_INVERSE_ROWS) return;
  throw new FitError({
    place: 'EASE',
    found: `${rows} rows to invert, features included`,
    wanted: `at most ${MAX_INVERSE_ROWS}`,
    remedy: `Use --max-items ${MAX_INVERSE_ROWS} or fewer.`,
  });
}

/** Whom the lists are for, and of what. */
interface Learned {
  /** `train.byUser`: what each user has rated, in stars, with all movies. */
  train: TrainingSet;
  /** The movie of each column of X. */
  items: Int32Array;
  /** What each user has rated, in the columns and values of X. */
  rows: Csr;
  threads: number;
  progress: Progress;
}

function fitted(
  options: EaseOptions,
  learned: Learned,
  weights: Weights,
  state: SavedState,
  scorer: Scorer = weights.scoreUsers,
): UsableModel {
  const { train, items, rows } = learned;
  const columnOf = columnsOf(items, train.itemCount);
  const { usersSide, size } = weights;
  return {
    items,
    recommend: (users, k, selection) => recommend(learned, columnOf, scorer, users, k, selection),
    explain: (user, listed, count) => {
      const liked = new Set(likedItems(train.byUser, user));
      const known = [...entriesOf(rows, user)].filter(([column]) => liked.has(items[column]!));
      return Array.from(listed, (item) => {
        const column = columnOf[item]!;
        const to = weights.towards(column);
        const others = known.filter(([other]) => other !== column);
        const reasons = others.map(([other, value]) => ({
          because: items[other]!,
          weight: value * to(other),
        }));
        return strongest(reasons, count);
      });
    },
    foldIn: async (histories) => {
      const people = rowsOfX(histories, { items, itemCount: train.itemCount }, options);
      const ofPeople = { ...learned, train: { ...train, byUser: histories }, rows: people };
      return fitted(options, ofPeople, weights, state, weights.scorerOf(people));
    },
    facts: {
      inverted: usersSide ? 'users' : 'movies',
      rows: size,
      ...(items.length < train.catalogue.length && { items: items.length }),
    },
    save: () => state,
  };
}

async function recommend(
  { items: catalogue, rows, threads, progress }: Learned,
  columnOf: Int32Array,
  scorer: Scorer,
  users: Int32Array,
  k: number,
  selection?: Selection,
): Promise<TopK> {
  const items = new Int32Array(users.length * k).fill(-1);
  const scores = new Float32Array(users.length * k);
  const isExcluded = selection && new Uint8Array(catalogue.length).fill(1);
  for (const item of selection?.candidates ?? []) if (columnOf[item]! >= 0) isExcluded![columnOf[item]!] = 0;
  const task = progress.start('recommend', users.length, 'users');
  const rank = (row: number, candidates: Float64Array) => {
    for (let j = 0; j < candidates.length; j++) {
      candidates[j] = isExcluded?.[j] === 1 ? NaN : Math.fround(candidates[j]!); // ties as the list shows them
    }
    if (!selection?.includeSeen)
      for (const [column] of entriesOf(rows, users[row]!)) candidates[column] = NaN;
    bestOf(candidates, k).forEach((candidate, rank) => {
      items[row * k + rank] = catalogue[candidate]!;
      scores[row * k + rank] = candidates[candidate]!;
    });
    task.advance();
  };
  try {
    await scorer(users, rank, threads);
  } finally {
    task.finish();
  }
  return { k, items, scores };
}
