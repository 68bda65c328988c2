// Elements of arrays that the host placed: 32-bit integers and floats.

export function word(array: usize, n: i32): i32 {
  return load<i32>(array + ((<usize>n) << 2));
}
export function float(array: usize, n: i32): f32 {
  return load<f32>(array + ((<usize>n) << 2));
}
