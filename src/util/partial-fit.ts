/** Where a fit that is stopped leaves what it has, for the same fit to go on from, to the digit. */
import { AbortedError } from './errors.ts';
import type { RngState } from './rng.ts';

type Kept = Float32Array | Int32Array;

/** A fit between two rounds (sweeps, epochs). */
export interface PartialFit {
  rounds: number;
  /** The generator that later rounds draw from, where they draw. */
  rng?: RngState;
  arrays: Kept[];
}

export interface FitStore {
  /** What the same fit left, if anything; its arrays have these lengths. */
  read(lengths: readonly number[]): Promise<PartialFit | undefined>;
  /** Returns where it is kept. Throws RecsysError when it cannot be written. */
  write(fit: PartialFit): Promise<string>;
}

/** Fills `arrays` with what a stopped fit left. Returns its rounds, 0 where there is none, and its generator. */
export async function resume(
  store: FitStore | undefined,
  arrays: readonly Kept[],
): Promise<Pick<PartialFit, 'rounds' | 'rng'>> {
  const fit = await store?.read(arrays.map(({ length }) => length));
  if (!fit) return { rounds: 0 };
  for (const [i, array] of arrays.entries()) array.set(fit.arrays[i]!);
  return fit;
}

/** The error of a fit that the signal stopped after `work`, once what it has is kept. */
export async function stopped(
  store: FitStore | undefined,
  fit: PartialFit,
  work: string,
): Promise<AbortedError> {
  const found = `stopped after ${work}`;
  if (!store || fit.rounds === 0) return new AbortedError({ found });
  const path = await store.write(fit);
  return new AbortedError({ found, remedy: `The same command goes on from there: they are kept in ${path}` });
}
