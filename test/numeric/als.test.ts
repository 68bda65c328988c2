import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AlsSolver, type AlsProblem, type ObservedRows } from '../../src/numeric/als/solver.ts';
import { KernelPool } from '../../src/numeric/pool/pool.ts';
import { conjugateGradientRows, gramMatrix, inverseOf, solveRows } from './reference/als.ts';
import { Rng } from '../../src/util/rng.ts';

/** Rows with `entries(row)` observed cells each, at random columns. */
function observedRows(
  rows: number,
  columns: number,
  entries: (row: number) => number,
  rng: Rng,
): ObservedRows {
  const pointers = new Int32Array(rows + 1);
  const indices: number[] = [];
  for (let row = 0; row < rows; row++) {
    const chosen = rng.shuffle(Int32Array.from({ length: columns }, (_, c) => c)).subarray(0, entries(row));
    indices.push(...chosen.toSorted());
    pointers[row + 1] = indices.length;
  }
  const levels = Uint8Array.from(indices, () => rng.int(10));
  return { pointers, indices: Int32Array.from(indices), levels };
}

/** 30 users with 8 entries and more (never "short"), 300 items with 0 to 11: both paths of the exact kernel. */
function problemOf(k: number, conjugateGradientSteps: number): AlsProblem {
  const rng = new Rng(`als ${k}`);
  const byUser = transposed(
    observedRows(300, 30, (row) => row % 12, rng),
    30,
  );
  const stars = Array.from({ length: 10 }, (_, level) => (level + 1) / 2);
  return {
    k,
    unobservedWeight: 0.2,
    levels: {
      confidence: Float32Array.from(stars, (s) => 0.5 + s),
      target: Float32Array.from(stars, (s) => (s / 4) ** 2),
    },
    byUser,
    userLambdas: Float32Array.from({ length: 30 }, () => 0.3 + rng.uniform()),
    itemLambdas: Float32Array.from({ length: 300 }, (_, row) => 0.3 + (row % 12) / 10),
    conjugateGradientSteps,
  };
}

function randomFactors(target: Float32Array, seed: string): void {
  const rng = new Rng(seed);
  for (let i = 0; i < target.length; i++) target[i] = 0.3 * rng.normal();
}

function solverWith(pool: KernelPool, problem: AlsProblem): AlsSolver {
  const als = new AlsSolver(pool, problem);
  randomFactors(als.userFactors, 'users');
  randomFactors(als.itemFactors, 'items');
  return als;
}

/** Largest |a - b|; NaN when either holds one. */
function distance(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => {
    const difference = Math.abs(value - b[i]!);
    return difference <= worst ? worst : difference;
  }, 0);
}

describe('one update of ALS', () => {
  let pool: KernelPool;
  beforeAll(async () => {
    pool = KernelPool.create({ threads: 1 });
  });
  afterAll(() => pool.dispose());

  function expected(
    problem: AlsProblem,
    als: AlsSolver,
    side: 'users' | 'items',
    prior: Float32Array | null,
  ) {
    const { k, levels, unobservedWeight } = problem;
    const users = side === 'users';
    const x = Float32Array.from(users ? als.userFactors : als.itemFactors);
    const y = Float32Array.from(users ? als.itemFactors : als.userFactors);
    return {
      k,
      levels,
      prior,
      x,
      y,
      observed: users ? problem.byUser : transposed(problem.byUser, 300),
      lambdas: users ? problem.userLambdas : problem.itemLambdas,
      gram: gramMatrix(y, k, unobservedWeight, 1024),
    };
  }

  test.each([8, 24, 64])('by Cholesky gives the bits of the plain kernel for %i factors', (k) => {
    const problem = problemOf(k, 0);
    const als = solverWith(pool, problem);
    const plain = expected(problem, als, 'users', null);
    als.updateUsers();
    solveRows(plain);
    expect(distance(als.userFactors, plain.x)).toBe(0);
  });

  test.each([0, 3])('with %i steps has parts of about as many entries', (conjugateGradientSteps) => {
    const entriesOf = (user: number) => (user < 160 ? 1 : 20);
    const byUser = observedRows(320, 30, entriesOf, new Rng('parts'));
    const [k, entriesPerPart] = [8, 200];
    const userLambdas = new Float32Array(320).fill(1);
    // A multiplication per factor for a step; for an exact solution, per cell of a panel of 8 factors.
    const own = { byUser, userLambdas, conjugateGradientSteps, operationsPerPart: k * entriesPerPart };
    const als = solverWith(pool, { ...problemOf(k, 0), itemLambdas: new Float32Array(30).fill(1), ...own });
    const entries: number[] = [];
    let before = als.userFactors.slice();
    const count = () => {
      const isSolved = (user: number) =>
        distance(before.subarray(user * k, user * k + k), als.userFactors.subarray(user * k, user * k + k)) >
        0;
      const solved = Array.from({ length: 320 }, (_, user) => user).filter(isSolved);
      entries.push(solved.reduce((sum, user) => sum + entriesOf(user), 0));
      before = als.userFactors.slice();
    };
    for (const _ of als.sweepInParts()) count();
    count();
    expect(entries.reduce((sum, own) => sum + own, 0)).toBe(160 + 160 * 20);
    // A part ends with the chunk of 16 rows in which it has enough.
    expect(Math.max(...entries)).toBeLessThan(entriesPerPart + 16 * 20);
  });

  test('with a prior agrees with the plain kernel, on rows of up to seven entries to rounding', () => {
    const problem = problemOf(24, 0);
    const als = solverWith(pool, problem);
    const prior = pool.float32(als.itemFactors.length);
    randomFactors(prior, 'prior');
    const plain = expected(problem, als, 'items', prior);
    als.updateItems(prior);
    solveRows(plain);
    expect(distance(als.itemFactors, plain.x)).toBeLessThan(3e-6);
    const long = (factors: Float32Array) => factors.filter((_, i) => Math.floor(i / 24) % 12 > 7);
    expect(distance(long(als.itemFactors), long(plain.x))).toBe(0);
  });

  test('by conjugate gradients gives the bits of the plain kernel, prior included', () => {
    const problem = problemOf(24, 3);
    const als = solverWith(pool, problem);
    const prior = pool.float32(als.itemFactors.length);
    randomFactors(prior, 'prior');
    const plain = expected(problem, als, 'items', prior);
    als.updateItems(prior);
    const filled = problem.itemLambdas.filter((_, row) => row % 12 > 0);
    const meanLambda = Math.fround(filled.reduce((sum, lambda) => sum + lambda, 0) / filled.length);
    const inverse = inverseOf(plain.gram, meanLambda, plain.k);
    conjugateGradientRows(plain, 3, { inverse, meanLambda });
    expect(distance(als.itemFactors, plain.x)).toBe(0);
  });

  test('by conjugate gradients approaches the exact solution, to a fifth of the residual at every update', () => {
    const exact = solverWith(pool, problemOf(8, 0));
    const iterative = solverWith(pool, problemOf(8, 24));
    exact.updateItems();
    for (let update = 0; update < 10; update++) iterative.updateItems();
    expect(distance(exact.itemFactors, iterative.itemFactors)).toBeLessThan(1e-5);
  });

  test('sets a row without entries to zero, whatever its prior', () => {
    const als = solverWith(pool, problemOf(8, 0));
    const prior = pool.float32(als.itemFactors.length).fill(1);
    als.updateItems(prior);
    expect(Array.from(als.itemFactors.subarray(0, 8))).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('leaves pad factors at zero', () => {
    const als = solverWith(pool, problemOf(8, 0));
    for (let i = 5; i < als.itemFactors.length; i += 8) als.itemFactors.fill(0, i, i + 3);
    als.updateUsers();
    for (let user = 0; user < 30; user++) {
      expect(als.userFactors.subarray(user * 8 + 5, user * 8 + 8)).toSatisfy((pad: Float32Array) =>
        pad.every((value) => value === 0),
      );
    }
  });
});

/** sum over cells of the weighted squared error, plus the penalty: what each update minimises over its side. */
function objective(problem: AlsProblem, x: Float32Array, y: Float32Array): number {
  const { byUser, k, levels, unobservedWeight } = problem;
  let total = 0;
  for (let user = 0; user < problem.userLambdas.length; user++) {
    const level = new Map<number, number>();
    for (let p = byUser.pointers[user]!; p < byUser.pointers[user + 1]!; p++) {
      level.set(byUser.indices[p]!, byUser.levels[p]!);
    }
    for (let item = 0; item < problem.itemLambdas.length; item++) {
      let score = 0;
      for (let j = 0; j < k; j++) score += x[user * k + j]! * y[item * k + j]!;
      total += unobservedWeight * score ** 2;
      const seen = level.get(item);
      if (seen !== undefined) total += levels.confidence[seen]! * (levels.target[seen]! - score) ** 2;
    }
  }
  const penalty = (factors: Float32Array, lambdas: Float32Array) =>
    factors.reduce((sum, value, i) => sum + lambdas[Math.floor(i / k)]! * value ** 2, 0);
  return total + penalty(x, problem.userLambdas) + penalty(y, problem.itemLambdas);
}

test('every half sweep lowers the objective', async () => {
  const pool = KernelPool.create({ threads: 1 });
  const problem = problemOf(8, 0);
  const als = solverWith(pool, problem);
  const values = [objective(problem, als.userFactors, als.itemFactors)];
  for (let sweep = 0; sweep < 3; sweep++) {
    als.updateUsers();
    values.push(objective(problem, als.userFactors, als.itemFactors));
    als.updateItems();
    values.push(objective(problem, als.userFactors, als.itemFactors));
  }
  for (let i = 1; i < values.length; i++) expect(values[i]).toBeLessThan(values[i - 1]!);
  await pool.dispose();
});

function transposed({ pointers, indices, levels }: ObservedRows, columns: number): ObservedRows {
  const rows: [number, number][][] = Array.from({ length: columns }, () => []);
  for (let row = 0; row + 1 < pointers.length; row++) {
    for (let p = pointers[row]!; p < pointers[row + 1]!; p++) rows[indices[p]!]!.push([row, levels[p]!]);
  }
  const flat = rows.flat();
  const offsets = new Int32Array(columns + 1);
  rows.forEach((entries, column) => (offsets[column + 1] = offsets[column]! + entries.length));
  return {
    pointers: offsets,
    indices: Int32Array.from(flat, ([row]) => row),
    levels: Uint8Array.from(flat, ([, level]) => level),
  };
}

test.each([0, 3])(
  'one, two and three threads give the same bits (conjugate gradient steps: %i)',
  async (steps) => {
    const run = async (threads: number) => {
      const pool = KernelPool.create({ threads });
      const als = solverWith(pool, problemOf(24, steps));
      for (let sweep = 0; sweep < 20; sweep++) {
        als.updateUsers();
        als.updateItems();
        await pool.yieldToEventLoop();
      }
      const factors = [Array.from(als.userFactors), Array.from(als.itemFactors)];
      await pool.dispose();
      return factors;
    };
    const [one, two, three] = [await run(1), await run(2), await run(3)];
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  },
);
