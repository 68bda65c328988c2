/** What a fit that is stopped leaves, so that the same fit continues from it to the same digits. */
import { AbortedError } from '../util/errors.ts';
import type { Progress } from '../util/progress.ts';
import type { Rng, RngState } from '../util/rng.ts';

/** Multiplications after which a fit looks at its signal: about 0.2 s of one thread. */
export const OPERATIONS_BETWEEN_LOOKS = 2 ** 28;

type FitArray = Float32Array | Int32Array;

/** A fit between two rounds. A round is a sweep of ALS or an epoch of SGD. */
export interface PartialFit {
  /** Rounds done. */
  rounds: number;
  /** The generator that later rounds draw from, where they draw. */
  rng?: RngState;
  /** Factors and biases, flat; the fit gives their order and lengths. */
  arrays: FitArray[];
}

/** Where one fit, with its data and options, leaves its state. */
export interface FitStore {
  /** What the same fit left, or undefined. Its arrays have these lengths. */
  read(lengths: readonly number[]): Promise<PartialFit | undefined>;
  /** Returns the path of the file. Throws RecsysError when it cannot be written. */
  write(fit: PartialFit): Promise<string>;
}

/** What a fit in rounds runs with. */
export interface RoundsContext {
  rng: Rng;
  progress: Progress;
  signal: AbortSignal;
  threads: number;
  store?: FitStore;
  /** Default: OPERATIONS_BETWEEN_LOOKS. */
  operationsBetweenLooks?: number;
}

/**
 * Fills `arrays` with what a stopped fit left. Returns the rounds it had done and its generator; 0 rounds, with `arrays`
 * unchanged, where it left nothing.
 */
export async function resume(
  store: FitStore | undefined,
  arrays: readonly FitArray[],
): Promise<Pick<PartialFit, 'rounds' | 'rng'>> {
  const fit = await store?.read(arrays.map(({ length }) => length));
  if (!fit) return { rounds: 0 };
  for (const [i, array] of arrays.entries()) array.set(fit.arrays[i]!);
  return fit;
}

/**
 * Writes `fit` to the store and returns the error to throw: that the signal stopped the fit after `work` ("3 sweeps of
 * implicit ALS"), and where its state is. Without a store, or before the first round, nothing is written.
 */
export async function stoppedError(
  store: FitStore | undefined,
  fit: PartialFit,
  work: string,
): Promise<AbortedError> {
  const found = `stopped after ${work}`;
  if (!store || fit.rounds === 0) return new AbortedError({ found });
  const path = await store.write(fit);
  return new AbortedError({
    found,
    remedy: `The same command goes on from there: the state is kept in ${path}`,
  });
}
