/** What every contender reads: synthetic ratings as CSV, and their split, factors and lists as raw columns. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { itemFeatures } from '../../src/data/item-features.ts';
import { loadDataset } from '../../src/data/loader.ts';
import { splitRatings } from '../../src/data/split.ts';
import { trainingSet, type TrainingSet } from '../../src/data/training-set.ts';
import { AlsSolver } from '../../src/numeric/als/solver.ts';
import { fillNormal } from '../../src/numeric/factors.ts';
import { KernelPool } from '../../src/numeric/pool/pool.ts';
import { recommendByDotProduct } from '../../src/numeric/top-n.ts';
import { range } from '../../src/util/arrays.ts';
import { Rng } from '../../src/util/rng.ts';
import { generateRatings } from './generate-ratings.ts';

/** One length of vectors for every row. */
export const RANK = 64;
export const THREADS = Math.min(2, availableParallelism());
/** The objective of the ALS row: every cell pulls to 0 with weight 1, a rated one has confidence ALS_CONFIDENCE. */
export const ALS_CONFIDENCE = 6;
export const ALS_REGULARIZATION = 0.1;

/** Numbers of one prepared data set, in prepared/counts.json. */
export interface Counts {
  users: number;
  items: number;
  features: number;
}

export const preparedFolder = (data: string) => join(data, 'prepared');

/** The folder of `ratings` synthetic ratings, generated and prepared where they are not there yet. */
export async function prepareInputs(cache: string, ratings: number): Promise<string> {
  const data = join(cache, 'data', `synthetic-${ratings}-seed1`);
  const out = preparedFolder(data);
  if (existsSync(join(out, 'counts.json'))) return data;
  if (!existsSync(join(data, 'README.md'))) generateRatings({ ratings, seed: 1, folder: data });
  const dataset = await loadDataset(data);
  const split = splitRatings(dataset, { kind: 'per-user-random', testShare: 0.2 }, new Rng(42));
  const train = trainingSet(dataset, split.train, split.test);
  const { matrix } = itemFeatures(train, ['genres', 'decade']);
  await mkdir(out, { recursive: true });
  const save = (name: string, values: Int32Array | Float32Array) =>
    writeFile(join(out, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const { pointers, indices, values } = train.byUser;
  const users = new Int32Array(indices.length);
  for (let user = 0; user < train.userCount; user++) users.fill(user, pointers[user], pointers[user + 1]);
  await save('train.pointers.i32', pointers);
  await save('train.users.i32', users);
  await save('train.items.i32', indices);
  await save('train.stars.f32', values);
  await save('test.users.i32', split.test.users);
  await save('test.items.i32', split.test.items);
  await save('test.stars.f32', split.test.values);
  await save('features.pointers.i32', matrix.pointers);
  await save('features.indices.i32', matrix.indices);
  const example = await exampleLists(train);
  await save('users.f32', example.users);
  await save('items.f32', example.items);
  await save('lists.i32', example.lists);
  const counts: Counts = { users: train.userCount, items: train.itemCount, features: matrix.columns };
  await writeFile(join(out, 'counts.json'), JSON.stringify(counts));
  return data;
}

/** Factors of a few sweeps and the lists that follow: realistic input for the rows on ranking and metrics. */
async function exampleLists(train: TrainingSet) {
  const pool = KernelPool.create({ threads: THREADS });
  try {
    const als = alsSolver(pool, { ...train.byUser, itemCount: train.itemCount });
    for (let sweep = 0; sweep < 3; sweep++) {
      als.updateUsers();
      als.updateItems();
    }
    const [users, items] = [als.userFactors.slice(), als.itemFactors.slice()];
    const { items: lists } = await recommendByDotProduct({
      factors: RANK,
      userFactors: users,
      itemFactors: items,
      catalogue: train.catalogue,
      seen: train.byUser,
      users: range(train.userCount),
      k: 10,
      threads: THREADS,
    });
    return { users, items, lists };
  } finally {
    await pool.dispose();
  }
}

/** A solver of the ALS row's objective, with first factors. Three steps of conjugate gradients at most; implicit: three. */
export function alsSolver(
  pool: KernelPool,
  { pointers, indices, itemCount }: { pointers: Int32Array; indices: Int32Array; itemCount: number },
): AlsSolver {
  const userCount = pointers.length - 1;
  const extra = ALS_CONFIDENCE - 1;
  const als = new AlsSolver(pool, {
    k: RANK,
    unobservedWeight: 1,
    levels: { confidence: Float32Array.of(extra), target: Float32Array.of(ALS_CONFIDENCE / extra) },
    byUser: { pointers, indices, levels: new Uint8Array(indices.length) },
    userLambdas: new Float32Array(userCount).fill(ALS_REGULARIZATION),
    itemLambdas: new Float32Array(itemCount).fill(ALS_REGULARIZATION),
    conjugateGradientSteps: 3,
  });
  fillNormal(als.userFactors, RANK, RANK, 0.01, new Rng(1).derive('users'));
  fillNormal(als.itemFactors, RANK, RANK, 0.01, new Rng(1).derive('items'));
  return als;
}

export async function readCounts(data: string): Promise<Counts> {
  return JSON.parse(await readFile(join(preparedFolder(data), 'counts.json'), 'utf8')) as Counts;
}

export async function readInts(path: string): Promise<Int32Array> {
  const { buffer, byteOffset, byteLength } = await readFile(path);
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

export async function readFloats(path: string): Promise<Float32Array> {
  const { buffer, byteOffset, byteLength } = await readFile(path);
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}
