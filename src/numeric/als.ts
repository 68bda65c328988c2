/** Alternating least squares on the kernels: the arrays of both sides in shared memory, and one update per side. */
import type { KernelPool } from './pool.ts';

/** The observed cells of each row. `levels[p]` says which of the problem's levels entry p has. */
export interface ObservedRows {
  /** rows + 1 offsets. */
  pointers: Int32Array;
  indices: Int32Array;
  levels: Uint8Array;
}

export interface AlsProblem {
  /** Number of factors, a multiple of 8 (see `paddedFactors`). */
  k: number;
  /** Weight of every cell, observed or not, towards 0: `a` of the kernels' objective. */
  unobservedWeight: number;
  /** Extra weight and target of an observed cell, per level (at most 256). */
  levels: { confidence: Float32Array; target: Float32Array };
  byUser: ObservedRows;
  byItem: ObservedRows;
  /** Regularization of each row, positive. */
  userLambdas: Float32Array;
  itemLambdas: Float32Array;
  /** Steps of conjugate gradients per row and update, or 0 for the exact solution by Cholesky. */
  conjugateGradientSteps: number;
}

interface Side {
  rows: number;
  observed: ObservedRows;
  lambdas: Float32Array;
  /** (rows, k), row-major. */
  factors: Float32Array;
}

/** Rows of factors per partial Gram matrix grow with the side so that the partial sums stay few; fixed by the size. */
const MAX_GRAM_BLOCKS = 64;
const MIN_GRAM_BLOCK_ROWS = 256;

/** `k` rounded up to what the kernels take. Pad factors are 0 and stay 0. */
export function paddedFactors(k: number): number {
  return Math.ceil(k / 8) * 8;
}

export class AlsSolver {
  readonly #pool: KernelPool;
  readonly #problem: AlsProblem;
  readonly #users: Side;
  readonly #items: Side;
  readonly #tables: { confidence: Float32Array; target: Float32Array };
  readonly #gram: Float32Array;
  readonly #partialGrams: Float32Array;

  /** Copies the problem into the pool's memory. All factors start at 0: fill `userFactors` and `itemFactors`. */
  constructor(pool: KernelPool, problem: AlsProblem) {
    this.#pool = pool;
    this.#problem = problem;
    this.#users = this.#place(problem.byUser, problem.userLambdas);
    this.#items = this.#place(problem.byItem, problem.itemLambdas);
    this.#gram = pool.float32(problem.k * problem.k);
    const blocks = Math.max(gramBlocks(this.#users.rows).count, gramBlocks(this.#items.rows).count);
    this.#partialGrams = pool.float32(blocks * problem.k * problem.k);
    this.#tables = this.#levelTables();
  }

  /** (users, k), row-major. */
  get userFactors(): Float32Array {
    return this.#users.factors;
  }

  /** (items, k), row-major. */
  get itemFactors(): Float32Array {
    return this.#items.factors;
  }

  /** Solves every user's factors for the present item factors. */
  updateUsers(): void {
    this.#update(this.#users, this.#items, null);
  }

  /** Solves every item's factors; they shrink towards `prior` (items, k; in the pool's memory) instead of 0. */
  updateItems(prior: Float32Array | null = null): void {
    this.#update(this.#items, this.#users, prior);
  }

  #place(observed: ObservedRows, lambdas: Float32Array): Side {
    const rows = lambdas.length;
    return {
      rows,
      observed: {
        pointers: this.#pool.int32(observed.pointers),
        indices: this.#pool.int32(observed.indices),
        levels: this.#pool.uint8(observed.levels),
      },
      lambdas: this.#pool.float32(lambdas),
      factors: this.#pool.float32(rows * this.#problem.k),
    };
  }

  /** What the kernels look up per level: sqrt(w) and sqrt(w) t for Cholesky, w and w t for conjugate gradients. */
  #levelTables(): { confidence: Float32Array; target: Float32Array } {
    const { levels, conjugateGradientSteps } = this.#problem;
    const weight = (w: number) => (conjugateGradientSteps > 0 ? w : Math.sqrt(w));
    return {
      confidence: this.#pool.float32(levels.confidence.map(weight)),
      target: this.#pool.float32(levels.target.map((t, n) => weight(levels.confidence[n]!) * t)),
    };
  }

  #update(solved: Side, fixed: Side, prior: Float32Array | null): void {
    const { k, conjugateGradientSteps: steps } = this.#problem;
    this.#computeGram(fixed);
    const { pointers, indices, levels } = solved.observed;
    const { confidence, target } = this.#tables;
    const values = [pointers, indices, levels, confidence, target, solved.factors, fixed.factors, this.#gram];
    const rest = [solved.lambdas, prior ?? 0, k];
    const job = { rows: solved.rows, grain: 8, scratchBytes: 4 * k * (k + 65) };
    if (steps > 0) this.#pool.run('alsConjugateGradient', job, [...values, ...rest, steps]);
    else this.#pool.run('alsCholesky', job, [...values, ...rest]);
  }

  /** gram = unobservedWeight * Y'Y, full; partial sums over fixed blocks of rows, added in order. */
  #computeGram({ factors, rows }: Side): void {
    const { k, unobservedWeight } = this.#problem;
    const { count, blockRows } = gramBlocks(rows);
    const job = { rows: count, grain: 1, scratchBytes: 0 };
    this.#pool.run('gramBlocks', job, [factors, rows, blockRows, k, this.#partialGrams]);
    for (let i = 0; i < k; i++) {
      for (let j = i; j < k; j++) {
        let sum = 0;
        for (let at = i * k + j; at < count * k * k; at += k * k) sum += this.#partialGrams[at]!;
        this.#gram[i * k + j] = unobservedWeight * sum;
        this.#gram[j * k + i] = unobservedWeight * sum;
      }
    }
  }
}

function gramBlocks(rows: number): { count: number; blockRows: number } {
  const blockRows = Math.max(MIN_GRAM_BLOCK_ROWS, Math.ceil(rows / MAX_GRAM_BLOCKS));
  return { count: Math.ceil(rows / blockRows), blockRows };
}
