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
  for (let j: usize = 0; j < bytes; j += 32) {
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
