/** Small dense systems in double precision, on the main thread. */

/** Lower triangle L of A = LL'. A is (n, n), row-major, symmetric positive definite. Throws RangeError when it is not. */
export function choleskyFactor(a: Float64Array, n: number): Float64Array {
  const l = a.slice();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = l[i * n + j]!;
      for (let p = 0; p < j; p++) sum -= l[i * n + p]! * l[j * n + p]!;
      if (i === j) {
        if (!(sum > 0)) throw new RangeError(`matrix is not positive definite at row ${i}`);
        l[i * n + i] = Math.sqrt(sum);
      } else l[i * n + j] = sum / l[j * n + j]!;
    }
  }
  return l;
}

/** Solves LL'X = B in place of B, which is (n, columns), row-major. */
export function choleskySolve(l: Float64Array, n: number, b: Float64Array, columns: number): void {
  const subtractRow = (from: number, to: number, scale: number) => {
    for (let c = 0; c < columns; c++) b[to * columns + c]! -= scale * b[from * columns + c]!;
  };
  const divideRow = (row: number, by: number) => {
    for (let c = 0; c < columns; c++) b[row * columns + c]! /= by;
  };
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < i; p++) subtractRow(p, i, l[i * n + p]!);
    divideRow(i, l[i * n + i]!);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let p = i + 1; p < n; p++) subtractRow(p, i, l[p * n + i]!);
    divideRow(i, l[i * n + i]!);
  }
}
