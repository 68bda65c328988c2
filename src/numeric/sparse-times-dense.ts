/** Blocks of the product of a sparse matrix and a dense one, on all threads. */
import type { SparseValues } from '../util/sparse-rows.ts';
import { KernelPool } from './pool/pool.ts';

export interface Factors {
  sparse: SparseValues;
  /** Row r of the dense matrix, for each column r of the sparse one; read before the next is asked for. */
  denseRow: (row: number) => Float64Array;
  denseRows: number;
  denseColumns: number;
}

/** From `begin` to `end - 1`. */
interface Range {
  begin: number;
  end: number;
}

/** Rows of the sparse matrix that a thread takes at a time: each tile of the dense one serves all of them. */
const ROWS_PER_CHUNK = 128;

/** The two matrices in the memory of the kernels. Call `dispose` when done. */
export class SparseTimesDense {
  readonly #pool: KernelPool;
  readonly #sparse: { pointers: Int32Array; indices: Int32Array; values: Float32Array };
  readonly #dense: Float64Array;
  /** Numbers per row of `#dense`, an even number. */
  readonly #stride: number;
  readonly #product: Float64Array;

  /** Copies both matrices. `blockCells`: numbers of the largest block that will be asked for, its columns counted as even. */
  constructor(
    { sparse, denseRow, denseRows, denseColumns }: Factors,
    blockCells: number,
    { threads }: { threads: number },
  ) {
    const { pointers, indices, values } = sparse;
    const pool = KernelPool.create({ threads, operations: 2 * indices.length * denseColumns });
    this.#pool = pool;
    this.#stride = evenFrom(denseColumns);
    this.#dense = pool.float64(denseRows * this.#stride);
    for (let row = 0; row < denseRows; row++) this.#dense.set(denseRow(row), row * this.#stride);
    this.#sparse = {
      pointers: pool.int32(pointers),
      indices: pool.int32(indices),
      values: pool.float32(values),
    };
    this.#product = pool.float64(blockCells);
  }

  /**
   * The cells of `rows` and `columns`, which begin at an even one: row-major, `evenFrom` the number of columns per row, valid
   * until the next call. Each sum adds in the order of the sparse row's entries: the same bits for any number of threads.
   */
  async block(rows: Range, columns: Range): Promise<Float64Array> {
    await this.#pool.yieldToEventLoop();
    const values = {
      ...this.#sparse,
      first: rows.begin,
      dense: this.#dense.subarray(columns.begin),
      denseColumns: this.#stride,
      columns: evenFrom(columns.end - columns.begin),
      product: this.#product,
    };
    const job = { first: rows.begin, rows: rows.end, grain: ROWS_PER_CHUNK };
    this.#pool.run('sparseTimesDense', job, values);
    return this.#product;
  }

  async dispose(): Promise<void> {
    await this.#pool.dispose();
  }
}

/** The number, or the next where it is odd: kernels take two doubles at a time. */
export function evenFrom(n: number): number {
  return n + (n % 2);
}

/** `begin` and `end` of each part of `count` things of which a part has at most `size`. */
export function* partsOf(count: number, size: number): Generator<Range, void> {
  for (let begin = 0; begin < count; begin += size) yield { begin, end: Math.min(begin + size, count) };
}
