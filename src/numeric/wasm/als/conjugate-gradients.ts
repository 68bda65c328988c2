// Rows of ALS (see als/update.ts) by preconditioned conjugate gradients. The plain form is in
// test/numeric/reference/als.ts, to the bit.

import { confidenceOf, otherOf, targetOf, AlsUpdate } from './update';
import { axpy, axpy4, dot, dots4, madd, scaleAdd } from '../simd';

// Rows that take their steps of conjugate gradients together, so that G is read once for all of them.
const ROWS_PER_GROUP: i32 = 4;
const HEAD_BYTES: usize = 32;
// A row is solved well enough when |r|^2 has fallen to this share of what it was: |r| to a fifth. The next sweep goes on
// from there, and the ranking is that of the exact solution.
const SOLVED_SHARE: f32 = 0.04;

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
  tolerance: f32;
  solved: bool;
}
function headOf(group: usize, n: i32): Row {
  return changetype<Row>(group + <usize>n * HEAD_BYTES);
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
function weightOf(update: AlsUpdate, p: i32, product: f32, residual: bool): f32 {
  const weighted = confidenceOf(update, p) * product;
  return residual ? targetOf(update, p) - weighted : weighted;
}

// sum += sum_i weight_i y_i over the entries `first` to `last`, weights as above. Four rows at a time: the rows are
// spread over memory and wait for each other less, and x and sum are read a quarter as often.
function addEntries(
  update: AlsUpdate,
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

// At most `steps` steps for the first `rows` rows of a group, whose heads are set. With M = G + meanLambda I, z = M^-1 r and
// the direction p = z + beta p, M p = r + beta M p comes without a product; what is left of A p, with A the row's own
// matrix, is (lambda - meanLambda) p and the entries.
function solveGroup(update: AlsUpdate, group: usize, rows: i32, steps: i32): void {
  const stride = (<usize>update.k) << 2;
  const size = stride * ROWS_PER_GROUP;
  const residuals = group + HEAD_BYTES * ROWS_PER_GROUP;
  const directions = residuals + size;
  const products = directions + size;
  const solved = products + size;
  const Ap = solved + size;
  const weights = Ap + stride;
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
    row.tolerance = SOLVED_SHARE * dot(residual, residual, stride);
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
      const beta: f32 = step == 0 ? 0 : norm / row.norm;
      row.norm = norm;
      if (!(norm > <f32>1e-12)) {
        row.solved = true;
        left--;
        continue;
      }
      scaleAdd(beta, direction, solved + at, stride);
      scaleAdd(beta, product, residual, stride);
      memory.copy(Ap, product, stride);
      axpy(row.lambda - meanLambda, direction, Ap, stride);
      addEntries(update, row.first, row.last, direction, Ap, false, weights);
      const alpha = norm / dot(direction, Ap, stride);
      axpy(alpha, direction, row.x, stride);
      axpy(-alpha, Ap, residual, stride);
      if (dot(residual, residual, stride) <= row.tolerance) {
        row.solved = true;
        left--;
      }
    }
  }
}

// The heads of a group, its four matrices (4, k), A p, and four weights.
export function alsConjugateGradientScratch(update: AlsUpdate): usize {
  const stride = (<usize>update.k) << 2;
  return HEAD_BYTES * ROWS_PER_GROUP + 4 * ROWS_PER_GROUP * stride + stride + 16;
}

// Rows at positions `begin` to `end` of the order, by at most `steps` steps of conjugate gradients from the present X (Takács,
// Pilászy and Tikk 2011), which cost k^2 operations in place of k^3/3. Differs: preconditioned by the inverse of what
// all rows have in common, so that one step or two do for most rows.
export function alsConjugateGradient(
  begin: i32,
  end: i32,
  scratch: usize,
  update: AlsUpdate,
  steps: i32,
): void {
  const stride = (<usize>update.k) << 2;
  for (let at = begin; at < end;) {
    let rows = 0;
    for (; at < end && rows < ROWS_PER_GROUP; at++) {
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
