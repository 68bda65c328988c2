/**
 * Our side of one row, in a process of its own, compiled: `ours.js ROW DATA OUT ITERATIONS`. Prints {"seconds": [...]} with the
 * seconds of each iteration, and leaves in OUT what quality.ts reads. peers/*.py do the same.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ratings } from '../../src/data/dataset.ts';
import { readRatings } from '../../src/data/ratings/file.ts';
import { evaluateLists, relevantItems } from '../../src/evaluation/evaluator.ts';
import { userMetrics } from '../../src/evaluation/metric-keys.ts';
import { fillNormal } from '../../src/numeric/factors.ts';
import type { ObservedRows } from '../../src/numeric/als/solver.ts';
import type { FeatureRows } from '../../src/numeric/feature-prior.ts';
import { KernelPool } from '../../src/numeric/pool/pool.ts';
import { SgdSolver } from '../../src/numeric/sgd/fit.ts';
import type { PairwiseLoss, SquaredLoss } from '../../src/numeric/sgd/state.ts';
import { recommendByDotProduct } from '../../src/numeric/top-n.ts';
import { countsOf, mean, range } from '../../src/util/arrays.ts';
import { Rng } from '../../src/util/rng.ts';
import { alsSolver, preparedFolder, RANK, readCounts, readFloats, readInts, THREADS } from './inputs.ts';

const [row, data, out, count] = process.argv.slice(2) as [string, string, string, string];
const iterations = Number(count);
const input = preparedFolder(data);
const seconds: number[] = [];
let quality: Record<string, number> = {};

async function time<T>(work: () => T | Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  seconds.push((performance.now() - started) / 1000);
  return result;
}

const save = (name: string, values: Float32Array | Int32Array) =>
  writeFile(join(out, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));

const rows: Record<string, () => Promise<void>> = { load, als, bpr, fm, mf, top, metrics };

async function load(): Promise<void> {
  const form = { file: 'ratings.csv', scale: { min: 0.5, max: 5, step: 0.5 } };
  const { columns } = await time(() => readRatings(join(data, 'ratings.csv'), form, { threads: THREADS }));
  quality = { rows: columns.values.length, mean: mean(columns.values) };
}

async function als(): Promise<void> {
  const pool = KernelPool.create({ threads: THREADS });
  const { items: itemCount } = await readCounts(data);
  const solver = alsSolver(pool, { ...(await training()), itemCount });
  for (let sweep = 0; sweep < iterations; sweep++) {
    await time(() => {
      solver.updateUsers();
      solver.updateItems();
    });
  }
  await save('users.f32', solver.userFactors);
  await save('items.f32', solver.itemFactors);
  await pool.dispose();
}

async function bpr(): Promise<void> {
  const loss: PairwiseLoss = {
    kind: 'pairwise',
    acceptance: new Float64Array(256).fill(1),
    negatives: 1,
    sampling: 'popularity', // as implicit draws them
  };
  const train = await training();
  const byUser = { ...train, levels: new Uint8Array(train.indices.length) };
  const solver = await sgd(byUser, loss, 0.025, 0.01);
  await save('users.f32', solver.userFactors);
  await save('items.f32', solver.itemFactors);
  await save('biases.f32', solver.itemBiases);
}

/** The squared error of the ratings; users, movies, genres and decades. */
async function fm(): Promise<void> {
  await squaredError(await features());
}

/** The same without genres and decades: biased matrix factorization. */
async function mf(): Promise<void> {
  await squaredError();
}

/** quality.ts reads the predicted test ratings. */
async function squaredError(features?: FeatureRows): Promise<void> {
  const stars = await readFloats(join(input, 'train.stars.f32'));
  const meanStars = mean(stars);
  const distinct = Float32Array.from(new Set(stars)).sort();
  const byUser = {
    ...(await training()),
    levels: Uint8Array.from(stars, (value) => distinct.indexOf(value)),
  };
  const loss: SquaredLoss = {
    kind: 'squared',
    targets: Float64Array.from(distinct, (value) => value - meanStars),
  };
  const state = await sgd(byUser, loss, 0.02, 0.05, features);
  const [users, items] = [
    await readInts(join(input, 'test.users.i32')),
    await readInts(join(input, 'test.items.i32')),
  ];
  const { userFactors: p, itemFactors: q, featureFactors: v, featurePointers, featureIndices } = state;
  const x = state.featureValues;
  const predicted = Float32Array.from(users, (user, n) => {
    const item = items[n]!;
    let score = meanStars + state.userBiases[user]! + state.itemBiases[item]!;
    for (let f = 0; f < RANK; f++) score += p[user * RANK + f]! * q[item * RANK + f]!;
    for (let e = featurePointers[item]!; e < featurePointers[item + 1]!; e++) {
      const feature = featureIndices[e]!;
      score += x[e]! * state.featureBiases[feature]!;
      for (let f = 0; f < RANK; f++) score += x[e]! * p[user * RANK + f]! * v[feature * RANK + f]!;
    }
    return Math.min(5, Math.max(0.5, score));
  });
  await save('predicted.f32', predicted);
}

async function sgd(
  byUser: ObservedRows,
  loss: PairwiseLoss | SquaredLoss,
  rate: number,
  decay: number,
  features?: FeatureRows,
) {
  const { users, items } = await readCounts(data);
  const pool = KernelPool.create({ threads: THREADS });
  const catalogue = catalogueOf(countsOf(byUser.indices, items));
  const problem = { k: RANK, users, items, byUser, catalogue, ...(features && { features }) };
  const rng = new Rng(1);
  const solver = new SgdSolver(pool, problem, rng.derive('order'));
  const { userFactors, itemFactors } = solver.state;
  fillNormal(userFactors, RANK, RANK, 0.1 / Math.sqrt(RANK), rng.derive('users'));
  fillNormal(itemFactors, RANK, RANK, 0.1 / Math.sqrt(RANK), rng.derive('items'));
  const regularization = { factors: decay, features: decay, biases: decay };
  for (let epoch = 0; epoch < iterations; epoch++) await time(() => solver.epoch(loss, rate, regularization));
  await pool.dispose();
  return solver.state;
}

async function top(): Promise<void> {
  const seen = await training();
  const { users: userCount, items: itemCount } = await readCounts(data);
  const ranking = {
    factors: RANK,
    userFactors: await readFloats(join(input, 'users.f32')),
    itemFactors: await readFloats(join(input, 'items.f32')),
    users: range(userCount),
    catalogue: catalogueOf(countsOf(seen.indices, itemCount)),
  };
  const { items } = await time(() => recommendByDotProduct({ ...ranking, seen, k: 10, threads: THREADS }));
  await save('lists.i32', items);
}

/** Seven metrics per user, and coverage, novelty and the Gini index, which peers are not asked for; no movie has a genre. */
async function metrics(): Promise<void> {
  const { users: userCount, items: itemCount } = await readCounts(data);
  const { indices } = await training();
  const usersWhoRated = countsOf(indices, itemCount);
  const test: Ratings = {
    users: await readInts(join(input, 'test.users.i32')),
    items: await readInts(join(input, 'test.items.i32')),
    values: await readFloats(join(input, 'test.stars.f32')),
    timestamps: new Int32Array(0),
  };
  const items = await readInts(join(input, 'lists.i32'));
  const facts = {
    catalogueSize: catalogueOf(usersWhoRated).length,
    userCount,
    usersWhoRated,
    genres: Array.from({ length: itemCount }, () => []),
  };
  const users = range(userCount);
  for (let n = 0; n < iterations; n++) {
    await time(() => {
      const relevant = relevantItems(test, 4, userCount, itemCount);
      const evaluation = evaluateLists({ users, items, k: 10 }, relevant, facts, { cutoffs: [10] });
      const { perUser } = evaluation.cutoffs[0]!;
      quality = Object.fromEntries(userMetrics.map((name) => [name, mean(perUser[name])]));
    });
  }
}

/** The training ratings by user. */
async function training() {
  return {
    pointers: await readInts(join(input, 'train.pointers.i32')),
    indices: await readInts(join(input, 'train.items.i32')),
  };
}

async function features(): Promise<FeatureRows> {
  const { features: columns } = await readCounts(data);
  const indices = await readInts(join(input, 'features.indices.i32'));
  return {
    columns,
    pointers: await readInts(join(input, 'features.pointers.i32')),
    indices,
    values: new Float32Array(indices.length).fill(0.35),
  };
}

function catalogueOf(counts: Int32Array): Int32Array {
  return Int32Array.from(counts.keys()).filter((item) => counts[item]! > 0);
}

await mkdir(out, { recursive: true });
await rows[row]!();
process.stdout.write(`${JSON.stringify({ seconds, quality })}\n`);
