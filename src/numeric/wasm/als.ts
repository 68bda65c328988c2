// Alternating least squares for one side of a factorization, the other side held fixed (Hu, Koren and Volinsky 2008,
// in the form of Rendle et al. 2021). Row u of the side being solved, with observed entries i, confidence w and
// target t, is the minimum of
//
//     sum_i w (t - x.y_i)^2 + a sum_all (x.y)^2 + lambda_u |x - m_u|^2,
//
// that is, the solution of (a Y'Y + sum_i w y_i y_i' + lambda_u I) x = sum_i w t y_i + lambda_u m_u. The Gram matrix
// a Y'Y is shared by all rows. The plain form of each kernel is in src/numeric/reference/als.ts, to the bit.

import { axpy, dot, madd, msub, sumLanes } from './simd';

// Rows of Y gathered at a time: 64 rows of 128 factors fill half of a 64 kB first-level cache.
const PANEL: i32 = 64;

// Entry p of the ratings: its column, and the level of its rating, an index into two tables of 256 floats.
function columnOf(indices: usize, p: i32): i32 {
  return load<i32>(indices + ((<usize>p) << 2));
}
function levelOf(levels: usize, p: i32): usize {
  return (<usize>load<u8>(levels + <usize>p)) << 2;
}

// Tile of 4 x 8: C += P_i' P_j over n rows (sign 1) or C -= P_i' P_j (sign -1, exact: rounding is symmetric); P_i points
// at 4 columns of P and P_j at 8. Eight accumulators, two loads and a splat fit the sixteen registers of the machine.
function tile(sign: f32, pi: usize, pj: usize, stride: usize, n: i32, c: usize): void {
  const c1 = c + stride;
  const c2 = c1 + stride;
  const c3 = c2 + stride;
  const signs = f32x4.splat(sign);
  let a0 = f32x4.mul(signs, v128.load(c));
  let b0 = f32x4.mul(signs, v128.load(c, 16));
  let a1 = f32x4.mul(signs, v128.load(c1));
  let b1 = f32x4.mul(signs, v128.load(c1, 16));
  let a2 = f32x4.mul(signs, v128.load(c2));
  let b2 = f32x4.mul(signs, v128.load(c2, 16));
  let a3 = f32x4.mul(signs, v128.load(c3));
  let b3 = f32x4.mul(signs, v128.load(c3, 16));
  for (let p = 0; p < n; p++) {
    const y0 = v128.load(pj);
    const y1 = v128.load(pj, 16);
    let s = v128.load32_splat(pi);
    a0 = madd(s, y0, a0);
    b0 = madd(s, y1, b0);
    s = v128.load32_splat(pi, 4);
    a1 = madd(s, y0, a1);
    b1 = madd(s, y1, b1);
    s = v128.load32_splat(pi, 8);
    a2 = madd(s, y0, a2);
    b2 = madd(s, y1, b2);
    s = v128.load32_splat(pi, 12);
    a3 = madd(s, y0, a3);
    b3 = madd(s, y1, b3);
    pi += stride;
    pj += stride;
  }
  v128.store(c, f32x4.mul(signs, a0));
  v128.store(c, f32x4.mul(signs, b0), 16);
  v128.store(c1, f32x4.mul(signs, a1));
  v128.store(c1, f32x4.mul(signs, b1), 16);
  v128.store(c2, f32x4.mul(signs, a2));
  v128.store(c2, f32x4.mul(signs, b2), 16);
  v128.store(c3, f32x4.mul(signs, a3));
  v128.store(c3, f32x4.mul(signs, b3), 16);
}

// Upper triangle of A += P'P for n rows of P. Works on whole tiles, so some cells below the diagonal change too.
function addGram(a: usize, panel: usize, n: i32, k: i32): void {
  const stride = (<usize>k) << 2;
  for (let i = 0; i < k; i += 4) {
    const row = a + <usize>i * stride;
    for (let j = i & ~7; j < k; j += 8) {
      tile(1, panel + ((<usize>i) << 2), panel + ((<usize>j) << 2), stride, n, row + ((<usize>j) << 2));
    }
  }
}

// A = U'U in place, U upper triangular, rows in blocks of four. Leaves zeros below the diagonal inside each block,
// so that whole vectors may be loaded there.
function cholesky(a: usize, k: i32): void {
  const stride = (<usize>k) << 2;
  for (let i = 0; i < k; i += 4) {
    const block = a + <usize>i * stride;
    for (let j = i & ~7; j < k; j += 8) {
      tile(-1, a + ((<usize>i) << 2), a + ((<usize>j) << 2), stride, i, block + ((<usize>j) << 2));
    }
    for (let r = 0; r < 4; r++) {
      const row = block + <usize>r * stride;
      const diagonal = (<usize>(i + r)) << 2;
      for (let q = 0; q < r; q++) {
        const above = block + <usize>q * stride;
        const s = v128.load32_splat(above + diagonal);
        for (let j = (<usize>i) << 2; j < stride; j += 16) {
          v128.store(row + j, msub(s, v128.load(above + j), v128.load(row + j)));
        }
        store<f32>(row + ((<usize>(i + q)) << 2), 0);
      }
      const inverse = f32x4.splat(<f32>1 / sqrt<f32>(load<f32>(row + diagonal)));
      for (let j = (<usize>i) << 2; j < stride; j += 16) {
        v128.store(row + j, f32x4.mul(inverse, v128.load(row + j)));
      }
    }
  }
}

// Solves U'U x = b in place of b: forward by columns of U', then backward by rows of U.
function solveCholesky(u: usize, b: usize, k: i32): void {
  const stride = (<usize>k) << 2;
  for (let p = 0; p < k; p++) {
    const row = u + <usize>p * stride;
    const at = (<usize>p) << 2;
    const z = load<f32>(b + at) / load<f32>(row + at);
    const s = f32x4.splat(z);
    for (let j = at & ~15; j < stride; j += 16) {
      v128.store(b + j, msub(s, v128.load(row + j), v128.load(b + j)));
    }
    store<f32>(b + at, z);
  }
  for (let i = k - 1; i >= 0; i--) {
    const row = u + <usize>i * stride;
    const at = (<usize>i) << 2;
    let j = at + 4;
    let rest = load<f32>(b + at);
    for (; j & 15; j += 4) rest -= load<f32>(row + j) * load<f32>(b + j);
    let sums = f32x4.splat(0);
    for (; j < stride; j += 16) sums = madd(v128.load(row + j), v128.load(b + j), sums);
    store<f32>(b + at, (rest - sumLanes(sums)) / load<f32>(row + at));
  }
}

// Block b of `rows / blockRows` blocks: out[b] = upper triangle of Y_b' Y_b (k x k, zero-based).
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
  for (let block = begin; block < end; block++) {
    const sums = out + <usize>block * <usize>k * stride;
    const last = min(rows, (block + 1) * blockRows);
    memory.fill(sums, 0, <usize>k * stride);
    for (let row = block * blockRows; row < last; row += PANEL) {
      addGram(sums, y + <usize>row * stride, min(PANEL, last - row), k);
    }
  }
}

// Solves rows `begin` to `end` of X exactly, by Cholesky. `rootConfidence` holds sqrt(w) and `weightedTarget`
// sqrt(w) t per level; `prior` is the address of m (as X), or 0 for m = 0. A row without entries becomes 0.
// Scratch: (k + 65) rows of k floats.
export function alsCholesky(
  begin: i32,
  end: i32,
  scratch: usize,
  pointers: usize,
  indices: usize,
  levels: usize,
  rootConfidence: usize,
  weightedTarget: usize,
  x: usize,
  y: usize,
  gram: usize,
  lambdas: usize,
  prior: usize,
  k: i32,
): void {
  const stride = (<usize>k) << 2;
  const a = scratch;
  const panel = a + <usize>k * stride;
  const b = panel + <usize>PANEL * stride;
  for (let u = begin; u < end; u++) {
    const first = load<i32>(pointers + ((<usize>u) << 2));
    const last = load<i32>(pointers + ((<usize>u) << 2), 4);
    const row = x + <usize>u * stride;
    if (first == last) {
      memory.fill(row, 0, stride);
      continue;
    }
    const lambda = load<f32>(lambdas + ((<usize>u) << 2));
    memory.copy(a, gram, <usize>k * stride);
    for (let i: usize = 0; i < <usize>k; i++) {
      const diagonal = a + i * (stride + 4);
      store<f32>(diagonal, load<f32>(diagonal) + lambda);
    }
    memory.fill(b, 0, stride);
    if (prior) axpy(lambda, prior + <usize>u * stride, b, stride);
    for (let p0 = first; p0 < last; p0 += PANEL) {
      const n = min(PANEL, last - p0);
      for (let p = 0; p < n; p++) {
        const source = y + <usize>columnOf(indices, p0 + p) * stride;
        const target = panel + <usize>p * stride;
        const level = levelOf(levels, p0 + p);
        const w = v128.load32_splat(rootConfidence + level);
        const t = v128.load32_splat(weightedTarget + level);
        for (let j: usize = 0; j < stride; j += 16) {
          const v = f32x4.mul(w, v128.load(source + j));
          v128.store(target + j, v);
          v128.store(b + j, madd(t, v, v128.load(b + j)));
        }
      }
      addGram(a, panel, n, k);
    }
    cholesky(a, k);
    solveCholesky(a, b, k);
    memory.copy(row, b, stride);
  }
}

// r = (G + lambda I) x, G symmetric and full.
function multiplyGram(gram: usize, lambda: f32, x: usize, r: usize, k: i32): void {
  const stride = (<usize>k) << 2;
  const l = f32x4.splat(lambda);
  for (let j: usize = 0; j < stride; j += 32) {
    let r0 = f32x4.mul(l, v128.load(x + j));
    let r1 = f32x4.mul(l, v128.load(x + j, 16));
    let column = gram + j;
    for (let i: usize = 0; i < stride; i += 4) {
      const s = v128.load32_splat(x + i);
      r0 = madd(s, v128.load(column), r0);
      r1 = madd(s, v128.load(column, 16), r1);
      column += stride;
    }
    v128.store(r + j, r0);
    v128.store(r + j, r1, 16);
  }
}

// The same rows by `steps` steps of conjugate gradients from the present X (Takács, Pilászy and Tikk 2011): k times
// cheaper per row, and near enough after a few sweeps. `confidence` holds w and `weightedTarget` w t per level.
// Scratch: 3 rows of k floats.
export function alsConjugateGradient(
  begin: i32,
  end: i32,
  scratch: usize,
  pointers: usize,
  indices: usize,
  levels: usize,
  confidence: usize,
  weightedTarget: usize,
  x: usize,
  y: usize,
  gram: usize,
  lambdas: usize,
  prior: usize,
  k: i32,
  steps: i32,
): void {
  const stride = (<usize>k) << 2;
  const residual = scratch;
  const direction = residual + stride;
  const image = direction + stride;
  for (let u = begin; u < end; u++) {
    const first = load<i32>(pointers + ((<usize>u) << 2));
    const last = load<i32>(pointers + ((<usize>u) << 2), 4);
    const row = x + <usize>u * stride;
    if (first == last) {
      memory.fill(row, 0, stride);
      continue;
    }
    const lambda = load<f32>(lambdas + ((<usize>u) << 2));
    multiplyGram(gram, lambda, row, residual, k);
    for (let j: usize = 0; j < stride; j += 16) v128.store(residual + j, f32x4.neg(v128.load(residual + j)));
    if (prior) axpy(lambda, prior + <usize>u * stride, residual, stride);
    for (let p = first; p < last; p++) {
      const other = y + <usize>columnOf(indices, p) * stride;
      const level = levelOf(levels, p);
      const error =
        load<f32>(weightedTarget + level) - load<f32>(confidence + level) * dot(other, row, stride);
      axpy(error, other, residual, stride);
    }
    memory.copy(direction, residual, stride);
    let norm = dot(residual, residual, stride);
    for (let step = 0; step < steps && norm > <f32>1e-12; step++) {
      multiplyGram(gram, lambda, direction, image, k);
      for (let p = first; p < last; p++) {
        const other = y + <usize>columnOf(indices, p) * stride;
        axpy(
          load<f32>(confidence + levelOf(levels, p)) * dot(other, direction, stride),
          other,
          image,
          stride,
        );
      }
      const length = norm / dot(direction, image, stride);
      axpy(length, direction, row, stride);
      axpy(-length, image, residual, stride);
      const previous = norm;
      norm = dot(residual, residual, stride);
      const turn = f32x4.splat(norm / previous);
      for (let j: usize = 0; j < stride; j += 16) {
        v128.store(direction + j, madd(turn, v128.load(direction + j), v128.load(residual + j)));
      }
    }
  }
}
