import { expect, test } from 'vitest';
import { fitByAls } from '../../src/numeric/als/fit.ts';
import type { ObservedRows } from '../../src/numeric/als/solver.ts';
import type { FitStore, PartialFit, RoundsContext } from '../../src/numeric/partial-fit.ts';
import { fitBySgd } from '../../src/numeric/sgd/fit.ts';
import { range } from '../../src/util/arrays.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';

const FACTORS = 8;
const USERS = 120;
const ITEMS = 96;

function everySecondItem(): ObservedRows {
  const perUser = ITEMS / 2;
  return {
    pointers: range(USERS + 1).map((user) => user * perUser),
    indices: range(USERS * perUser).map((n) => 2 * (n % perUser) + (Math.floor(n / perUser) % 2)),
    levels: Uint8Array.from({ length: USERS * perUser }, (_, n) => (n * 7) % 3),
  };
}

const rounds = 2;
const fits: Record<string, (context: RoundsContext) => Promise<Float32Array>> = {
  'a sweep of ALS': async (context) => {
    const data = {
      byUser: everySecondItem(),
      itemCount: ITEMS,
      relativeRatings: Float32Array.of(0.5, 0.75, 1),
      catalogue: range(ITEMS),
    };
    const settings = {
      factors: FACTORS,
      iterations: rounds,
      regularization: 0.1,
      frequencyExponent: 1,
      unobservedWeight: 0.1,
      targetExponent: 2,
      confidenceExponent: 0,
      conjugateGradientSteps: 1,
      priorStrength: 0,
    };
    return (await fitByAls(data, settings, context)).userFactors;
  },
  'an epoch of SGD': async (context) => {
    const problem = {
      k: FACTORS,
      users: USERS,
      items: ITEMS,
      byUser: everySecondItem(),
      catalogue: range(ITEMS),
    };
    const settings = {
      label: 'SGD',
      loss: { kind: 'squared', targets: Float64Array.of(-1, 0, 1) } as const,
      epochs: rounds,
      learningRate: 0.01,
      finalRate: 0.5,
      regularization: 0.01,
      biasRegularization: 0.01,
      factors: FACTORS,
      initialScale: 0.1,
    };
    return (await fitBySgd(problem, settings, context)).userFactors;
  },
};

/** A signal that fires when it is looked at for the `looks + 1`-th time. */
function firesAfter(looks: number): AbortSignal {
  const { signal } = new AbortController();
  let seen = 0;
  return Object.defineProperty(signal, 'aborted', { get: () => ++seen > looks });
}

test.each(Object.keys(fits))(
  '%s that is stopped in the middle is done again to the same digits',
  async (name) => {
    let kept: PartialFit | undefined;
    const store: FitStore = {
      read: () => Promise.resolve(kept),
      write: (fit) => {
        kept = fit;
        return Promise.resolve('the store');
      },
    };
    const fit = (signal: AbortSignal, own?: FitStore) => {
      const context = {
        rng: new Rng(name),
        progress: silentProgress,
        threads: 2,
        signal,
        operationsBetweenLooks: 1000,
      };
      return fits[name]!({ ...context, ...(own && { store: own }) });
    };
    let looks = 0;
    const counted = Object.defineProperty(new AbortController().signal, 'aborted', {
      get: () => ++looks < 0,
    });
    const whole = await fit(counted);
    expect(looks).toBeGreaterThanOrEqual(2 * rounds); // before each round and inside it
    // All looks of the first round, that before the second, and one inside it.
    await expect(fit(firesAfter(looks / rounds + 1), store)).rejects.toThrow(/stopped after 1 /);
    expect(kept?.rounds).toBe(1);
    expect(await fit(new AbortController().signal, store)).toEqual(whole);
  },
);
