/** Tensors in the memory of this process: what weight files hold, what networks start from and training returns. */

/** Values in row-major order. */
export interface HostTensor {
  shape: number[];
  /** As many values as the product of `shape`. */
  data: Float32Array;
}

/** A network's parameters by name, as its weight file spells them. */
export type Parameters = Map<string, HostTensor>;
