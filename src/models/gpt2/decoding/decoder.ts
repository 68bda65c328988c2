/** What generation needs of a model, and what limits the tokens it may choose. Nothing here knows a network. */

/**
 * A batch of rows, each a text that grows by one token at a time, with its keys and values kept. Logits are
 * (rows, vocabulary), row-major, for the token after each row's last; they are valid until the next call.
 */
export interface Decoder {
  /** Begins one row per prompt; prompts may differ in length and have at least one token each. */
  start(prompts: readonly ArrayLike<number>[]): Promise<Float32Array>;
  /**
   * Row r becomes the former row `parents[r]` followed by `tokens[r]`. Without `parents` each row continues itself;
   * with it there may be more or fewer rows than before (beams that split and die). A row that fills the model's positions is
   * complete: it may stay among others that go on, and its logits mean nothing then.
   */
  step(tokens: Int32Array, parents?: Int32Array): Promise<Float32Array>;
}

/** A reply as it is being written: which tokens may come next, and when it is complete. */
export interface Constraint {
  /** Tokens that may come next; undefined means all. Never empty while not `done`. */
  allowed(): ArrayLike<number> | undefined;
  /** The token that was chosen. */
  accept(token: number): void;
  readonly done: boolean;
  /** An independent copy, for a beam that splits. */
  clone(): Constraint;
}

/** Any text up to one of `ends` (which belongs to it), `maxTokens` at most; the last of them is `closing`, if given. */
export class FreeText implements Constraint {
  #left: number;
  readonly #ends: ReadonlySet<number>;
  readonly #closing: number | undefined;

  constructor(maxTokens: number, ends: ReadonlySet<number>, closing?: number) {
    this.#left = maxTokens;
    this.#ends = ends;
    this.#closing = closing;
  }

  get done(): boolean {
    return this.#left <= 0;
  }

  allowed(): ArrayLike<number> | undefined {
    return this.#left === 1 && this.#closing !== undefined ? [this.#closing] : undefined;
  }

  accept(token: number): void {
    this.#left = this.#ends.has(token) ? 0 : this.#left - 1;
  }

  clone(): FreeText {
    return new FreeText(this.#left, this.#ends, this.#closing);
  }
}

/** Row `row` of a (rows, width) matrix, without copying. */
export function rowOf(matrix: Float32Array, row: number, rows: number): Float32Array {
  const width = matrix.length / rows;
  return matrix.subarray(row * width, (row + 1) * width);
}
