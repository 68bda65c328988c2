// Symmetric positive definite systems in float32, laid out so that all inner loops walk through memory in order: a
// matrix, and the upper triangular factor made of it, is kept as panels of eight columns. Panel j holds columns 8j to
// 8j+7 of rows 0 to 8j+7, one row of eight floats after the other. Gathered rows are kept in panels of the same kind.

import { madd, msub, sumLanes } from './simd';

// Columns of a panel.
export const PANEL_COLUMNS: i32 = 8;
// Bytes of a row of a panel.
export const PANEL_ROW_BYTES: usize = (<usize>PANEL_COLUMNS) << 2;
// Rows gathered at a time: 64 rows of 128 factors are 32 kB.
export const GATHERED_ROWS: i32 = 64;

// Bytes before panel j: 8 + 16 + ... + 8j rows.
export function panelAt(j: i32): usize {
  return (<usize>(j * (j + 1))) << 7;
}

// Tile of 4 x 8: C += P_i' P_j over n rows (sign 1) or C -= P_i' P_j (sign -1; exact, as rounding is symmetric). P_i
// points at 4 columns and P_j at 8. Eight accumulators, two loads and a splat fit the machine's sixteen registers.
export function tile(sign: f32, pi: usize, pj: usize, n: i32, c: usize): void {
  const signs = f32x4.splat(sign);
  let a0 = f32x4.mul(signs, v128.load(c));
  let b0 = f32x4.mul(signs, v128.load(c, 16));
  let a1 = f32x4.mul(signs, v128.load(c, 32));
  let b1 = f32x4.mul(signs, v128.load(c, 48));
  let a2 = f32x4.mul(signs, v128.load(c, 64));
  let b2 = f32x4.mul(signs, v128.load(c, 80));
  let a3 = f32x4.mul(signs, v128.load(c, 96));
  let b3 = f32x4.mul(signs, v128.load(c, 112));
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
    pi += PANEL_ROW_BYTES;
    pj += PANEL_ROW_BYTES;
  }
  v128.store(c, f32x4.mul(signs, a0));
  v128.store(c, f32x4.mul(signs, b0), 16);
  v128.store(c, f32x4.mul(signs, a1), 32);
  v128.store(c, f32x4.mul(signs, b1), 48);
  v128.store(c, f32x4.mul(signs, a2), 64);
  v128.store(c, f32x4.mul(signs, b2), 80);
  v128.store(c, f32x4.mul(signs, a3), 96);
  v128.store(c, f32x4.mul(signs, b3), 112);
}

// A += P'P for n gathered rows. Also fills the lower half of the diagonal blocks, which nothing reads.
export function addGram(a: usize, gathered: usize, n: i32, k: i32): void {
  const panelBytes = <usize>GATHERED_ROWS * PANEL_ROW_BYTES;
  for (let j = 0; j < k >> 3; j++) {
    const pj = gathered + <usize>j * panelBytes;
    for (let i = 0; i < (j + 1) << 3; i += 4) {
      const pi = gathered + <usize>(i >> 3) * panelBytes + ((<usize>(i & 4)) << 2);
      tile(1, pi, pj, n, a + panelAt(j) + <usize>i * PANEL_ROW_BYTES);
    }
  }
}

// A += lambda I.
export function addDiagonal(a: usize, lambda: f32, k: i32): void {
  for (let i = 0; i < k; i++) {
    const cell = a + panelAt(i >> 3) + <usize>i * PANEL_ROW_BYTES + ((<usize>(i & 7)) << 2);
    store<f32>(cell, load<f32>(cell) + lambda);
  }
}

// Factors rows i to i+3 of the diagonal block in place, their rank-i update done; `c` is row i of its panel, `offset`
// the bytes before column i in it. Stores 1 / U_rr in `inverses`.
function factorDiagonal(c: usize, offset: usize, inverses: usize): void {
  for (let r: usize = 0; r < 4; r++) {
    const row = c + r * PANEL_ROW_BYTES;
    for (let q: usize = 0; q < r; q++) {
      const above = c + q * PANEL_ROW_BYTES;
      const s = v128.load32_splat(above + offset + (r << 2));
      v128.store(row, msub(s, v128.load(above), v128.load(row)));
      v128.store(row, msub(s, v128.load(above, 16), v128.load(row, 16)), 16);
    }
    const inverse = <f32>1 / sqrt<f32>(load<f32>(row + offset + (r << 2)));
    store<f32>(inverses + (r << 2), inverse);
    v128.store(row, f32x4.mul(f32x4.splat(inverse), v128.load(row)));
    v128.store(row, f32x4.mul(f32x4.splat(inverse), v128.load(row, 16)), 16);
  }
}

// The same elimination applied to four columns of rows i to i+3 in another panel; `u` is the factored diagonal block.
function eliminate(u: usize, inverses: usize, c: usize): void {
  const r0 = f32x4.mul(v128.load32_splat(inverses), v128.load(c));
  let r1 = msub(v128.load32_splat(u, 4), r0, v128.load(c, 32));
  r1 = f32x4.mul(v128.load32_splat(inverses, 4), r1);
  let r2 = msub(v128.load32_splat(u, 8), r0, v128.load(c, 64));
  r2 = msub(v128.load32_splat(u, 40), r1, r2);
  r2 = f32x4.mul(v128.load32_splat(inverses, 8), r2);
  let r3 = msub(v128.load32_splat(u, 12), r0, v128.load(c, 96));
  r3 = msub(v128.load32_splat(u, 44), r1, r3);
  r3 = msub(v128.load32_splat(u, 76), r2, r3);
  r3 = f32x4.mul(v128.load32_splat(inverses, 12), r3);
  v128.store(c, r0);
  v128.store(c, r1, 32);
  v128.store(c, r2, 64);
  v128.store(c, r3, 96);
}

// Rows i to i+3 of the solution of U'Z = B in place of B, a panel of eight columns, the rows above being solved.
function forwardRows(u: usize, inverses: usize, panel: usize, i: i32): void {
  const own = u + panelAt(i >> 3) + ((<usize>(i & 4)) << 2);
  const c = panel + <usize>i * PANEL_ROW_BYTES;
  const diagonal = own + <usize>i * PANEL_ROW_BYTES;
  tile(-1, own, panel, i, c);
  eliminate(diagonal, inverses + ((<usize>i) << 2), c);
  eliminate(diagonal, inverses + ((<usize>i) << 2), c + 16);
}

// A = U'U in place, U upper triangular, in blocks of four rows; stores the k values 1 / U_ii in `inverses`.
export function cholesky(a: usize, k: i32, inverses: usize): void {
  for (let i = 0; i < k; i += 4) {
    const own = a + panelAt(i >> 3);
    const offset = (<usize>(i & 4)) << 2;
    const diagonal = own + <usize>i * PANEL_ROW_BYTES;
    tile(-1, own + offset, own, i, diagonal);
    factorDiagonal(diagonal, offset, inverses + ((<usize>i) << 2));
    for (let j = (i >> 3) + 1; j < k >> 3; j++) forwardRows(a, inverses, a + panelAt(j), i);
  }
}

// Solves U'Z = B in place of B, one panel of k rows and eight columns.
export function forwardPanel(u: usize, inverses: usize, panel: usize, k: i32): void {
  for (let i = 0; i < k; i += 4) forwardRows(u, inverses, panel, i);
}

// Solves U'z = b in place of b, panel by panel.
export function forward(u: usize, inverses: usize, b: usize, k: i32): void {
  for (let j = 0; j < k >> 3; j++) {
    const panel = u + panelAt(j);
    const own = b + <usize>j * PANEL_ROW_BYTES;
    const above = (<usize>j) << 3;
    let low = v128.load(own);
    let high = v128.load(own, 16);
    for (let p: usize = 0; p < above; p++) {
      const z = v128.load32_splat(b + (p << 2));
      low = msub(z, v128.load(panel + p * PANEL_ROW_BYTES), low);
      high = msub(z, v128.load(panel + p * PANEL_ROW_BYTES, 16), high);
    }
    v128.store(own, low);
    v128.store(own, high, 16);
    for (let r: usize = 0; r < 8; r++) {
      const column = panel + above * PANEL_ROW_BYTES + (r << 2);
      let rest = load<f32>(own + (r << 2));
      for (let q: usize = 0; q < r; q++)
        rest -= load<f32>(own + (q << 2)) * load<f32>(column + q * PANEL_ROW_BYTES);
      store<f32>(own + (r << 2), rest * load<f32>(inverses + ((above + r) << 2)));
    }
  }
}

// Solves Ux = z in place of z, panel by panel from the last: eight unknowns, then their part in all rows above.
export function backward(u: usize, inverses: usize, z: usize, k: i32): void {
  for (let j = (k >> 3) - 1; j >= 0; j--) {
    const panel = u + panelAt(j);
    const own = z + <usize>j * PANEL_ROW_BYTES;
    const above = (<usize>j) << 3;
    for (let r: isize = 7; r >= 0; r--) {
      const row = panel + (above + r) * PANEL_ROW_BYTES;
      let rest = load<f32>(own + (r << 2));
      for (let q = r + 1; q < 8; q++) rest -= load<f32>(own + (q << 2)) * load<f32>(row + (q << 2));
      store<f32>(own + (r << 2), rest * load<f32>(inverses + ((above + r) << 2)));
    }
    const low = v128.load(own);
    const high = v128.load(own, 16);
    for (let p: usize = 0; p < above; p++) {
      const products = madd(
        high,
        v128.load(panel + p * PANEL_ROW_BYTES, 16),
        f32x4.mul(low, v128.load(panel + p * PANEL_ROW_BYTES)),
      );
      store<f32>(z + (p << 2), load<f32>(z + (p << 2)) - sumLanes(products));
    }
  }
}

// Copies a row of k floats times `scale` into row p of the gathered panels.
export function gather(source: usize, scale: f32, gathered: usize, p: i32, k: i32): void {
  const s = f32x4.splat(scale);
  let target = gathered + <usize>p * PANEL_ROW_BYTES;
  for (let j: usize = 0; j < (<usize>k) << 2; j += 32) {
    v128.store(target, f32x4.mul(s, v128.load(source + j)));
    v128.store(target, f32x4.mul(s, v128.load(source + j, 16)), 16);
    target += <usize>GATHERED_ROWS * PANEL_ROW_BYTES;
  }
}
