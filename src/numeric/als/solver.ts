/** Alternating least squares on the kernels: the arrays of both sides in shared memory, and one update per side. */
import type { KernelPool } from '../pool/pool.ts';
import { transposeInto } from '../../util/sparse-rows.ts';

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
  /** Regularization of each row, positive. */
  userLambdas: Float32Array;
  itemLambdas: Float32Array;
  /** Steps of preconditioned conjugate gradients per row and update at most, or 0 for the exact solution by Cholesky. */
  conjugateGradientSteps: number;
}

interface Side {
  rows: number;
  observed: ObservedRows;
  lambdas: Float32Array;
  /** All rows, most entries first. */
  order: Int32Array;
  /** The mean over rows with entries, alone in its array. */
  meanLambda: Float32Array;
  /** (rows, k), row-major. */
  factors: Float32Array;
  shared: SharedFactors;
}

/** The matrices gram + lambda I that many rows with few entries have in common, each factored once per update. */
interface SharedFactors {
  /** Per row the index of its factor, or -1. */
  factorOf: Int32Array;
  lambdas: Float32Array;
  /** Room for the factors, each in panels and followed by k floats. */
  factors: Float32Array;
}

/** Rows that the kernels gather at a time. */
const GATHERED = 64;
/** Entries of a row that the kernel solves from a shared factor, at most: seven and the prior fill a panel. */
const SHORT = 7;
const MIN_SHARING_ROWS = 4;
/** Rows of factors per partial Gram matrix grow with the side so that the partial sums stay few; fixed by the size. */
const MAX_GRAM_BLOCKS = 64;
const MIN_GRAM_BLOCK_ROWS = 1024;

/** `k` rounded up to what the kernels take. Pad factors are 0 and stay 0. */
export function paddedFactors(k: number): number {
  return Math.ceil(k / 8) * 8;
}

export class AlsSolver {
  readonly #pool: KernelPool;
  readonly #problem: Omit<AlsProblem, 'byUser' | 'userLambdas' | 'itemLambdas'>;
  readonly #users: Side;
  readonly #items: Side;
  readonly #tables: { confidence: Float32Array; target: Float32Array };
  /** The Gram matrix in panels. */
  readonly #gram: Float32Array;
  readonly #partialGrams: Float32Array;
  readonly #preconditioner: Preconditioner | null;
  readonly #description: Uint32Array;

  /**
   * Copies the problem into the pool's memory, cells by user and by item. All factors start at 0: fill `userFactors` or
   * `itemFactors` before the other side is updated.
   */
  constructor(pool: KernelPool, { byUser, userLambdas, itemLambdas, ...problem }: AlsProblem) {
    this.#pool = pool;
    this.#problem = problem;
    const cells = {
      pointers: pool.int32(byUser.pointers),
      indices: pool.int32(byUser.indices),
      levels: pool.uint8(byUser.levels),
    };
    this.#users = this.#place(cells, userLambdas);
    this.#items = this.#place(this.#byColumn(cells, itemLambdas.length), itemLambdas);
    this.#gram = pool.float32(panelFloats(problem.k));
    const blocks = Math.max(gramBlocks(this.#users.rows).count, gramBlocks(this.#items.rows).count);
    this.#partialGrams = pool.float32(blocks * panelFloats(problem.k));
    this.#preconditioner = problem.conjugateGradientSteps > 0 ? new Preconditioner(pool, problem.k) : null;
    this.#tables = this.#levelTables();
    this.#description = pool.uint32(14);
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

  /** The same cells by their column. */
  #byColumn({ pointers, indices, levels }: ObservedRows, columns: number): ObservedRows {
    const target = {
      pointers: this.#pool.int32(columns + 1),
      indices: this.#pool.int32(indices.length),
      values: this.#pool.uint8(indices.length),
    };
    transposeInto({ pointers, indices, values: levels }, target);
    return { pointers: target.pointers, indices: target.indices, levels: target.values };
  }

  /** What one side needs besides its observed cells, which lie in the pool's memory. */
  #place(observed: ObservedRows, lambdas: Float32Array): Side {
    const rows = lambdas.length;
    const { k } = this.#problem;
    const { factorOf, distinct } = sharedLambdas(observed.pointers, lambdas);
    return {
      rows,
      observed,
      lambdas: this.#pool.float32(lambdas),
      order: this.#pool.int32(byEntries(observed.pointers)),
      meanLambda: this.#pool.float32([meanOfFilled(observed.pointers, lambdas)]),
      factors: this.#pool.float32(rows * k),
      shared: {
        factorOf: this.#pool.int32(factorOf),
        lambdas: this.#pool.float32(distinct),
        factors: this.#pool.float32(distinct.length * (panelFloats(k) + k)),
      },
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
    this.#preconditioner?.prepare(this.#gram, solved.meanLambda);
    // In the order of the class Update of wasm/als-update.ts.
    const { pointers, indices, levels } = solved.observed;
    const { confidence, target } = this.#tables;
    const matrices = [solved.factors, fixed.factors, this.#preconditioner?.gram ?? this.#gram];
    const more = [
      solved.lambdas,
      prior,
      k,
      this.#preconditioner?.inverse ?? null,
      solved.meanLambda,
      solved.order,
    ];
    const fields = [pointers, indices, levels, confidence, target, ...matrices, ...more];
    this.#description.set(
      fields.map((field) => (typeof field === 'number' ? field : (field?.byteOffset ?? 0))),
    );
    const job = {
      rows: solved.rows,
      grain: 8,
      scratchBytes: 4 * (panelFloats(k) + k * (GATHERED + 2)) + 512,
    };
    if (steps > 0) {
      this.#pool.run('alsConjugateGradient', job, [this.#description, steps]);
      return;
    }
    const { factorOf, lambdas, factors } = solved.shared;
    const factorJob = { rows: lambdas.length, grain: 1, scratchBytes: 0 };
    this.#pool.run('factorGrams', factorJob, [this.#gram, lambdas, k, factors]);
    this.#pool.run('alsCholesky', job, [this.#description, factorOf, factors]);
  }

  /** gram = unobservedWeight * Y'Y: partial sums over fixed blocks of rows, added in order. */
  #computeGram({ factors, rows }: Side): void {
    const { k, unobservedWeight } = this.#problem;
    const { count, blockRows } = gramBlocks(rows);
    const job = { rows: count, grain: 1, scratchBytes: 4 * GATHERED * k };
    this.#pool.run('gramBlocks', job, [factors, rows, blockRows, k, this.#partialGrams]);
    const size = panelFloats(k);
    for (let cell = 0; cell < size; cell++) {
      let sum = 0;
      for (let block = 0; block < count; block++) sum += this.#partialGrams[block * size + cell]!;
      this.#gram[cell] = unobservedWeight * sum;
    }
  }
}

/** What all rows of an update have in common for conjugate gradients: G, and (G + mean lambda I)^-1 beside it. */
class Preconditioner {
  readonly #pool: KernelPool;
  readonly #k: number;
  readonly #factor: Float32Array;
  readonly #halves: Float32Array;
  readonly #panels: Float32Array;
  /** (k, k), row-major. */
  readonly gram: Float32Array;
  /** (k, k), row-major. */
  readonly inverse: Float32Array;

  constructor(pool: KernelPool, k: number) {
    this.#pool = pool;
    this.#k = k;
    this.#factor = pool.float32(panelFloats(k) + k);
    this.#halves = pool.float32(k * k);
    this.#panels = pool.float32(panelFloats(k));
    this.gram = pool.float32(k * k);
    this.inverse = pool.float32(k * k);
  }

  /** Sets both matrices from the Gram matrix in panels. */
  prepare(gram: Float32Array, lambda: Float32Array): void {
    const [pool, k] = [this.#pool, this.#k];
    const panels = { rows: k / 8, grain: 1, scratchBytes: 0 };
    pool.call('factorGrams', [0, 1, 0, gram, lambda, k, this.#factor]);
    pool.run('invertFactor', panels, [this.#factor, k, this.#halves]);
    pool.run('squareInverse', panels, [this.#halves, k, this.#panels]);
    unpack(this.#panels, k, this.inverse);
    unpack(gram, k, this.gram);
  }
}

/** Floats of a symmetric (k, k) matrix in the kernels' panels of eight columns. */
function panelFloats(k: number): number {
  return 4 * k * (k / 8 + 1);
}

/** Writes the (k, k) matrix, row-major, of which the kernels keep the upper half in panels. */
function unpack(panels: Float32Array, k: number, full: Float32Array): void {
  for (let j = 0; j < k; j++) {
    const panel = 32 * (j >> 3) * ((j >> 3) + 1);
    for (let i = 0; i <= j; i++) full[i * k + j] = full[j * k + i] = panels[panel + 8 * i + (j & 7)]!;
  }
}

/** Rows with at most SHORT entries, grouped by lambda. A lambda that few rows have does not pay for its factor. */
function sharedLambdas(
  pointers: Int32Array,
  lambdas: Float32Array,
): { factorOf: Int32Array; distinct: number[] } {
  const rowsOf = new Map<number, number[]>();
  lambdas.forEach((lambda, row) => {
    const entries = pointers[row + 1]! - pointers[row]!;
    if (entries === 0 || entries > SHORT) return;
    const rows = rowsOf.get(lambda);
    if (rows === undefined) rowsOf.set(lambda, [row]);
    else rows.push(row);
  });
  const factorOf = new Int32Array(lambdas.length).fill(-1);
  const distinct: number[] = [];
  for (const [lambda, rows] of rowsOf) {
    if (rows.length < MIN_SHARING_ROWS) continue;
    for (const row of rows) factorOf[row] = distinct.length;
    distinct.push(lambda);
  }
  return { factorOf, distinct };
}

/** Rows by number of entries, most first. */
function byEntries(pointers: Int32Array): Int32Array {
  const rows = pointers.length - 1;
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  const entries = (row: number) => pointers[row + 1]! - pointers[row]!;
  return order.sort((a, b) => entries(b) - entries(a) || a - b);
}

/** Mean lambda of the rows that have entries. */
function meanOfFilled(pointers: Int32Array, lambdas: Float32Array): number {
  const filled = lambdas.filter((_, row) => pointers[row + 1]! > pointers[row]!);
  return filled.reduce((sum, lambda) => sum + lambda, 0) / Math.max(1, filled.length);
}

function gramBlocks(rows: number): { count: number; blockRows: number } {
  const blockRows = Math.max(MIN_GRAM_BLOCK_ROWS, Math.ceil(rows / MAX_GRAM_BLOCKS));
  return { count: Math.ceil(rows / blockRows), blockRows };
}
