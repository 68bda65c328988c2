import { describe, expect, test } from 'vitest';
import { KernelPool } from '../../src/numeric/pool/pool.ts';
import { referenceSgdKernels } from './reference/sgd.ts';
import { SgdSolver, type SgdKernels } from '../../src/numeric/sgd/fit.ts';
import type { PairwiseLoss, SgdProblem, SgdState, SquaredLoss } from '../../src/numeric/sgd/state.ts';
import { sigmoid } from '../../src/util/math.ts';
import { Rng } from '../../src/util/rng.ts';

const K = 16;
const LEVELS = 5;
const regularization = { factors: 0.02, features: 0.05, biases: 0.01 };
const pairwise: PairwiseLoss = {
  kind: 'pairwise',
  acceptance: Float64Array.of(0.1, 0.3, 0.5, 0.7, 1),
  negatives: 3,
  sampling: 'uniform',
};
const squared: SquaredLoss = { kind: 'squared', targets: Float64Array.of(-2, -1, 0, 1, 2) };

/** 140 users and 200 items make two blocks of each. */
function randomProblem(withFeatures: boolean): SgdProblem {
  const rng = new Rng('problem');
  const [users, items, columns] = [140, 200, 6];
  const rows = (count: number, width: number, share: number) => {
    const pointers = new Int32Array(count + 1);
    const indices: number[] = [];
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < width; column++) if (rng.uniform() < share) indices.push(column);
      pointers[row + 1] = indices.length;
    }
    return { pointers, indices: Int32Array.from(indices) };
  };
  const ratings = rows(users, items, 0.1);
  const features = rows(items, columns, 0.3);
  return {
    k: K,
    users,
    items,
    byUser: { ...ratings, levels: Uint8Array.from(ratings.indices, () => rng.int(LEVELS)) },
    catalogue: Int32Array.from({ length: items }, (_, item) => item),
    ...(withFeatures && {
      features: { ...features, columns, values: Float32Array.from(features.indices, () => rng.uniform()) },
    }),
  };
}

async function train(
  loss: PairwiseLoss | SquaredLoss,
  options: { features: boolean; threads: number; kernels?: SgdKernels },
): Promise<SgdState> {
  const pool = KernelPool.create({ threads: options.threads });
  try {
    const rng = new Rng(7);
    const solver = new SgdSolver(pool, randomProblem(options.features), rng.derive('order'), options.kernels);
    for (const factors of [solver.state.userFactors, solver.state.itemFactors])
      factors.forEach((_, n) => (factors[n] = 0.1 * rng.normal()));
    solver.setFeatureFactors(Float32Array.from(solver.featureFactors, () => 0.1 * rng.normal()));
    for (let epoch = 0; epoch < 3; epoch++) solver.epoch(loss, 0.1, regularization);
    return solver.state;
  } finally {
    await pool.dispose();
  }
}

const learned = (state: SgdState) => ({
  userFactors: state.userFactors,
  itemFactors: state.itemFactors,
  userBiases: state.userBiases,
  itemBiases: state.itemBiases,
  featureFactors: state.featureFactors,
  featureBiases: state.featureBiases,
});

for (const [loss, name] of [
  [pairwise, 'pairwise'],
  [{ ...pairwise, sampling: 'popularity' }, 'pairwise (by popularity)'],
  [squared, 'squared'],
] as const) {
  for (const features of [false, true]) {
    const kind = `the ${name} loss ${features ? 'with' : 'without'} features`;

    test(`the SIMD kernel of ${kind} gives the plain kernel's bits`, async () => {
      const simd = await train(loss, { features, threads: 1 });
      const plain = await train(loss, { features, threads: 1, kernels: referenceSgdKernels });
      expect(simd.blocks).toBe(2);
      expect(learned(simd)).toEqual(learned(plain));
      expect(simd.itemBiases.some((bias) => bias !== 0)).toBe(true);
      expect(simd.userFactors.every(Number.isFinite)).toBe(true);
    });

    test(`${kind} gives the same bits on one thread and on three`, async () => {
      expect(learned(await train(loss, { features, threads: 3 }))).toEqual(
        learned(await train(loss, { features, threads: 1 })),
      );
    });
  }
}

/** One user who rated some of `items`, eight factors, all parameters 0 and acceptance and target 1 for level 1. */
async function oneUser(
  items: number,
  rated: { indices: number[]; levels: number[] },
  change: Partial<SgdProblem> = {},
): Promise<SgdSolver> {
  const pool = KernelPool.create({ threads: 1 });
  return new SgdSolver(
    pool,
    {
      k: 8,
      users: 1,
      items,
      byUser: {
        pointers: Int32Array.of(0, rated.indices.length),
        indices: Int32Array.from(rated.indices),
        levels: Uint8Array.from(rated.levels),
      },
      catalogue: Int32Array.from({ length: items }, (_, item) => item),
      ...change,
    },
    new Rng(1),
  );
}

const onlyLevelOne: PairwiseLoss = {
  kind: 'pairwise',
  acceptance: Float64Array.of(0, 1),
  negatives: 1,
  sampling: 'uniform',
};
const noPull = { factors: 0, features: 0, biases: 0 };

describe('one step by hand', () => {
  test('squared loss: p += r (e q - l p), q += r (e p - l q), biases += r (e - l b)', async () => {
    const solver = await oneUser(1, { indices: [0], levels: [1] });
    const { userFactors, itemFactors, userBiases, itemBiases } = solver.state;
    [userFactors[0], itemFactors[0], userBiases[0]] = [1, 2, 1];
    // Target 4, score 1 + 1 x 2 = 3, error 1, rate 0.1, l = 0.5 for factors and 1 for biases.
    const loss: SquaredLoss = { kind: 'squared', targets: Float64Array.of(0, 4) };
    solver.epoch(loss, 0.1, { factors: 0.5, features: 0, biases: 1 });
    expect(userFactors[0]).toBeCloseTo(1 + 0.1 * (2 - 0.5), 6);
    expect(itemFactors[0]).toBeCloseTo(2 + 0.1 * (1 - 1), 6);
    expect(userBiases[0]).toBeCloseTo(1 + 0.1 * (1 - 1), 6);
    expect(itemBiases[0]).toBeCloseTo(0.1, 6);
  });

  test('pairwise loss: at equal scores the gradient is sigmoid(0) = 1/2', async () => {
    const solver = await oneUser(2, { indices: [0], levels: [1] });
    const { userFactors, itemFactors, itemBiases } = solver.state;
    itemFactors[0] = 1; // q of the rated item
    itemFactors[8 + 1] = 1; // q of the other
    solver.epoch(onlyLevelOne, 0.1, { factors: 0.2, features: 0, biases: 0 });
    expect([...userFactors.subarray(0, 2)].map((p) => p.toFixed(4))).toEqual(['0.0500', '-0.0500']);
    expect(itemFactors[0]).toBeCloseTo(1 - 0.1 * 0.2, 6); // p was 0: only the pull
    expect([...itemBiases].map((b) => b.toFixed(4))).toEqual(['0.0500', '-0.0500']);
  });

  test('pairwise loss: at any margin the gradient is the sigmoid of src/util/math.ts to the bit', async () => {
    const solver = await oneUser(2, { indices: [0], levels: [1] });
    const { userFactors, itemFactors, itemBiases } = solver.state;
    for (const margin of [-800, -700, -87.5, -20.3, -1, -1e-9, 0, 0.3, 5, 88, 701].map(Math.fround)) {
      userFactors.fill(0);
      itemFactors.fill(0);
      itemFactors[0] = 1; // q of the rated item, along which p moves
      [itemBiases[0], itemBiases[1]] = [0, margin];
      solver.epoch(onlyLevelOne, 1, noPull);
      expect(userFactors[0]).toBe(Math.fround(sigmoid(margin)));
    }
  });

  test('a feature moves x times as far as the item that has it', async () => {
    const features = {
      columns: 1,
      pointers: Int32Array.of(0, 1, 1),
      indices: Int32Array.of(0),
      values: Float32Array.of(3),
    };
    const solver = await oneUser(2, { indices: [0], levels: [1] }, { features });
    solver.state.userFactors[0] = 1;
    solver.epoch(onlyLevelOne, 0.1, noPull);
    expect(solver.state.itemFactors[0]).toBeCloseTo(0.05, 6);
    expect(solver.featureFactors[0]).toBeCloseTo(0.15, 6);
    expect(solver.featureBiases[0]).toBeCloseTo(0.15, 6);
  });
});

describe('the pairwise loss', () => {
  test('never learns from a rating whose acceptance is 0', async () => {
    const solver = await oneUser(3, { indices: [0, 1], levels: [0, 1] });
    for (let epoch = 0; epoch < 50; epoch++) solver.epoch(onlyLevelOne, 0.1, noPull);
    const [never, liked, unrated] = solver.state.itemBiases;
    expect(never).toBe(0);
    expect(liked).toBeGreaterThan(0);
    expect(unrated).toBeLessThan(0);
  });

  test('takes the best scored of the drawn negatives', async () => {
    const solver = await oneUser(4, { indices: [0], levels: [1] });
    solver.state.itemBiases[2] = 1; // the hardest of items 1, 2, 3; not drawn in 30 draws: (2/3)^30 = 5e-6
    solver.epoch({ ...onlyLevelOne, negatives: 30 }, 0.1, noPull);
    expect(solver.state.itemBiases[1]).toBe(0);
    expect(solver.state.itemBiases[2]).toBeLessThan(1);
    expect(solver.state.itemBiases[3]).toBe(0);
  });

  test('drawn by popularity, never has an item without ratings for a negative', async () => {
    const byUser = {
      pointers: Int32Array.of(0, 1, 2),
      indices: Int32Array.of(0, 1),
      levels: Uint8Array.of(1, 1),
    };
    const solver = await oneUser(3, { indices: [], levels: [] }, { users: 2, byUser });
    for (let epoch = 0; epoch < 20; epoch++) {
      solver.epoch({ ...onlyLevelOne, sampling: 'popularity' }, 0.1, noPull);
    }
    expect([...solver.state.itemBiases].map((bias) => bias !== 0)).toEqual([true, true, false]);
  });

  test('leaves a user alone who rated everything', async () => {
    const solver = await oneUser(2, { indices: [0, 1], levels: [1, 1] });
    solver.epoch(onlyLevelOne, 0.1, noPull);
    expect([...solver.state.itemBiases]).toEqual([0, 0]);
  });
});
