// Alternating least squares for one side of a factorization, the other side held fixed (Hu, Koren and Volinsky 2008,
// in the form of Rendle et al. 2021). Row u of the side being solved, with observed entries i, confidence w and
// target t, is the minimum of
//
//     sum_i w (t - x.y_i)^2 + a sum_all (x.y)^2 + lambda_u |x - m_u|^2,
//
// that is, the solution of (a Y'Y + sum_i w y_i y_i' + lambda_u I) x = sum_i w t y_i + lambda_u m_u. The Gram matrix
// a Y'Y is shared by all rows. The plain form of each kernel is in src/numeric/reference/als.ts, to the bit.

import {
  addDiagonal,
  addGram,
  backward,
  cholesky,
  forward,
  forwardPanel,
  gather,
  GATHERED,
  panelAt,
  ROW,
  tile,
} from './panels';
import { axpy, axpy4, dot, dots4, madd, sumLanes } from './simd';

// Everything that an update of one side reads and writes, as addresses; the host fills it in this order.
@unmanaged
class Update {
  // The observed cells of the rows to solve: rows + 1 offsets, then per entry its column and the level of its rating.
  pointers: usize;
  indices: usize;
  levels: usize;
  // Per level: sqrt(w) and sqrt(w) t for alsCholesky, w and w t for alsConjugateGradient.
  confidence: usize;
  target: usize;
  x: usize;
  y: usize;
  // G = a Y'Y: in panels for alsCholesky, (k, k) for alsConjugateGradient.
  gram: usize;
  lambdas: usize;
  // m, as X, or 0 for m = 0.
  prior: usize;
  k: i32;
  // For alsConjugateGradient: (G + meanLambda I)^-1, (k, k).
  inverse: usize;
  // The address of meanLambda.
  meanLambda: usize;
  // All rows, in the order in which they are solved: rows of like numbers of entries together.
  order: usize;
}

// Entry p: the row of Y that it stands for, and the values of its level.
function otherOf(update: Update, p: i32): usize {
  return update.y + <usize>load<i32>(update.indices + ((<usize>p) << 2)) * ((<usize>update.k) << 2);
}
function confidenceOf(update: Update, p: i32): f32 {
  return load<f32>(update.confidence + ((<usize>load<u8>(update.levels + <usize>p)) << 2));
}
function targetOf(update: Update, p: i32): f32 {
  return load<f32>(update.target + ((<usize>load<u8>(update.levels + <usize>p)) << 2));
}

// Block b of `rows / blockRows` blocks: out[b] = Y_b' Y_b in panels. Scratch: 64 rows of k floats.
export function gramBlocks(
  begin: i32,
  end: i32,
  scratch: usize,
  y: usize,
  rows: i32,
  blockRows: i32,
  k: i32,
  out: usize,
): void {
  const stride = (<usize>k) << 2;
  const bytes = panelAt(k >> 3);
  for (let block = begin; block < end; block++) {
    const sums = out + <usize>block * bytes;
    const last = min(rows, (block + 1) * blockRows);
    memory.fill(sums, 0, bytes);
    for (let row = block * blockRows; row < last; row += GATHERED) {
      const n = min(GATHERED, last - row);
      for (let p = 0; p < n; p++) gather(y + <usize>(row + p) * stride, 1, scratch, p, k);
      addGram(sums, scratch, n, k);
    }
  }
}

// Factor f of `begin` to `end`: the Cholesky factor of G + lambdas[f] I, in panels followed by its k inverses.
export function factorGrams(
  begin: i32,
  end: i32,
  scratch: usize,
  gram: usize,
  lambdas: usize,
  k: i32,
  out: usize,
): void {
  const matrixBytes = panelAt(k >> 3);
  for (let f = begin; f < end; f++) {
    const factor = out + <usize>f * (matrixBytes + ((<usize>k) << 2));
    memory.copy(factor, gram, matrixBytes);
    addDiagonal(factor, load<f32>(lambdas + ((<usize>f) << 2)), k);
    cholesky(factor, k, factor + matrixBytes);
  }
}

// Columns 8 `begin` to 8 `end` of U'^-1 in panels of k rows, from a factor U of factorGrams.
export function invertFactor(begin: i32, end: i32, scratch: usize, factor: usize, k: i32, out: usize): void {
  for (let j = begin; j < end; j++) {
    const panel = out + <usize>(j * k) * ROW;
    memory.fill(panel, 0, <usize>k * ROW);
    for (let c: usize = 0; c < 8; c++) store<f32>(panel + (((<usize>j) << 3) + c) * ROW + (c << 2), 1);
    forwardPanel(factor, factor + panelAt(k >> 3), panel, k);
  }
}

// Panels `begin` to `end` of (U'U)^-1 = Z'Z, from the panels of Z = U'^-1.
export function squareInverse(begin: i32, end: i32, scratch: usize, z: usize, k: i32, out: usize): void {
  for (let j = begin; j < end; j++) {
    memory.fill(out + panelAt(j), 0, <usize>((j + 1) << 3) * ROW);
    for (let i = 0; i < (j + 1) << 3; i += 4) {
      const left = z + <usize>((i >> 3) * k) * ROW + ((<usize>(i & 4)) << 2);
      tile(1, left, z + <usize>(j * k) * ROW, k, out + panelAt(j) + <usize>i * ROW);
    }
  }
}

// Solves (G + lambda I + sum w y y') x = b + sum w t y in place of b, over entries `first` to `last`.
function solveLong(update: Update, first: i32, last: i32, lambda: f32, b: usize, scratch: usize): void {
  const k = update.k;
  const stride = (<usize>k) << 2;
  const matrixBytes = panelAt(k >> 3);
  const inverses = scratch + matrixBytes;
  const gathered = inverses + stride;
  memory.copy(scratch, update.gram, matrixBytes);
  addDiagonal(scratch, lambda, k);
  for (let p0 = first; p0 < last; p0 += GATHERED) {
    const n = min(GATHERED, last - p0);
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

// The same for at most 7 entries, from the factor U of M = G + lambda I, which rows of equal lambda share. With the
// rows sqrt(w) y as the columns of V, and s = sqrt(w) t, the solution of (M + VV') x = b + V s is
//
//     x = U^-1 (z + Z q),   (I + Z'Z) q = s - Z'z,   Z = U'^-1 V,   z = U'^-1 b   (Sherman, Morrison and Woodbury):
//
// k^2 operations for each of eight columns in place of k^3/3. Column 0 of the panel is z, with q_0 = 1.
function solveShort(update: Update, first: i32, last: i32, factor: usize, b: usize, scratch: usize): void {
  const k = update.k;
  const stride = (<usize>k) << 2;
  const inverses = factor + panelAt(k >> 3);
  const z = scratch;
  const small = z + <usize>k * ROW;
  const q = small + 8 * ROW;
  const smallInverses = q + ROW;
  memory.fill(scratch, 0, <usize>(k + 9) * ROW);
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
  tile(1, z + 16, z, k, small + 4 * ROW);
  for (let c: usize = 4; c < ROW; c += 4) {
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

// Solves rows `begin` to `end` of X exactly. `factorOf` says which of `factors` (from factorGrams) belongs to a row of
// at most 7 entries, or -1. A row without entries becomes 0.
// Scratch: the panels of one matrix, 66 rows of k floats, and 512 bytes.
export function alsCholesky(
  begin: i32,
  end: i32,
  scratch: usize,
  update: Update,
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

// Rows that take their steps of conjugate gradients together, so that G is read once for all of them.
const GROUP: i32 = 4;
const HEAD: usize = 32;
// A row is solved well enough when |r|^2 has fallen to this share of what it was: |r| to a fifth. The next sweep goes on
// from there, and the ranking is that of the exact solution.
const SOLVED: f32 = 0.04;

// One of the rows: where X has it, its regularization and entries; r.z for the residual r and z = M^-1 r of the last step,
// and |r|^2 below which it is solved.
@unmanaged
class Row {
  x: usize;
  prior: usize;
  lambda: f32;
  first: i32;
  last: i32;
  norm: f32;
  enough: f32;
  solved: bool;
}
function headOf(group: usize, n: i32): Row {
  return changetype<Row>(group + <usize>n * HEAD);
}

// r_n = A x_n for the four rows of a group, A (k, k), symmetric and full; x and r are (4, k).
function multiply(a: usize, x: usize, r: usize, k: i32): void {
  const stride = (<usize>k) << 2;
  const x1 = x + stride;
  const x2 = x1 + stride;
  const x3 = x2 + stride;
  const r1 = r + stride;
  const r2 = r1 + stride;
  const r3 = r2 + stride;
  for (let j: usize = 0; j < stride; j += 32) {
    let a0 = f32x4.splat(0);
    let b0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let b1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let b2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let b3 = f32x4.splat(0);
    let row = a + j;
    for (let i: usize = 0; i < stride; i += 4) {
      const g0 = v128.load(row);
      const g1 = v128.load(row, 16);
      let s = v128.load32_splat(x + i);
      a0 = madd(s, g0, a0);
      b0 = madd(s, g1, b0);
      s = v128.load32_splat(x1 + i);
      a1 = madd(s, g0, a1);
      b1 = madd(s, g1, b1);
      s = v128.load32_splat(x2 + i);
      a2 = madd(s, g0, a2);
      b2 = madd(s, g1, b2);
      s = v128.load32_splat(x3 + i);
      a3 = madd(s, g0, a3);
      b3 = madd(s, g1, b3);
      row += stride;
    }
    v128.store(r + j, a0);
    v128.store(r + j, b0, 16);
    v128.store(r1 + j, a1);
    v128.store(r1 + j, b1, 16);
    v128.store(r2 + j, a2);
    v128.store(r2 + j, b2, 16);
    v128.store(r3 + j, a3);
    v128.store(r3 + j, b3, 16);
  }
}

// What entry p, whose row of Y has the dot product `product` with x, adds of that row: w product, or w t - w product.
function weightOf(update: Update, p: i32, product: f32, residual: bool): f32 {
  const weighted = confidenceOf(update, p) * product;
  return residual ? targetOf(update, p) - weighted : weighted;
}

// sum += sum_i weight_i y_i over the entries `first` to `last`, weights as above. Four rows at a time: the rows are
// spread over memory and wait for each other less, and x and sum are read a quarter as often.
function addEntries(
  update: Update,
  first: i32,
  last: i32,
  x: usize,
  sum: usize,
  residual: bool,
  weights: usize,
): void {
  const stride = (<usize>update.k) << 2;
  let p = first;
  for (; p + 4 <= last; p += 4) {
    const y0 = otherOf(update, p);
    const y1 = otherOf(update, p + 1);
    const y2 = otherOf(update, p + 2);
    const y3 = otherOf(update, p + 3);
    dots4(y0, y1, y2, y3, x, stride, weights);
    for (let n = 0; n < 4; n++) {
      const weight = weights + ((<usize>n) << 2);
      store<f32>(weight, weightOf(update, p + n, load<f32>(weight), residual));
    }
    axpy4(weights, y0, y1, y2, y3, sum, stride);
  }
  for (; p < last; p++) {
    const y = otherOf(update, p);
    axpy(weightOf(update, p, dot(y, x, stride), residual), y, sum, stride);
  }
}

// x = factor x + y
function scaleAdd(factor: f32, x: usize, y: usize, bytes: usize): void {
  const s = f32x4.splat(factor);
  for (let j: usize = 0; j < bytes; j += 16) v128.store(x + j, madd(s, v128.load(x + j), v128.load(y + j)));
}

// At most `steps` steps for the first `rows` rows of a group, whose heads are set. With M = G + meanLambda I, z = M^-1 r and the
// direction p = z + turn p, M p = r + turn M p comes without a product; what is left of the matrix times p,
// (lambda - meanLambda) p and the entries, is added to it.
function solveGroup(update: Update, group: usize, rows: i32, steps: i32): void {
  const stride = (<usize>update.k) << 2;
  const size = stride * GROUP;
  const residuals = group + HEAD * GROUP;
  const directions = residuals + size;
  const products = directions + size;
  const solved = products + size;
  const image = solved + size;
  const weights = image + stride;
  const meanLambda = load<f32>(update.meanLambda);
  for (let n = 0; n < rows; n++) memory.copy(directions + <usize>n * stride, headOf(group, n).x, stride);
  multiply(update.gram, directions, residuals, update.k);
  for (let n = 0; n < rows; n++) {
    const row = headOf(group, n);
    const residual = residuals + <usize>n * stride;
    axpy(row.lambda, row.x, residual, stride);
    for (let j: usize = 0; j < stride; j += 16) v128.store(residual + j, f32x4.neg(v128.load(residual + j)));
    if (row.prior) axpy(row.lambda, row.prior, residual, stride);
    addEntries(update, row.first, row.last, row.x, residual, true, weights);
    row.enough = SOLVED * dot(residual, residual, stride);
    row.solved = false;
  }
  let left = rows;
  for (let step = 0; step < steps && left > 0; step++) {
    multiply(update.inverse, residuals, solved, update.k);
    for (let n = 0; n < rows; n++) {
      const row = headOf(group, n);
      if (row.solved) continue;
      const at = <usize>n * stride;
      const residual = residuals + at;
      const direction = directions + at;
      const product = products + at;
      const norm = dot(residual, solved + at, stride);
      const turn: f32 = step == 0 ? 0 : norm / row.norm;
      row.norm = norm;
      if (!(norm > <f32>1e-12)) {
        row.solved = true;
        left--;
        continue;
      }
      scaleAdd(turn, direction, solved + at, stride);
      scaleAdd(turn, product, residual, stride);
      memory.copy(image, product, stride);
      axpy(row.lambda - meanLambda, direction, image, stride);
      addEntries(update, row.first, row.last, direction, image, false, weights);
      const length = norm / dot(direction, image, stride);
      axpy(length, direction, row.x, stride);
      axpy(-length, image, residual, stride);
      if (dot(residual, residual, stride) <= row.enough) {
        row.solved = true;
        left--;
      }
    }
  }
}

// Places `begin` to `end` of the order, by at most `steps` steps of conjugate gradients from the present X (Takács,
// Pilászy and Tikk 2011), which cost k^2 operations in place of k^3/3. Differs: preconditioned by the inverse of what
// all rows have in common, so that one step gets as near as three without. Scratch: 17 rows of k floats and 144 bytes.
export function alsConjugateGradient(begin: i32, end: i32, scratch: usize, update: Update, steps: i32): void {
  const stride = (<usize>update.k) << 2;
  for (let at = begin; at < end;) {
    let rows = 0;
    for (; at < end && rows < GROUP; at++) {
      const u = load<i32>(update.order + ((<usize>at) << 2));
      const word = (<usize>u) << 2;
      const row = headOf(scratch, rows);
      row.x = update.x + <usize>u * stride;
      row.prior = update.prior ? update.prior + <usize>u * stride : 0;
      row.lambda = load<f32>(update.lambdas + word);
      row.first = load<i32>(update.pointers + word);
      row.last = load<i32>(update.pointers + word, 4);
      if (row.first < row.last) rows++;
      else memory.fill(row.x, 0, stride);
    }
    if (rows > 0) solveGroup(update, scratch, rows, steps);
  }
}
