// Alternating least squares for one side of a factorization, the other side held fixed (Hu, Koren and Volinsky 2008,
// in the form of Rendle et al. 2021). Row u of the side being solved, with observed entries i, confidence w and
// target t, is the minimum of
//
//     sum_i w (t - x.y_i)^2 + a sum_all (x.y)^2 + lambda_u |x - m_u|^2,
//
// that is, the solution of (a Y'Y + sum_i w y_i y_i' + lambda_u I) x = sum_i w t y_i + lambda_u m_u. The Gram matrix
// a Y'Y is shared by all rows. The plain form of each kernel is in test/numeric/reference/als.ts, to the bit.

// Everything that an update of one side reads and writes, as addresses.
@unmanaged
export class AlsUpdate {
  // The observed cells of the rows to solve: rows + 1 offsets, then per entry its column and the level of its rating.
  pointers: usize;
  indices: usize;
  levels: usize;
  // Per level: sqrt(w) and sqrt(w) t for alsCholesky, w and w t for alsConjugateGradient.
  confidence: usize;
  target: usize;
  // The rows to solve and the rows held fixed, rows of k floats.
  x: usize;
  y: usize;
  // G = a Y'Y: its upper half in panels for alsCholesky, all of it in panels of k rows for alsConjugateGradient.
  gram: usize;
  lambdas: usize;
  // m, as X, or 0 for m = 0.
  prior: usize;
  k: i32;
  // For alsConjugateGradient: (G + meanLambda I)^-1, in panels of k rows.
  inverse: usize;
  // The address of meanLambda.
  meanLambda: usize;
  // For alsConjugateGradient: all rows, in the order in which they are solved, rows of like numbers of entries together.
  order: usize;
}

// Entry p: the row of Y that it stands for, and the values of its level.
export function otherOf(update: AlsUpdate, p: i32): usize {
  return update.y + <usize>load<i32>(update.indices + ((<usize>p) << 2)) * ((<usize>update.k) << 2);
}
export function confidenceOf(update: AlsUpdate, p: i32): f32 {
  return load<f32>(update.confidence + ((<usize>load<u8>(update.levels + <usize>p)) << 2));
}
export function targetOf(update: AlsUpdate, p: i32): f32 {
  return load<f32>(update.target + ((<usize>load<u8>(update.levels + <usize>p)) << 2));
}
