/** Beam search: the most probable reply among the `width` best beginnings kept at every step. */
import { throwIfAborted } from '../../../util/errors.ts';
import { pow } from '../../../util/math.ts';
import { rowOf, type Constraint, type Decoder } from './decoder.ts';
import { logSumExp } from './sampling.ts';

export interface BeamOptions {
  /** Beams per prompt. */
  width: number;
  /** Scores are divided by length to this power; 0 compares sums of log-probabilities, 1 means per token. */
  lengthPenalty: number;
}

interface Beam {
  tokens: number[];
  /** Sum of the log-probabilities of `tokens`. */
  logProbability: number;
  constraint: Constraint;
  /** Row of the decoder's batch. */
  row: number;
}

interface Extension {
  beam: Beam;
  token: number;
  logProbability: number;
}

/**
 * One reply per prompt. A prompt is finished when no unfinished beam can beat its best finished one under the length
 * penalty at its present length, or none is left. Log-probabilities are over the whole vocabulary, also where a
 * constraint leaves few tokens, so that what the model would rather say counts. Ties: the older beam, the smaller
 * token.
 */
export async function beamSearch(
  decoder: Decoder,
  requests: readonly { prompt: ArrayLike<number>; constraint: Constraint }[],
  { width, lengthPenalty }: BeamOptions,
  signal: AbortSignal,
): Promise<number[][]> {
  if (requests.length === 0) return [];
  const score = (beam: Beam) => beam.logProbability / pow(Math.max(1, beam.tokens.length), lengthPenalty);
  const finished: (Beam | undefined)[] = requests.map(() => undefined);
  let live: Beam[][] = requests.map(({ constraint }, row) => [
    { tokens: [], logProbability: 0, constraint, row },
  ]);
  let rows = requests.length;
  let logits = await decoder.start(requests.map(({ prompt }) => prompt));
  for (;;) {
    live = live.map((beams, index) => {
      const next = extend(beams, logits, rows, width);
      for (const beam of next.filter(({ constraint }) => constraint.done)) {
        const best = finished[index];
        if (best === undefined || score(beam) > score(best)) finished[index] = beam;
      }
      const best = finished[index];
      return next.filter(
        (beam) => !beam.constraint.done && (best === undefined || score(beam) > score(best)),
      );
    });
    const all = live.flat();
    if (all.length === 0) return finished.map((beam) => beam?.tokens ?? []);
    throwIfAborted(signal);
    logits = await decoder.step(
      Int32Array.from(all, ({ tokens }) => tokens.at(-1)!),
      Int32Array.from(all, ({ row }) => row),
    );
    rows = all.length;
    for (const [row, beam] of all.entries()) beam.row = row;
  }
}

/** The `width` most probable continuations of a prompt's beams. */
function extend(beams: Beam[], logits: Float32Array, rows: number, width: number): Beam[] {
  const extensions = beams.flatMap((beam) => {
    const row = rowOf(logits, beam.row, rows);
    const norm = logSumExp(row);
    return largest(row, beam.constraint.allowed(), width).map((token): Extension => ({
      beam,
      token,
      logProbability: beam.logProbability + row[token]! - norm,
    }));
  });
  extensions.sort((a, b) => b.logProbability - a.logProbability);
  return extensions.slice(0, width).map(({ beam, token, logProbability }) => {
    const constraint = beam.constraint.clone();
    constraint.accept(token);
    return { tokens: [...beam.tokens, token], logProbability, constraint, row: beam.row };
  });
}

/** The tokens with the `count` largest logits, largest first; equal ones by ascending token. */
function largest(logits: Float32Array, allowed: ArrayLike<number> | undefined, count: number): number[] {
  const best: number[] = [];
  const length = allowed?.length ?? logits.length;
  for (let i = 0; i < length; i++) {
    const token = allowed?.[i] ?? i;
    if (best.length === count && logits[token]! <= logits[best.at(-1)!]!) continue;
    let at = best.length;
    while (at > 0 && logits[best[at - 1]!]! < logits[token]!) at--;
    best.splice(at, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}
