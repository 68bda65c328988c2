/** What the network computes on: texts in tokens, and the tokens that should follow. */

/** Where nothing is to be predicted; PyTorch's `ignore_index`. */
export const NO_TARGET = -100;

/** Texts of one length, row-major. */
export interface TokenBatch {
  rows: number;
  /** Tokens per row. */
  length: number;
  /** (rows, length) */
  tokens: Int32Array;
  /** (rows, length): the token that should follow each token, or NO_TARGET. */
  targets: Int32Array;
}

/** Positions of a batch at which a token is to be predicted. */
export function countTargets({ targets }: Pick<TokenBatch, 'targets'>): number {
  return targets.reduce((count, target) => count + Number(target >= 0), 0);
}
