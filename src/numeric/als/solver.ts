/** Alternating least squares on the kernels: the arrays of both sides in shared memory, and one update per side. */
import { mean, range } from '../../util/arrays.ts';
import { rowCount, rowLength, transposeInto, type SparseRows } from '../../util/sparse-rows.ts';
import type { Struct } from '../pool/arguments.ts';
import { kernelConstants } from '../pool/kernels.ts';
import type { KernelPool } from '../pool/pool.ts';

/** The observed cells of each row. `levels[p]` says which of the problem's levels entry p has. */
export interface ObservedRows extends SparseRows {
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
  /** Rows with few entries and equal regularization share a matrix, which changes their last digits. Default: true. */
  sharesFactors?: boolean;
  /** Multiplications of a part of an update (see `sweepInParts`). Default: all. */
  operationsPerPart?: number;
}

interface Side {
  rows: number;
  observed: ObservedRows;
  lambdas: Float32Array;
  /** All rows as they are solved: most entries first by conjugate gradients, whose kernel reads it, ascending by Cholesky. */
  order: Int32Array;
  /** Where each part of the order ends that is solved without a look at signals. */
  partEnds: number[];
  /** The mean over rows with entries, alone in its array. */
  meanLambda: Float32Array;
  /** (rows, k), row-major. */
  factors: Float32Array;
  shared: SharedCholesky;
}

/** The matrices gram + lambda I that many rows with few entries have in common, each factored once per update. */
interface SharedCholesky {
  /** Per row the index of its factor, or -1. */
  factorOf: Int32Array;
  lambdas: Float32Array;
  /** The factors of the present update, each in panels and followed by k floats. */
  factors: Float32Array;
}

const { MAX_SHORT_ENTRIES, PANEL_COLUMNS } = kernelConstants;
/** Rows that a thread takes at a time. */
const ROWS_PER_CHUNK = 16;
const MIN_SHARING_ROWS = 4;
/** Rows of factors per partial Gram matrix grow with the side so that the partial sums stay few; fixed by the size. */
const MAX_GRAM_BLOCKS = 64;
const MIN_GRAM_BLOCK_ROWS = 1024;

/** `k` rounded up to what the kernels take. Pad factors are 0 and stay 0. */
export function paddedFactors(k: number): number {
  return Math.ceil(k / PANEL_COLUMNS) * PANEL_COLUMNS;
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
  readonly #description: Struct<'AlsUpdate'>;

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
    this.#users = this.#createSide(cells, userLambdas);
    this.#items = this.#createSide(this.#byColumn(cells, itemLambdas.length), itemLambdas);
    this.#gram = pool.float32(panelFloats(problem.k));
    const blocks = Math.max(gramBlocks(this.#users.rows).count, gramBlocks(this.#items.rows).count);
    this.#partialGrams = pool.float32(blocks * panelFloats(problem.k));
    this.#preconditioner = problem.conjugateGradientSteps > 0 ? new Preconditioner(pool, problem.k) : null;
    this.#tables = this.#levelTables();
    this.#description = pool.struct('AlsUpdate');
  }

  /** (users, k), row-major. */
  get userFactors(): Float32Array {
    return this.#users.factors;
  }

  /** (items, k), row-major. */
  get itemFactors(): Float32Array {
    return this.#items.factors;
  }

  /** Whether a sweep is long enough to stop between its parts. */
  get hasParts(): boolean {
    return this.#users.partEnds.length > 1 || this.#items.partEnds.length > 1;
  }

  /** `updateItems`, then `updateUsers`, yielding between parts of either. */
  *sweepInParts(prior: Float32Array | null = null): Generator<void> {
    yield* this.#update(this.#items, this.#users, prior);
    yield* this.#update(this.#users, this.#items, null);
  }

  /** Solves every user's factors for the present item factors; `gram` is what `itemGram` gives for these, if it is known. */
  updateUsers(gram?: Float32Array): void {
    drain(this.#update(this.#users, this.#items, null, gram));
  }

  /** Y'Y of the present item factors times the unobserved weight, as `updateUsers` takes it. */
  itemGram(): Float32Array {
    this.#computeGram(this.#items);
    return this.#gram.slice();
  }

  /** Solves every item's factors; they shrink towards `prior` (items, k; in the pool's memory) instead of 0. */
  updateItems(prior: Float32Array | null = null): void {
    drain(this.#update(this.#items, this.#users, prior));
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
  #createSide(observed: ObservedRows, lambdas: Float32Array): Side {
    const rows = lambdas.length;
    const { k, conjugateGradientSteps, operationsPerPart = Infinity } = this.#problem;
    const sharesFactors = conjugateGradientSteps === 0 && (this.#problem.sharesFactors ?? true);
    const { factorOf, distinct } = sharedLambdas(observed, lambdas, sharesFactors);
    const order = conjugateGradientSteps > 0 ? rowsByLength(observed) : range(rows);
    const operationsPerEntry = conjugateGradientSteps > 0 ? k : (k * k) / PANEL_COLUMNS;
    return {
      rows,
      observed,
      lambdas: this.#pool.float32(lambdas),
      order: this.#pool.int32(order),
      partEnds: partEnds(observed, order, operationsPerPart / operationsPerEntry),
      meanLambda: this.#pool.float32([meanOfFilled(observed, lambdas)]),
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

  /** Yields between parts. */
  *#update(solved: Side, fixed: Side, prior: Float32Array | null, gram?: Float32Array): Generator<void> {
    const { k, conjugateGradientSteps: steps } = this.#problem;
    if (gram === undefined) this.#computeGram(fixed);
    else this.#gram.set(gram);
    this.#preconditioner?.prepare(this.#gram, solved.meanLambda);
    const update = this.#description;
    update.set({
      ...solved.observed,
      ...this.#tables,
      x: solved.factors,
      y: fixed.factors,
      gram: this.#preconditioner?.gram ?? this.#gram,
      lambdas: solved.lambdas,
      prior,
      k,
      inverse: this.#preconditioner?.inverse ?? null,
      meanLambda: solved.meanLambda,
      order: solved.order,
    });
    const { factorOf, lambdas, factors } = solved.shared;
    if (steps === 0) {
      const factorJob = { rows: lambdas.length, grain: 1 };
      this.#pool.run('factorGrams', factorJob, { gram: this.#gram, lambdas, k, choleskyFactors: factors });
    }
    for (const [part, end] of solved.partEnds.entries()) {
      if (part > 0) yield;
      const job = { first: solved.partEnds[part - 1] ?? 0, rows: end, grain: ROWS_PER_CHUNK };
      if (steps > 0) this.#pool.run('alsConjugateGradient', job, { update, steps });
      else this.#pool.run('alsCholesky', job, { update, factorOf, factors });
    }
  }

  /** gram = unobservedWeight * Y'Y: partial sums over fixed blocks of rows, added in order. */
  #computeGram({ factors, rows }: Side): void {
    const { k, unobservedWeight } = this.#problem;
    const { count, blockRows } = gramBlocks(rows);
    const partialGrams = this.#partialGrams;
    const job = { rows: count, grain: 1 };
    this.#pool.run('gramBlocks', job, { factors, rows, blockRows, k, partialGrams });
    const size = panelFloats(k);
    for (let cell = 0; cell < size; cell++) {
      let sum = 0;
      for (let block = 0; block < count; block++) sum += partialGrams[block * size + cell]!;
      this.#gram[cell] = unobservedWeight * sum;
    }
  }
}

/** What all rows of an update have in common for conjugate gradients: G, and (G + mean lambda I)^-1 beside it. */
class Preconditioner {
  readonly #pool: KernelPool;
  readonly #k: number;
  readonly #choleskyFactor: Float32Array;
  readonly #inverseFactor: Float32Array;
  /** The inverse in panels. */
  readonly #inversePanels: Float32Array;
  /** (k, k), in panels of k rows. */
  readonly gram: Float32Array;
  /** (k, k), in panels of k rows. */
  readonly inverse: Float32Array;

  constructor(pool: KernelPool, k: number) {
    this.#pool = pool;
    this.#k = k;
    this.#choleskyFactor = pool.float32(panelFloats(k) + k);
    this.#inverseFactor = pool.float32(k * k);
    this.#inversePanels = pool.float32(panelFloats(k));
    this.gram = pool.float32(k * k);
    this.inverse = pool.float32(k * k);
  }

  /** Sets both matrices from the Gram matrix in panels. */
  prepare(gram: Float32Array, lambda: Float32Array): void {
    const [pool, k, choleskyFactor, inverseFactor] = [
      this.#pool,
      this.#k,
      this.#choleskyFactor,
      this.#inverseFactor,
    ];
    const panels = { rows: k / PANEL_COLUMNS, grain: 1 };
    pool.run(
      'factorGrams',
      { rows: 1, grain: 1 },
      { gram, lambdas: lambda, k, choleskyFactors: choleskyFactor },
    );
    pool.run('invertFactor', panels, { choleskyFactor, k, inverseFactor });
    pool.run('squareInverse', panels, { inverseFactor, k, inverse: this.#inversePanels });
    unpack(this.#inversePanels, k, this.inverse);
    unpack(gram, k, this.gram);
  }
}

/** Floats of a symmetric (k, k) matrix in the kernels' panels: panel j has the rows down to its diagonal block. */
function panelFloats(k: number): number {
  return (k / PANEL_COLUMNS) * (PANEL_COLUMNS ** 2 / 2) * (k / PANEL_COLUMNS + 1);
}

/** Writes the whole (k, k) matrix, of which the kernels keep the upper half in panels, in panels of k rows. */
function unpack(panels: Float32Array, k: number, full: Float32Array): void {
  const at = (row: number, column: number) => {
    const inPanel = column % PANEL_COLUMNS;
    return (column - inPanel) * k + row * PANEL_COLUMNS + inPanel;
  };
  for (let j = 0; j < k; j++) {
    const column = j % PANEL_COLUMNS;
    const start = panelFloats(j - column) + column;
    for (let i = 0; i <= j; i++) full[at(i, j)] = full[at(j, i)] = panels[start + PANEL_COLUMNS * i]!;
  }
}

/** Rows with at most MAX_SHORT_ENTRIES entries, grouped by lambda. A lambda that few rows have does not pay for its factor. */
function sharedLambdas(
  observed: ObservedRows,
  lambdas: Float32Array,
  sharesFactors: boolean,
): { factorOf: Int32Array; distinct: number[] } {
  const factorOf = new Int32Array(lambdas.length).fill(-1);
  if (!sharesFactors) return { factorOf, distinct: [] };
  const rowsOf = new Map<number, number[]>();
  lambdas.forEach((lambda, row) => {
    const entries = rowLength(observed, row);
    if (entries === 0 || entries > MAX_SHORT_ENTRIES) return;
    const rows = rowsOf.get(lambda);
    if (rows === undefined) rowsOf.set(lambda, [row]);
    else rows.push(row);
  });
  const distinct: number[] = [];
  for (const [lambda, rows] of rowsOf) {
    if (rows.length < MIN_SHARING_ROWS) continue;
    for (const row of rows) factorOf[row] = distinct.length;
    distinct.push(lambda);
  }
  return { factorOf, distinct };
}

/**
 * Ends of parts of `order` that have about `entries` entries each. They are multiples of ROWS_PER_CHUNK, so that the
 * kernels take the same rows together as without parts.
 */
function partEnds(rows: SparseRows, order: Int32Array, entries: number): number[] {
  const ends: number[] = [];
  let taken = 0;
  order.forEach((row, position) => {
    taken += rowLength(rows, row);
    if (taken < entries || (position + 1) % ROWS_PER_CHUNK !== 0) return;
    ends.push(position + 1);
    taken = 0;
  });
  if (ends.at(-1) !== order.length) ends.push(order.length);
  return ends;
}

function drain(parts: Generator<void>): void {
  while (parts.next().done !== true);
}

/** Rows by number of entries, most first. */
export function rowsByLength(rows: SparseRows): Int32Array {
  return range(rowCount(rows)).sort((a, b) => rowLength(rows, b) - rowLength(rows, a) || a - b);
}

/** Mean lambda of the rows that have entries. */
function meanOfFilled(observed: ObservedRows, lambdas: Float32Array): number {
  const filled = lambdas.filter((_, row) => rowLength(observed, row) > 0);
  return filled.length === 0 ? 0 : mean(filled);
}

function gramBlocks(rows: number): { count: number; blockRows: number } {
  const blockRows = Math.max(MIN_GRAM_BLOCK_ROWS, Math.ceil(rows / MAX_GRAM_BLOCKS));
  return { count: Math.ceil(rows / blockRows), blockRows };
}
