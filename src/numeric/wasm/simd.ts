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

// out[n] = dot(x_n, y) of four rows, each with the bits of `dot`; y is loaded once, and four rows come at the same time.
export function dots4(x0: usize, x1: usize, x2: usize, x3: usize, y: usize, bytes: usize, out: usize): void {
  let even0 = f32x4.splat(0);
  let even1 = f32x4.splat(0);
  let even2 = f32x4.splat(0);
  let even3 = f32x4.splat(0);
  let odd0 = f32x4.splat(0);
  let odd1 = f32x4.splat(0);
  let odd2 = f32x4.splat(0);
  let odd3 = f32x4.splat(0);
  for (let j: usize = 0; j < bytes; j += 32) {
    const first = v128.load(y + j);
    const second = v128.load(y + j, 16);
    even0 = madd(v128.load(x0 + j), first, even0);
    odd0 = madd(v128.load(x0 + j, 16), second, odd0);
    even1 = madd(v128.load(x1 + j), first, even1);
    odd1 = madd(v128.load(x1 + j, 16), second, odd1);
    even2 = madd(v128.load(x2 + j), first, even2);
    odd2 = madd(v128.load(x2 + j, 16), second, odd2);
    even3 = madd(v128.load(x3 + j), first, even3);
    odd3 = madd(v128.load(x3 + j, 16), second, odd3);
  }
  store<f32>(out, sumLanes(f32x4.add(even0, odd0)));
  store<f32>(out, sumLanes(f32x4.add(even1, odd1)), 4);
  store<f32>(out, sumLanes(f32x4.add(even2, odd2)), 8);
  store<f32>(out, sumLanes(f32x4.add(even3, odd3)), 12);
}

// y += sum_n scales[n] x_n, added in order as by four `axpy`.
export function axpy4(
  scales: usize,
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  y: usize,
  bytes: usize,
): void {
  const s0 = v128.load32_splat(scales);
  const s1 = v128.load32_splat(scales, 4);
  const s2 = v128.load32_splat(scales, 8);
  const s3 = v128.load32_splat(scales, 12);
  for (let j: usize = 0; j < bytes; j += 16) {
    const one = madd(s0, v128.load(x0 + j), v128.load(y + j));
    const two = madd(s1, v128.load(x1 + j), one);
    v128.store(y + j, madd(s3, v128.load(x3 + j), madd(s2, v128.load(x2 + j), two)));
  }
}
