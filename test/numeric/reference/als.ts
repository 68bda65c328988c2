/**
 * What the kernels in src/numeric/wasm/als-*.ts compute, written to be read. Tests hold the kernels equal to this to the
 * bit, so every product and sum is rounded to float32 and taken in the kernels' order. Rows of at most seven entries,
 * which the kernels solve from a shared factor, agree to rounding only.
 */
import type { ObservedRows } from '../../../src/numeric/als/solver.ts';

const f = Math.fround;

export interface AlsRows {
  k: number;
  observed: ObservedRows;
  /** Weight and target of an observed cell, per level. */
  levels: { confidence: Float32Array; target: Float32Array };
  /** One per row. */
  lambdas: Float32Array;
  /** Where the rows' factors shrink to, (rows, k); 0 where null. */
  prior: Float32Array | null;
  /** (rows, k), row-major: solved in place. */
  x: Float32Array;
  /** (columns, k), row-major. */
  y: Float32Array;
  /** unobservedWeight * Y'Y, (k, k). */
  gram: Float32Array;
}

/** weight * Y'Y, (k, k): float32 sums over blocks of rows, added in double precision. */
export function gramMatrix(y: Float32Array, k: number, weight: number, blockRows: number): Float32Array {
  const rows = y.length / k;
  const gram = new Float32Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) {
      let total = 0;
      for (let begin = 0; begin < rows; begin += blockRows) {
        let sum = 0;
        for (let row = begin; row < Math.min(rows, begin + blockRows); row++) {
          sum = f(sum + f(y[row * k + i]! * y[row * k + j]!));
        }
        total += sum;
      }
      gram[i * k + j] = weight * total;
    }
  }
  return gram;
}

/** Solves (G + lambda I + sum w y y') x = lambda m + sum w t y for every row, by Cholesky. */
export function solveRows(problem: AlsRows): void {
  const { k, observed, levels, lambdas, prior, x, y, gram } = problem;
  for (let row = 0; row < lambdas.length; row++) {
    const a = gram.slice();
    const b = new Float32Array(k);
    const lambda = lambdas[row]!;
    for (let i = 0; i < k; i++) {
      a[i * k + i]! += lambda;
      if (prior !== null) b[i] = f(lambda * prior[row * k + i]!);
    }
    const first = observed.pointers[row]!;
    const last = observed.pointers[row + 1]!;
    for (let p = first; p < last; p++) {
      const other = y.subarray(observed.indices[p]! * k, (observed.indices[p]! + 1) * k);
      const level = observed.levels[p]!;
      const root = f(Math.sqrt(levels.confidence[level]!));
      const scaled = other.map((value) => root * value);
      const pull = f(root * f(Math.sqrt(levels.confidence[level]!) * levels.target[level]!));
      for (let i = 0; i < k; i++) {
        b[i] = b[i]! + f(pull * other[i]!);
        for (let j = i; j < k; j++) a[i * k + j] = a[i * k + j]! + f(scaled[i]! * scaled[j]!);
      }
    }
    if (first === last) b.fill(0);
    else solve(a, b, k);
    x.set(b, row * k);
  }
}

/** Solves A x = b in place of b; only the upper half of A is read, and becomes U with A = U'U. */
function solve(a: Float32Array, b: Float32Array, k: number): void {
  const inverses = cholesky(a, k);
  for (let i = 0; i < k; i++) {
    for (let q = 0; q < i; q++) b[i] = b[i]! - f(b[q]! * a[q * k + i]!);
    b[i] = b[i]! * inverses[i]!;
  }
  for (let panel = k - 8; panel >= 0; panel -= 8) {
    for (let i = panel + 7; i >= panel; i--) {
      for (let q = i + 1; q < panel + 8; q++) b[i] = b[i]! - f(b[q]! * a[i * k + q]!);
      b[i] = b[i]! * inverses[i]!;
    }
    for (let i = 0; i < panel; i++) {
      const products = Float32Array.from({ length: 8 }, (_, q) => b[panel + q]! * a[i * k + panel + q]!);
      b[i] = b[i]! - sumOfEight(products);
    }
  }
}

/** A = U'U in place, row by row; returns the values 1 / U_ii. */
function cholesky(a: Float32Array, k: number): Float32Array {
  const inverses = new Float32Array(k);
  for (let i = 0; i < k; i++) {
    for (let j = i; j < k; j++) {
      for (let q = 0; q < i; q++) a[i * k + j] = a[i * k + j]! - f(a[q * k + i]! * a[q * k + j]!);
    }
    inverses[i] = 1 / f(Math.sqrt(a[i * k + i]!));
    for (let j = i; j < k; j++) a[i * k + j] = a[i * k + j]! * inverses[i]!;
  }
  return inverses;
}

/** (G + lambda I)^-1, (k, k): Z'Z with Z = U'^-1 for the factor U'U. */
export function inverseOf(gram: Float32Array, lambda: number, k: number): Float32Array {
  const u = gram.slice();
  for (let i = 0; i < k; i++) u[i * k + i]! += lambda;
  const inverses = cholesky(u, k);
  const z = new Float32Array(k * k);
  for (let column = 0; column < k; column++) {
    for (let i = 0; i < k; i++) {
      let sum = i === column ? 1 : 0;
      for (let p = 0; p < i; p++) sum = f(sum - f(u[p * k + i]! * z[p * k + column]!));
      z[i * k + column] = sum * inverses[i]!;
    }
  }
  return gramMatrix(z, k, 1, k);
}

/**
 * The same rows by at most `steps` steps of conjugate gradients from the present x, preconditioned by `inverse`, which
 * is inverseOf(gram, meanLambda, k). A row whose residual has fallen to a fifth is left for the next sweep.
 */
export function conjugateGradientRows(
  problem: AlsRows,
  steps: number,
  { inverse, meanLambda }: { inverse: Float32Array; meanLambda: number },
): void {
  const { k, observed, levels, lambdas, prior, x, y, gram } = problem;
  for (let row = 0; row < lambdas.length; row++) {
    const solution = x.subarray(row * k, (row + 1) * k);
    const lambda = lambdas[row]!;
    const entries: { other: Float32Array; weight: number; weightedTarget: number }[] = [];
    for (let p = observed.pointers[row]!; p < observed.pointers[row + 1]!; p++) {
      const weight = levels.confidence[observed.levels[p]!]!;
      const weightedTarget = f(weight * levels.target[observed.levels[p]!]!);
      const at = observed.indices[p]! * k;
      entries.push({ other: y.subarray(at, at + k), weight, weightedTarget });
    }
    if (entries.length === 0) {
      solution.fill(0);
      continue;
    }
    const residual = multiply(gram, solution);
    addScaled(residual, lambda, solution);
    for (let i = 0; i < k; i++) residual[i] = -residual[i]!;
    if (prior !== null) addScaled(residual, lambda, prior.subarray(row * k, (row + 1) * k));
    for (const { other, weight, weightedTarget } of entries) {
      addScaled(residual, f(weightedTarget - f(weight * dot(other, solution))), other);
    }
    const enough = f(f(0.04) * dot(residual, residual));
    const direction = new Float32Array(k);
    const product = new Float32Array(k); // M times the direction
    let previous = Infinity;
    for (let step = 0; step < steps; step++) {
      const solved = multiply(inverse, residual);
      const norm = dot(residual, solved);
      if (!(norm > f(1e-12))) break;
      const turn = f(norm / previous);
      previous = norm;
      for (let i = 0; i < k; i++) {
        direction[i] = solved[i]! + f(turn * direction[i]!);
        product[i] = residual[i]! + f(turn * product[i]!);
      }
      const image = product.slice();
      addScaled(image, f(lambda - meanLambda), direction);
      for (const { other, weight } of entries) addScaled(image, f(weight * dot(other, direction)), other);
      const length = f(norm / dot(direction, image));
      addScaled(solution, length, direction);
      addScaled(residual, -length, image);
      if (dot(residual, residual) <= enough) break;
    }
  }
}

/** A x. */
function multiply(a: Float32Array, x: Float32Array): Float32Array {
  const k = x.length;
  const result = new Float32Array(k);
  for (let j = 0; j < k; j++) {
    for (let i = 0; i < k; i++) result[j] = result[j]! + f(x[i]! * a[i * k + j]!);
  }
  return result;
}

/** target += scale * row. */
function addScaled(target: Float32Array, scale: number, row: Float32Array): void {
  for (let i = 0; i < row.length; i++) target[i] = target[i]! + f(scale * row[i]!);
}

/** In eight running sums, as two vectors of four lanes hold them. */
function dot(a: Float32Array, b: Float32Array): number {
  const sums = new Float32Array(8);
  for (let i = 0; i < a.length; i++) sums[i % 8] = sums[i % 8]! + f(a[i]! * b[i]!);
  return sumOfEight(sums);
}

function sumOfEight(values: Float32Array): number {
  const lanes = values.subarray(0, 4).map((value, lane) => value + values[lane + 4]!);
  return f(f(f(lanes[0]! + lanes[1]!) + lanes[2]!) + lanes[3]!);
}
