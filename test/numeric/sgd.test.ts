import { expect, test } from 'vitest';
import { KernelPool } from '../../src/numeric/pool.ts';
import { referenceSgdKernels } from '../../src/numeric/reference/sgd.ts';
import {
  SgdSolver,
  type PairwiseLoss,
  type SgdKernels,
  type SgdProblem,
  type SgdState,
  type SquaredLoss,
} from '../../src/numeric/sgd.ts';
import { Rng } from '../../src/util/rng.ts';

const K = 16;
const LEVELS = 5;
const regularization = { factors: 0.02, features: 0.05, biases: 0.01 };
const pairwise: PairwiseLoss = {
  kind: 'pairwise',
  acceptance: Float64Array.of(0.1, 0.3, 0.5, 0.7, 1),
  negatives: 3,
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
  const pool = await KernelPool.create({ threads: options.threads });
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
