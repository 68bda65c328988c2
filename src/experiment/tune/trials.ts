/** Which settings a search tries: the same for the same seed, however many trials follow and wherever they run. */
import { valueAt, type OptionValue, type SearchSpace } from '../../models/search-space.ts';
import { exp, log } from '../../util/math.ts';
import type { Rng } from '../../util/rng.ts';
import { sobolPoints } from '../../numeric/sobol.ts';

export const searchMethods = ['sobol', 'random'] as const;
export type SearchMethod = (typeof searchMethods)[number];

/** Settings of one trial: what the space sets, over the fixed options. */
export type Settings = Record<string, OptionValue>;

/** `count` settings from the space; a longer search begins with a shorter one. */
export function drawSettings(space: SearchSpace, count: number, method: SearchMethod, rng: Rng): Settings[] {
  const names = Object.keys(space);
  const points =
    method === 'sobol'
      ? sobolPoints(count, names.length, rng)
      : Array.from({ length: count }, () => names.map(() => rng.uniform()));
  return points.map((point) =>
    Object.fromEntries(names.map((name, n) => [name, valueAt(space[name]!, point[n]!, { log, exp })])),
  );
}

/** Fewest rounds of a rung: one sweep or epoch says little. */
const MIN_ROUNDS = 2;

/**
 * Rounds of each rung of successive halving, ascending (Jamieson and Talwalkar 2016): the last has all of them, each before
 * it a `keep`-th, while there are at least two rounds and more than `keep` trials.
 */
export function rungsOf(rounds: number, trials: number, keep: number): number[] {
  const rungs = [rounds];
  for (
    let left = trials;
    left > keep && Math.ceil(rungs[0]! / keep) >= MIN_ROUNDS;
    left = Math.ceil(left / keep)
  ) {
    rungs.unshift(Math.ceil(rungs[0]! / keep));
  }
  return rungs;
}
