/** Blocks of the product of a sparse matrix and a dense one, on all threads. */
import type { SparseValues } from '../util/sparse-rows.ts';
import { kernelConstants } from './pool/kernels.ts';
import { KernelPool } from './pool/pool.ts';

const { DENSE_PANEL_COLUMNS } = kernelConstants;

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

/** Rows of the sparse matrix that a thread takes at a time: enough that most rows of a panel are read several times. */
const ROWS_PER_PART = 512;

/** The two matrices in the memory of the kernels. Call `dispose` when done. */
export class SparseTimesDense {
  readonly #pool: KernelPool;
  readonly #sparse: { pointers: Int32Array; indices: Int32Array; values: Float32Array };
  /** Panel after panel, each (rows, `DENSE_PANEL_COLUMNS`). */
  readonly #dense: Float64Array;
  readonly #denseRows: number;
  readonly #product: Float64Array;

  /** Copies both matrices. `blockCells`: numbers of the largest block that will be asked for, its columns counted as `roundUpToPanels`. */
  constructor(
    { sparse, denseRow, denseRows, denseColumns }: Factors,
    blockCells: number,
    { threads }: { threads: number },
  ) {
    const { pointers, indices, values } = sparse;
    const pool = KernelPool.create({ threads, operations: 2 * indices.length * denseColumns });
    this.#pool = pool;
    this.#denseRows = denseRows;
    this.#dense = pool.float64(denseRows * roundUpToPanels(denseColumns));
    for (let row = 0; row < denseRows; row++) copyToPanels(denseRow(row), row, denseRows, this.#dense);
    this.#sparse = {
      pointers: pool.int32(pointers),
      indices: pool.int32(indices),
      values: pool.float32(values),
    };
    this.#product = pool.float64(blockCells);
  }

  /**
   * The cells of `rows` and `columns`, which begin with a panel: row-major, `roundUpToPanels` the number of columns per row, valid
   * until the next call. Each sum adds in the order of the sparse row's entries: the same bits for any number of threads.
   */
  async block(rows: Range, columns: Range): Promise<Float64Array> {
    await this.#pool.yieldToEventLoop();
    const panels = roundUpToPanels(columns.end - columns.begin) / DENSE_PANEL_COLUMNS;
    const values = {
      ...this.#sparse,
      first: rows.begin,
      last: rows.end,
      partRows: ROWS_PER_PART,
      dense: this.#dense.subarray(columns.begin * this.#denseRows),
      denseRows: this.#denseRows,
      panels,
      product: this.#product,
    };
    const parts = Math.ceil((rows.end - rows.begin) / ROWS_PER_PART);
    this.#pool.run('sparseTimesDense', { rows: parts * panels, grain: 1 }, values);
    return this.#product;
  }

  async dispose(): Promise<void> {
    await this.#pool.dispose();
  }
}

/** The number of columns of as many whole panels as so many columns take. */
export function roundUpToPanels(columns: number): number {
  return Math.ceil(columns / DENSE_PANEL_COLUMNS) * DENSE_PANEL_COLUMNS;
}

/** Writes one row of `rows` to its place in each panel. */
function copyToPanels(values: Float64Array, row: number, rows: number, panels: Float64Array): void {
  for (let begin = 0; begin < values.length; begin += DENSE_PANEL_COLUMNS) {
    const at = begin * rows + row * DENSE_PANEL_COLUMNS;
    const end = Math.min(begin + DENSE_PANEL_COLUMNS, values.length);
    for (let column = begin; column < end; column++) panels[at + column - begin] = values[column]!;
  }
}

/** `begin` and `end` of each part of `count` things of which a part has at most `size`. */
export function* partsOf(count: number, size: number): Generator<Range, void> {
  for (let begin = 0; begin < count; begin += size) yield { begin, end: Math.min(begin + size, count) };
}
