// Rows of ALS (see als/update.ts) by preconditioned conjugate gradients. The plain form is in
// test/numeric/reference/als.ts, to the bit.

import { confidenceOf, otherOf, targetOf, AlsUpdate } from './update';
import { axpy, axpy4, dot, dots4, madd, scaleAdd, transpose4 } from '../simd';

// Rows that take their steps of conjugate gradients together, four of them sharing each pass over G. Those that are not
// solved by a step move together for the next one.
const ROWS_PER_GROUP: i32 = 16;
// A group has entries for this many bytes of Y at most, if it has more than one row: they stay in the cache of a core until
// the next step.
const CACHED_BYTES: usize = 393_216;
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
  // r, then the direction p, M p and z, k floats each.
  vectors: usize;
}

// A group in scratch: the heads of its rows; the addresses of the heads of those that are not solved; A p, k floats, and four
// vectors as one matrix (k, 4); then the vectors of each row.
const UNSOLVED: usize = HEAD_BYTES * ROWS_PER_GROUP;
const PRODUCT: usize = UNSOLVED + 4 * ROWS_PER_GROUP;

function unsolvedOf(group: usize, n: i32): Row {
  return changetype<Row>(load<usize>(group + UNSOLVED + ((<usize>n) << 2)));
}

// Vector `to` = A times vector `from` of the first `rows` unsolved rows of a group, four at a time. A (k, k) is symmetric, in
// panels of k rows.
function multiply(a: usize, group: usize, rows: i32, from: usize, to: usize, k: i32): void {
  const stride = (<usize>k) << 2;
  const transposed = group + PRODUCT + stride;
  for (let n = 0; n < rows; n += 4) {
    const row0 = unsolvedOf(group, n).vectors;
    const row1 = unsolvedOf(group, min(n + 1, rows - 1)).vectors;
    const row2 = unsolvedOf(group, min(n + 2, rows - 1)).vectors;
    const row3 = unsolvedOf(group, min(n + 3, rows - 1)).vectors;
    transpose4(row0 + from, row1 + from, row2 + from, row3 + from, transposed, stride);
    multiply4(a, transposed, row0 + to, row1 + to, row2 + to, row3 + to, stride);
  }
}

// r_n = A x_n, with X (k, 4).
function multiply4(a: usize, x: usize, r0: usize, r1: usize, r2: usize, r3: usize, stride: usize): void {
  const end = x + (stride << 2);
  for (let j: usize = 0; j < stride; j += 32) {
    let a0 = f32x4.splat(0);
    let b0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let b1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let b2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let b3 = f32x4.splat(0);
    for (let i = x; i < end; i += 16) {
      const g0 = v128.load(a);
      const g1 = v128.load(a, 16);
      let s = v128.load32_splat(i);
      a0 = madd(s, g0, a0);
      b0 = madd(s, g1, b0);
      s = v128.load32_splat(i, 4);
      a1 = madd(s, g0, a1);
      b1 = madd(s, g1, b1);
      s = v128.load32_splat(i, 8);
      a2 = madd(s, g0, a2);
      b2 = madd(s, g1, b2);
      s = v128.load32_splat(i, 12);
      a3 = madd(s, g0, a3);
      b3 = madd(s, g1, b3);
      a += 32;
    }
    v128.store(r0 + j, a0);
    v128.store(r0 + j, b0, 16);
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

// The same of the entries `p` to p + 3.
function weightsOf(update: AlsUpdate, p: i32, products: v128, residual: bool): v128 {
  let confidences = f32x4.splat(confidenceOf(update, p));
  confidences = f32x4.replace_lane(confidences, 1, confidenceOf(update, p + 1));
  confidences = f32x4.replace_lane(confidences, 2, confidenceOf(update, p + 2));
  confidences = f32x4.replace_lane(confidences, 3, confidenceOf(update, p + 3));
  const weighted = f32x4.mul(confidences, products);
  if (!residual) return weighted;
  let targets = f32x4.splat(targetOf(update, p));
  targets = f32x4.replace_lane(targets, 1, targetOf(update, p + 1));
  targets = f32x4.replace_lane(targets, 2, targetOf(update, p + 2));
  targets = f32x4.replace_lane(targets, 3, targetOf(update, p + 3));
  return f32x4.sub(targets, weighted);
}

// sum += sum_i weight_i y_i over the entries `first` to `last`, weights as above. Four rows at a time: the rows are
// spread over memory and wait for each other less, and x and sum are read a quarter as often.
function addEntries(update: AlsUpdate, first: i32, last: i32, x: usize, sum: usize, residual: bool): void {
  const stride = (<usize>update.k) << 2;
  let p = first;
  for (; p + 4 <= last; p += 4) {
    const y0 = otherOf(update, p);
    const y1 = otherOf(update, p + 1);
    const y2 = otherOf(update, p + 2);
    const y3 = otherOf(update, p + 3);
    const products = dots4(y0, y1, y2, y3, x, stride);
    axpy4(weightsOf(update, p, products, residual), y0, y1, y2, y3, sum, stride);
  }
  for (; p < last; p++) {
    const y = otherOf(update, p);
    axpy(weightOf(update, p, dot(y, x, stride), residual), y, sum, stride);
  }
}

// At most `steps` steps for the `rows` rows of a group. With M = G + meanLambda I, z = M^-1 r and the direction p = z + beta p,
// M p = r + beta M p comes without a product; what is left of A p, with A the row's own matrix, is
// (lambda - meanLambda) p and the entries.
function solveGroup(update: AlsUpdate, group: usize, rows: i32, steps: i32): void {
  const k = update.k;
  const stride = (<usize>k) << 2;
  const Ap = group + PRODUCT;
  const meanLambda = load<f32>(update.meanLambda);
  for (let n = 0; n < rows; n++) {
    const row = unsolvedOf(group, n);
    memory.copy(row.vectors + stride, row.x, stride);
  }
  multiply(update.gram, group, rows, stride, 0, k);
  for (let n = 0; n < rows; n++) {
    const row = unsolvedOf(group, n);
    const residual = row.vectors;
    axpy(row.lambda, row.x, residual, stride);
    for (let j: usize = 0; j < stride; j += 16) v128.store(residual + j, f32x4.neg(v128.load(residual + j)));
    if (row.prior) axpy(row.lambda, row.prior, residual, stride);
    addEntries(update, row.first, row.last, row.x, residual, true);
    row.tolerance = SOLVED_SHARE * dot(residual, residual, stride);
  }
  for (let step = 0; step < steps && rows > 0; step++) {
    multiply(update.inverse, group, rows, 0, 3 * stride, k);
    let left = 0;
    for (let n = 0; n < rows; n++) {
      const row = unsolvedOf(group, n);
      const residual = row.vectors;
      const direction = residual + stride;
      const product = direction + stride;
      const solved = product + stride;
      const norm = dot(residual, solved, stride);
      const beta: f32 = step == 0 ? 0 : norm / row.norm;
      row.norm = norm;
      if (!(norm > <f32>1e-12)) continue;
      scaleAdd(beta, direction, solved, stride);
      scaleAdd(beta, product, residual, stride);
      memory.copy(Ap, product, stride);
      axpy(row.lambda - meanLambda, direction, Ap, stride);
      addEntries(update, row.first, row.last, direction, Ap, false);
      const alpha = norm / dot(direction, Ap, stride);
      axpy(alpha, direction, row.x, stride);
      axpy(-alpha, Ap, residual, stride);
      if (dot(residual, residual, stride) <= row.tolerance) continue;
      store<usize>(group + UNSOLVED + ((<usize>left) << 2), changetype<usize>(row));
      left++;
    }
    rows = left;
  }
}

// A group.
export function alsConjugateGradientScratch(update: AlsUpdate): usize {
  const stride = (<usize>update.k) << 2;
  return PRODUCT + 5 * stride + 4 * ROWS_PER_GROUP * stride;
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
  const maxEntries = <i32>(CACHED_BYTES / stride);
  for (let at = begin; at < end;) {
    let rows = 0;
    let entries = 0;
    for (; at < end && rows < ROWS_PER_GROUP; at++) {
      const u = load<i32>(update.order + ((<usize>at) << 2));
      const word = (<usize>u) << 2;
      const head = scratch + <usize>rows * HEAD_BYTES;
      const row = changetype<Row>(head);
      row.x = update.x + <usize>u * stride;
      row.prior = update.prior ? update.prior + <usize>u * stride : 0;
      row.lambda = load<f32>(update.lambdas + word);
      row.first = load<i32>(update.pointers + word);
      row.last = load<i32>(update.pointers + word, 4);
      row.vectors = scratch + PRODUCT + 5 * stride + <usize>(4 * rows) * stride;
      store<usize>(scratch + UNSOLVED + ((<usize>rows) << 2), head);
      const length = row.last - row.first;
      if (rows > 0 && entries + length > maxEntries) break;
      entries += length;
      if (length > 0) rows++;
      else memory.fill(row.x, 0, stride);
    }
    if (rows > 0) solveGroup(update, scratch, rows, steps);
  }
}
