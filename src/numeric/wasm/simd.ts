// Four float32 lanes at a time. Plain multiply and add: fused or relaxed forms round differently between machines.

export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(c, f32x4.mul(a, b));
}

// c - a b
export function msub(a: v128, b: v128, c: v128): v128 {
  return f32x4.sub(c, f32x4.mul(a, b));
}

export function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3)
  );
}

// Dot product of two rows of `bytes` bytes (a multiple of 32), in eight running sums.
export function dot(a: usize, b: usize, bytes: usize): f32 {
  let even = f32x4.splat(0);
  let odd = f32x4.splat(0);
  let j: usize = 0;
  for (; j + 64 <= bytes; j += 64) {
    even = madd(v128.load(a + j), v128.load(b + j), even);
    odd = madd(v128.load(a + j, 16), v128.load(b + j, 16), odd);
    even = madd(v128.load(a + j, 32), v128.load(b + j, 32), even);
    odd = madd(v128.load(a + j, 48), v128.load(b + j, 48), odd);
  }
  if (j < bytes) {
    even = madd(v128.load(a + j), v128.load(b + j), even);
    odd = madd(v128.load(a + j, 16), v128.load(b + j, 16), odd);
  }
  return sumLanes(f32x4.add(even, odd));
}

// y += scale x
export function axpy(scale: f32, x: usize, y: usize, bytes: usize): void {
  const s = f32x4.splat(scale);
  for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, madd(s, v128.load(x + j), v128.load(y + j)));
}

// x = factor x + y
export function scaleAdd(factor: f32, x: usize, y: usize, bytes: usize): void {
  const s = f32x4.splat(factor);
  for (let j: usize = 0; j < bytes; j += 16) v128.store(x + j, madd(s, v128.load(x + j), v128.load(y + j)));
}

// The dot products of four rows with y, each with the bits of `dot`. Even and odd quarters of a row in loops of their own,
// so that all sums stay in registers; the first loop asks for every cache line of the four rows.
export function dots4(x0: usize, x1: usize, x2: usize, x3: usize, y: usize, bytes: usize): v128 {
  let even0 = f32x4.splat(0);
  let even1 = f32x4.splat(0);
  let even2 = f32x4.splat(0);
  let even3 = f32x4.splat(0);
  let j: usize = 0;
  for (; j + 64 <= bytes; j += 64) {
    const first = v128.load(y + j);
    const second = v128.load(y + j, 32);
    even0 = madd(v128.load(x0 + j, 32), second, madd(v128.load(x0 + j), first, even0));
    even1 = madd(v128.load(x1 + j, 32), second, madd(v128.load(x1 + j), first, even1));
    even2 = madd(v128.load(x2 + j, 32), second, madd(v128.load(x2 + j), first, even2));
    even3 = madd(v128.load(x3 + j, 32), second, madd(v128.load(x3 + j), first, even3));
  }
  if (j < bytes) {
    const first = v128.load(y + j);
    even0 = madd(v128.load(x0 + j), first, even0);
    even1 = madd(v128.load(x1 + j), first, even1);
    even2 = madd(v128.load(x2 + j), first, even2);
    even3 = madd(v128.load(x3 + j), first, even3);
  }
  let odd0 = f32x4.splat(0);
  let odd1 = f32x4.splat(0);
  let odd2 = f32x4.splat(0);
  let odd3 = f32x4.splat(0);
  for (j = 0; j + 64 <= bytes; j += 64) {
    const first = v128.load(y + j, 16);
    const second = v128.load(y + j, 48);
    odd0 = madd(v128.load(x0 + j, 48), second, madd(v128.load(x0 + j, 16), first, odd0));
    odd1 = madd(v128.load(x1 + j, 48), second, madd(v128.load(x1 + j, 16), first, odd1));
    odd2 = madd(v128.load(x2 + j, 48), second, madd(v128.load(x2 + j, 16), first, odd2));
    odd3 = madd(v128.load(x3 + j, 48), second, madd(v128.load(x3 + j, 16), first, odd3));
  }
  if (j < bytes) {
    const first = v128.load(y + j, 16);
    odd0 = madd(v128.load(x0 + j, 16), first, odd0);
    odd1 = madd(v128.load(x1 + j, 16), first, odd1);
    odd2 = madd(v128.load(x2 + j, 16), first, odd2);
    odd3 = madd(v128.load(x3 + j, 16), first, odd3);
  }
  return sumLanes4(
    f32x4.add(even0, odd0),
    f32x4.add(even1, odd1),
    f32x4.add(even2, odd2),
    f32x4.add(even3, odd3),
  );
}

// The sums of the lanes of four vectors, each with the bits of `sumLanes`.
export function sumLanes4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const first = f32x4.add(v128.shuffle<f64>(ab01, cd01, 0, 2), v128.shuffle<f64>(ab01, cd01, 1, 3));
  return f32x4.add(
    f32x4.add(first, v128.shuffle<f64>(ab23, cd23, 0, 2)),
    v128.shuffle<f64>(ab23, cd23, 1, 3),
  );
}

// Four rows of `bytes` bytes as one matrix of four columns.
export function transpose4(x0: usize, x1: usize, x2: usize, x3: usize, out: usize, bytes: usize): void {
  for (let j: usize = 0; j < bytes; j += 16) {
    const a = v128.load(x0 + j);
    const b = v128.load(x1 + j);
    const c = v128.load(x2 + j);
    const d = v128.load(x3 + j);
    const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<f64>(ab01, cd01, 0, 2));
    v128.store(out, v128.shuffle<f64>(ab01, cd01, 1, 3), 16);
    v128.store(out, v128.shuffle<f64>(ab23, cd23, 0, 2), 32);
    v128.store(out, v128.shuffle<f64>(ab23, cd23, 1, 3), 48);
    out += 64;
  }
}

// y += sum_n scales[n] x_n, added in order as by four `axpy`.
export function axpy4(
  scales: v128,
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  y: usize,
  bytes: usize,
): void {
  const s0 = v128.shuffle<f32>(scales, scales, 0, 0, 0, 0);
  const s1 = v128.shuffle<f32>(scales, scales, 1, 1, 1, 1);
  const s2 = v128.shuffle<f32>(scales, scales, 2, 2, 2, 2);
  const s3 = v128.shuffle<f32>(scales, scales, 3, 3, 3, 3);
  for (let j: usize = 0; j < bytes; j += 32) {
    let sum = madd(s0, v128.load(x0 + j), v128.load(y + j));
    sum = madd(s1, v128.load(x1 + j), sum);
    sum = madd(s2, v128.load(x2 + j), sum);
    v128.store(y + j, madd(s3, v128.load(x3 + j), sum));
    sum = madd(s0, v128.load(x0 + j, 16), v128.load(y + j, 16));
    sum = madd(s1, v128.load(x1 + j, 16), sum);
    sum = madd(s2, v128.load(x2 + j, 16), sum);
    v128.store(y + j, madd(s3, v128.load(x3 + j, 16), sum), 16);
  }
}
