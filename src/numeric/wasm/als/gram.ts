// What all rows of an update of ALS have in common (see als/update.ts): the Gram matrix, the factors of the matrices that
// rows of equal lambda share, and an inverse. The plain form is in test/numeric/reference/als.ts, to the bit.

import {
  addDiagonal,
  addGram,
  cholesky,
  forwardPanel,
  gather,
  GATHERED_ROWS,
  panelAt,
  PANEL_ROW_BYTES,
  tile,
} from '../panels';

// The gathered rows.
export function gramBlocksScratch(k: i32): usize {
  return <usize>GATHERED_ROWS * ((<usize>k) << 2);
}

// Block b of `rows / blockRows` blocks of rows of `factors`: partialGrams[b] = Y_b' Y_b in panels.
export function gramBlocks(
  begin: i32,
  end: i32,
  scratch: usize,
  factors: usize,
  rows: i32,
  blockRows: i32,
  k: i32,
  partialGrams: usize,
): void {
  const stride = (<usize>k) << 2;
  const bytes = panelAt(k >> 3);
  for (let block = begin; block < end; block++) {
    const sums = partialGrams + <usize>block * bytes;
    const last = min(rows, (block + 1) * blockRows);
    memory.fill(sums, 0, bytes);
    for (let row = block * blockRows; row < last; row += GATHERED_ROWS) {
      const n = min(GATHERED_ROWS, last - row);
      for (let p = 0; p < n; p++) gather(factors + <usize>(row + p) * stride, 1, scratch, p, k);
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
  choleskyFactors: usize,
): void {
  const matrixBytes = panelAt(k >> 3);
  for (let f = begin; f < end; f++) {
    const factor = choleskyFactors + <usize>f * (matrixBytes + ((<usize>k) << 2));
    memory.copy(factor, gram, matrixBytes);
    addDiagonal(factor, load<f32>(lambdas + ((<usize>f) << 2)), k);
    cholesky(factor, k, factor + matrixBytes);
  }
}

// Columns 8 `begin` to 8 `end` of U'^-1 in panels of k rows, from a factor U of factorGrams.
export function invertFactor(
  begin: i32,
  end: i32,
  scratch: usize,
  choleskyFactor: usize,
  k: i32,
  inverseFactor: usize,
): void {
  for (let j = begin; j < end; j++) {
    const panel = inverseFactor + <usize>(j * k) * PANEL_ROW_BYTES;
    memory.fill(panel, 0, <usize>k * PANEL_ROW_BYTES);
    for (let c: usize = 0; c < 8; c++)
      store<f32>(panel + (((<usize>j) << 3) + c) * PANEL_ROW_BYTES + (c << 2), 1);
    forwardPanel(choleskyFactor, choleskyFactor + panelAt(k >> 3), panel, k);
  }
}

// Panels `begin` to `end` of (U'U)^-1 = Z'Z, from the panels of Z = U'^-1.
export function squareInverse(
  begin: i32,
  end: i32,
  scratch: usize,
  inverseFactor: usize,
  k: i32,
  inverse: usize,
): void {
  for (let j = begin; j < end; j++) {
    memory.fill(inverse + panelAt(j), 0, <usize>((j + 1) << 3) * PANEL_ROW_BYTES);
    for (let i = 0; i < (j + 1) << 3; i += 4) {
      const left = inverseFactor + <usize>((i >> 3) * k) * PANEL_ROW_BYTES + ((<usize>(i & 4)) << 2);
      tile(
        1,
        left,
        inverseFactor + <usize>(j * k) * PANEL_ROW_BYTES,
        k,
        inverse + panelAt(j) + <usize>i * PANEL_ROW_BYTES,
      );
    }
  }
}
