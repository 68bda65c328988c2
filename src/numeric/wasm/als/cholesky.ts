// Rows of ALS (see als/update.ts) solved exactly. The plain form is in test/numeric/reference/als.ts, to the bit for all
// but short rows.

import { confidenceOf, otherOf, targetOf, AlsUpdate } from './update';
import {
  addDiagonal,
  addGram,
  backward,
  cholesky,
  forward,
  forwardPanel,
  gather,
  GATHERED_ROWS,
  panelAt,
  PANEL_ROW_BYTES,
  tile,
} from '../panels';
import { axpy, madd, sumLanes } from '../simd';

// Entries of a row that is solved from a shared factor, at most: with the prior they fill a panel's eight columns.
export const MAX_SHORT_ENTRIES: i32 = 7;

// Solves (G + lambda I + sum w y y') x = b + sum w t y in place of b, over entries `first` to `last`.
function solveLong(update: AlsUpdate, first: i32, last: i32, lambda: f32, b: usize, scratch: usize): void {
  const k = update.k;
  const stride = (<usize>k) << 2;
  const matrixBytes = panelAt(k >> 3);
  const inverses = scratch + matrixBytes;
  const gathered = inverses + stride;
  memory.copy(scratch, update.gram, matrixBytes);
  addDiagonal(scratch, lambda, k);
  for (let p0 = first; p0 < last; p0 += GATHERED_ROWS) {
    const n = min(GATHERED_ROWS, last - p0);
    for (let p = 0; p < n; p++) {
      const other = otherOf(update, p0 + p);
      const root = confidenceOf(update, p0 + p);
      gather(other, root, gathered, p, k);
      axpy(root * targetOf(update, p0 + p), other, b, stride);
    }
    addGram(scratch, gathered, n, k);
  }
  cholesky(scratch, k, inverses);
  forward(scratch, inverses, b, k);
  backward(scratch, inverses, b, k);
}

// The same for at most MAX_SHORT_ENTRIES entries, from the factor U of M = G + lambda I, which rows of equal lambda share. With the
// rows sqrt(w) y as the columns of V, and s = sqrt(w) t, the solution of (M + VV') x = b + V s is
//
//     x = U^-1 (z + Z q),   (I + Z'Z) q = s - Z'z,   Z = U'^-1 V,   z = U'^-1 b   (Sherman, Morrison and Woodbury):
//
// k^2 operations for each of eight columns in place of k^3/3. Column 0 of the panel is z, with q_0 = 1.
function solveShort(update: AlsUpdate, first: i32, last: i32, factor: usize, b: usize, scratch: usize): void {
  const k = update.k;
  const stride = (<usize>k) << 2;
  const inverses = factor + panelAt(k >> 3);
  const z = scratch;
  const small = z + <usize>k * PANEL_ROW_BYTES;
  const q = small + 8 * PANEL_ROW_BYTES;
  const smallInverses = q + PANEL_ROW_BYTES;
  memory.fill(scratch, 0, <usize>(k + 9) * PANEL_ROW_BYTES);
  for (let f: usize = 0; f < stride; f += 4) store<f32>(z + f * 8, load<f32>(b + f));
  for (let p = first; p < last; p++) {
    const other = otherOf(update, p);
    const root = confidenceOf(update, p);
    const column = (<usize>(p - first + 1)) << 2;
    for (let f: usize = 0; f < stride; f += 4) store<f32>(z + column + f * 8, root * load<f32>(other + f));
    store<f32>(q + column, targetOf(update, p));
  }
  forwardPanel(factor, inverses, z, k);
  addDiagonal(small, 1, 8);
  tile(1, z, z, k, small);
  tile(1, z + 16, z, k, small + 4 * PANEL_ROW_BYTES);
  for (let c: usize = 4; c < PANEL_ROW_BYTES; c += 4) {
    store<f32>(q + c, load<f32>(q + c) - load<f32>(small + c));
    store<f32>(small + c, 0);
  }
  store<f32>(small, 1);
  store<f32>(q, 1);
  cholesky(small, 8, smallInverses);
  forward(small, smallInverses, q, 8);
  backward(small, smallInverses, q, 8);
  const low = v128.load(q);
  const high = v128.load(q, 16);
  for (let f: usize = 0; f < stride; f += 4) {
    const row = z + f * 8;
    store<f32>(b + f, sumLanes(madd(high, v128.load(row, 16), f32x4.mul(low, v128.load(row)))));
  }
  backward(factor, inverses, b, k);
}

// One row b; then, for a long row, a matrix in panels, its k inverses and the gathered rows; for a short one, its panel
// of k rows, the small matrix, q and its inverses.
export function alsCholeskyScratch(update: AlsUpdate): usize {
  const k = update.k;
  const stride = (<usize>k) << 2;
  const long = panelAt(k >> 3) + stride + <usize>GATHERED_ROWS * stride;
  const short = <usize>(k + 10) * PANEL_ROW_BYTES;
  return stride + max(long, short);
}

// Solves rows `begin` to `end` of X exactly. `factorOf` says which of `factors` (from factorGrams) belongs to a row of
// at most MAX_SHORT_ENTRIES entries, or -1. A row without entries becomes 0.
export function alsCholesky(
  begin: i32,
  end: i32,
  scratch: usize,
  update: AlsUpdate,
  factorOf: usize,
  factors: usize,
): void {
  const k = update.k;
  const stride = (<usize>k) << 2;
  const b = scratch;
  scratch += stride;
  for (let u = begin; u < end; u++) {
    const at = (<usize>u) << 2;
    const first = load<i32>(update.pointers + at);
    const last = load<i32>(update.pointers + at, 4);
    memory.fill(b, 0, stride);
    if (first < last) {
      const lambda = load<f32>(update.lambdas + at);
      const shared = load<i32>(factorOf + at);
      if (update.prior) axpy(lambda, update.prior + <usize>u * stride, b, stride);
      if (shared < 0) {
        solveLong(update, first, last, lambda, b, scratch);
      } else {
        const factor = factors + <usize>shared * (panelAt(k >> 3) + stride);
        solveShort(update, first, last, factor, b, scratch);
      }
    }
    memory.copy(update.x + <usize>u * stride, b, stride);
  }
}
