/** Tensors in the memory of this process: what weight files hold, what networks start from and training returns. */

/** Values in row-major order. */
export interface HostTensor {
  shape: number[];
  /** As many values as the product of `shape`. */
  data: Float32Array;
}

/** A network's parameters by name, as its weight file spells them. */
export type Parameters = Map<string, HostTensor>;

/** Side of the blocks that `transpose` moves, so that their lines stay in the processor's cache. */
const TRANSPOSED_BLOCK_SIZE = 16;

/** A matrix (rows, columns) as a new one, (columns, rows). */
export function transpose({ shape: [rows, columns], data }: HostTensor): HostTensor {
  const [height, width] = [rows!, columns!];
  const result = new Float32Array(data.length);
  for (let top = 0; top < height; top += TRANSPOSED_BLOCK_SIZE) {
    const bottom = Math.min(top + TRANSPOSED_BLOCK_SIZE, height);
    for (let c = 0; c < width; c++) {
      for (let r = top; r < bottom; r++) result[c * height + r] = data[r * width + c]!;
    }
  }
  return { shape: [width, height], data: result };
}
