/** A decoder whose logits are any function of the text so far: what generation is tested against. */
import type { Decoder } from '../../../src/models/gpt2/decoding/decoder.ts';
import { Rng } from '../../../src/util/rng.ts';

export class FakeDecoder implements Decoder {
  readonly logits: (text: readonly number[]) => Float32Array;
  rows: number[][] = [];
  /** Rows computed in all. */
  computed = 0;

  constructor(logits: (text: readonly number[]) => Float32Array) {
    this.logits = logits;
  }

  start(prompts: readonly ArrayLike<number>[]): Promise<Float32Array> {
    this.rows = prompts.map((prompt) => Array.from(prompt));
    return this.#answer();
  }

  step(tokens: Int32Array, parents?: Int32Array): Promise<Float32Array> {
    const before = this.rows;
    this.rows = Array.from(tokens, (token, row) => [...before[parents?.[row] ?? row]!, token]);
    return this.#answer();
  }

  #answer(): Promise<Float32Array> {
    this.computed += this.rows.length;
    const rows = this.rows.map((text) => this.logits(text));
    const all = new Float32Array(rows.length * rows[0]!.length);
    for (const [r, row] of rows.entries()) all.set(row, r * row.length);
    return Promise.resolve(all);
  }
}

/** Normal logits that depend on the whole text, the same for the same text. */
export function randomLogits(vocabulary: number, spread = 2): (text: readonly number[]) => Float32Array {
  return (text) => {
    const rng = new Rng(text.join());
    return Float32Array.from({ length: vocabulary }, () => spread * rng.normal());
  };
}

/** log-probability of `tokens` after `prompt`, straight from the definition. */
export function logProbability(
  logits: (text: readonly number[]) => Float32Array,
  prompt: readonly number[],
  tokens: readonly number[],
): number {
  let sum = 0;
  for (const [i, token] of tokens.entries()) {
    const row = logits([...prompt, ...tokens.slice(0, i)]);
    const norm = Math.log(row.reduce((total, logit) => total + Math.exp(logit), 0));
    sum += row[token]! - norm;
  }
  return sum;
}
