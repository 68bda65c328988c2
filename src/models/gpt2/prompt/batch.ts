/** Texts in tokens, and how they are joined into batches. */
import { NO_TARGET, type TokenBatch } from '../network/token-batch.ts';

/** One text. */
export interface Example {
  tokens: Int32Array;
  /** As long as `tokens`: the token that should follow each, or NO_TARGET. */
  targets: Int32Array;
}

/**
 * A prompt with the answer that is to be learned. With `lossOn: 'answer'` nothing is asked inside the prompt; its last
 * token is asked for the answer's first.
 */
export function toExample(
  prompt: readonly number[],
  answer: readonly number[],
  lossOn: 'answer' | 'text' = 'answer',
): Example {
  const tokens = Int32Array.from([...prompt, ...answer]);
  const targets = new Int32Array(tokens.length).fill(NO_TARGET);
  for (let at = lossOn === 'answer' ? prompt.length - 1 : 0; at < tokens.length - 1; at++) {
    targets[at] = tokens[at + 1]!;
  }
  return { tokens, targets };
}

/** Lengths are rounded up to a multiple of this, so that few different graphs are built. */
const LENGTH_STEP = 32;

/**
 * Joins texts, filling up with `padding` at the end, where nothing is asked and no earlier position looks. Texts
 * longer than `longest` are a mistake of the caller: RangeError.
 */
export function toBatch(examples: readonly Example[], padding: number, longest: number): TokenBatch {
  const most = examples.reduce((most, { tokens }) => Math.max(most, tokens.length), 1);
  if (most > longest) throw new RangeError(`a text of ${most} tokens, at most ${longest} fit`);
  const length = Math.min(longest, Math.ceil(most / LENGTH_STEP) * LENGTH_STEP);
  const tokens = new Int32Array(examples.length * length).fill(padding);
  const targets = new Int32Array(examples.length * length).fill(NO_TARGET);
  for (const [row, example] of examples.entries()) {
    tokens.set(example.tokens, row * length);
    targets.set(example.targets, row * length);
  }
  return { rows: examples.length, length, tokens, targets };
}
