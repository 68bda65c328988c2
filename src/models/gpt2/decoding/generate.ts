/** Writing replies for a batch of prompts, one token per row and step: greedy or sampled. */
import { throwIfAborted } from '../../../util/errors.ts';
import type { Rng } from '../../../util/rng.ts';
import { rowOf, type Constraint, type Decoder } from './decoder.ts';
import { chooseToken, type SamplingOptions } from './sampling.ts';

/** One reply to be written. */
export interface Request {
  prompt: ArrayLike<number>;
  constraint: Constraint;
  /** This reply's own generator, so that it does not depend on what else is in the batch. */
  rng: Rng;
}

/**
 * Writes one reply per request, all in one batch. Rows that are complete leave the batch once they are the greater
 * part of it (moving keys and values costs about as much as a step). Returns the tokens of each reply.
 */
export async function generate(
  decoder: Decoder,
  requests: readonly Request[],
  options: SamplingOptions,
  signal: AbortSignal,
): Promise<number[][]> {
  const replies: number[][] = requests.map(() => []);
  if (requests.length === 0) return replies;
  /** The request of each row. */
  let rows = [...requests.keys()];
  let logits = await decoder.start(requests.map(({ prompt }) => prompt));
  for (;;) {
    const tokens = new Int32Array(rows.length);
    for (const [row, index] of rows.entries()) {
      const { constraint, rng } = requests[index]!;
      if (constraint.done) continue;
      const token = chooseToken(rowOf(logits, row, rows.length), constraint.allowed(), options, rng);
      constraint.accept(token);
      replies[index]!.push(token);
      tokens[row] = token;
    }
    const live = [...rows.keys()].filter((row) => !requests[rows[row]!]!.constraint.done);
    if (live.length === 0) return replies;
    throwIfAborted(signal);
    if (live.length > rows.length / 2) logits = await decoder.step(tokens);
    else {
      logits = await decoder.step(
        Int32Array.from(live, (row) => tokens[row]!),
        Int32Array.from(live),
      );
      rows = live.map((row) => rows[row]!);
    }
  }
}
