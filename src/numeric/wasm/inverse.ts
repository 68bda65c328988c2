// Inverse of a symmetric positive definite matrix in float64, by sweeping one block of columns after the other (the
// sweep operator of Goodnight 1979, in blocks). Sweeping block b, with D = A_bb^-1, C = A_.b and R = C D, turns
//
//     A_bb into -D,   A_ib into R_i,   A_ij into A_ij - C_i R_j',
//
// and keeps A symmetric; after all blocks A holds -A^-1. Only the upper half is worked on. `n` and the block's width
// are multiples of 4. `matrix` is A, `block` the first row of the block, `pivotInverse` D, `columns` C, `scaledColumns` R.
// C and R are packed in groups of four rows: group g holds, per column of the block, four values.

// Bytes of a packed group.
function groupBytes(width: i32): usize {
  return (<usize>width) << 5;
}

// Groups `begin` to `end` of four rows: packs C from the upper half of A, and R = C D.
export function sweepPanels(
  begin: i32,
  end: i32,
  scratch: usize,
  matrix: usize,
  n: i32,
  block: i32,
  width: i32,
  pivotInverse: usize,
  columns: usize,
  scaledColumns: usize,
): void {
  const stride = (<usize>n) << 3;
  for (let group = begin; group < end; group++) {
    const cg = columns + <usize>group * groupBytes(width);
    const rg = scaledColumns + <usize>group * groupBytes(width);
    for (let lane = 0; lane < 4; lane++) {
      const row = group * 4 + lane;
      for (let p = 0; p < width; p++) {
        const low = <usize>min(row, block + p);
        const high = <usize>max(row, block + p);
        store<f64>(cg + ((<usize>(p * 4 + lane)) << 3), load<f64>(matrix + low * stride + (high << 3)));
      }
    }
    for (let q = 0; q < width; q++) {
      let first = f64x2.splat(0);
      let second = f64x2.splat(0);
      for (let p: usize = 0; p < <usize>width; p++) {
        const s = v128.load64_splat(pivotInverse + ((p * <usize>width + <usize>q) << 3));
        first = f64x2.add(first, f64x2.mul(s, v128.load(cg + (p << 5))));
        second = f64x2.add(second, f64x2.mul(s, v128.load(cg + (p << 5), 16)));
      }
      v128.store(rg + ((<usize>q) << 5), first);
      v128.store(rg + ((<usize>q) << 5), second, 16);
    }
  }
}

// A tile of 4 x 4: A -= C_i R_j'.
function subtractTile(a: usize, stride: usize, c: usize, r: usize, width: i32): void {
  const a1 = a + stride;
  const a2 = a1 + stride;
  const a3 = a2 + stride;
  let s00 = v128.load(a);
  let s01 = v128.load(a, 16);
  let s10 = v128.load(a1);
  let s11 = v128.load(a1, 16);
  let s20 = v128.load(a2);
  let s21 = v128.load(a2, 16);
  let s30 = v128.load(a3);
  let s31 = v128.load(a3, 16);
  for (let p = 0; p < width; p++) {
    const y0 = v128.load(r);
    const y1 = v128.load(r, 16);
    let s = v128.load64_splat(c);
    s00 = f64x2.sub(s00, f64x2.mul(s, y0));
    s01 = f64x2.sub(s01, f64x2.mul(s, y1));
    s = v128.load64_splat(c, 8);
    s10 = f64x2.sub(s10, f64x2.mul(s, y0));
    s11 = f64x2.sub(s11, f64x2.mul(s, y1));
    s = v128.load64_splat(c, 16);
    s20 = f64x2.sub(s20, f64x2.mul(s, y0));
    s21 = f64x2.sub(s21, f64x2.mul(s, y1));
    s = v128.load64_splat(c, 24);
    s30 = f64x2.sub(s30, f64x2.mul(s, y0));
    s31 = f64x2.sub(s31, f64x2.mul(s, y1));
    c += 32;
    r += 32;
  }
  v128.store(a, s00);
  v128.store(a, s01, 16);
  v128.store(a1, s10);
  v128.store(a1, s11, 16);
  v128.store(a2, s20);
  v128.store(a2, s21, 16);
  v128.store(a3, s30);
  v128.store(a3, s31, 16);
}

// Groups `begin` to `end` of four rows: the update above, right of the diagonal.
export function sweepRows(
  begin: i32,
  end: i32,
  scratch: usize,
  matrix: usize,
  n: i32,
  block: i32,
  width: i32,
  pivotInverse: usize,
  columns: usize,
  scaledColumns: usize,
): void {
  const stride = (<usize>n) << 3;
  const firstInside = block >> 2;
  const lastInside = (block + width) >> 2;
  for (let group = begin; group < end; group++) {
    const rowInside = group >= firstInside && group < lastInside;
    for (let other = group; other < n >> 2; other++) {
      const target = matrix + <usize>(group * 4) * stride + ((<usize>other) << 5);
      const columnInside = other >= firstInside && other < lastInside;
      if (!rowInside && !columnInside) {
        const cg = columns + <usize>group * groupBytes(width);
        const rg = scaledColumns + <usize>other * groupBytes(width);
        subtractTile(target, stride, cg, rg, width);
        continue;
      }
      for (let i = 0; i < 4; i++) {
        for (let j = 0; j < 4; j++) {
          const row = group * 4 + i - block;
          const column = other * 4 + j - block;
          let value: f64;
          if (rowInside && columnInside)
            value = -load<f64>(pivotInverse + ((<usize>(row * width + column)) << 3));
          else if (rowInside)
            value = load<f64>(
              scaledColumns + <usize>other * groupBytes(width) + ((<usize>(row * 4 + j)) << 3),
            );
          else
            value = load<f64>(
              scaledColumns + <usize>group * groupBytes(width) + ((<usize>(column * 4 + i)) << 3),
            );
          store<f64>(target + <usize>i * stride + ((<usize>j) << 3), value);
        }
      }
    }
  }
}
