/**
 * Quality of what a contender left in its folder, measured by the same code for all: NDCG@10 of factors or lists, RMSE of
 * predictions.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toCsr } from '../../src/data/csr.ts';
import { evaluateLists, relevantItems } from '../../src/evaluation/evaluator.ts';
import { recommendByDotProduct } from '../../src/numeric/top-n.ts';
import { mean, range } from '../../src/util/arrays.ts';
import { preparedFolder, readCounts, readFloats, readInts, THREADS } from './inputs.ts';

/** Number of users whose lists are measured: enough for three digits. */
const QUALITY_USERS = 5000;

/**
 * Quality of what a contender left in `out`, on the test ratings of the prepared folder `data`: `rmse` for predictions, `ndcg`
 * (at 10, of 5,000 users) for lists or factors, nothing where `out` has none of them.
 */
export async function measureQuality(data: string, out: string): Promise<Record<string, number>> {
  if (existsSync(join(out, 'predicted.f32'))) return { rmse: await rmse(data, out) };
  const users = await testUsers(data);
  if (existsSync(join(out, 'lists.i32'))) {
    const lists = await readInts(join(out, 'lists.i32'));
    const items = new Int32Array(10 * users.length);
    users.forEach((user, n) => items.set(lists.subarray(10 * user, 10 * user + 10), 10 * n));
    return { ndcg: await ndcg(data, users, items) };
  }
  return existsSync(join(out, 'users.f32')) ? { ndcg: await ndcgOfFactors(data, out, users) } : {};
}

async function rmse(data: string, out: string): Promise<number> {
  const predicted = await readFloats(join(out, 'predicted.f32'));
  const stars = await readFloats(join(preparedFolder(data), 'test.stars.f32'));
  return Math.sqrt(mean(Float64Array.from(stars, (value, n) => (value - predicted[n]!) ** 2)));
}

async function testUsers(data: string): Promise<Int32Array> {
  const { users } = await readCounts(data);
  const step = Math.max(1, Math.floor(users / QUALITY_USERS));
  return range(Math.floor(users / step)).map((n) => n * step);
}

async function ndcgOfFactors(data: string, out: string, users: Int32Array): Promise<number> {
  const counts = await readCounts(data);
  const input = preparedFolder(data);
  const trainItems = await readInts(join(input, 'train.items.i32'));
  const trainUsers = await readInts(join(input, 'train.users.i32'));
  const seen = toCsr(trainUsers, trainItems, new Float32Array(trainUsers.length), counts.users, counts.items);
  const userFactors = await readFloats(join(out, 'users.f32'));
  const biases = existsSync(join(out, 'biases.f32')) && (await readFloats(join(out, 'biases.f32')));
  const { items } = await recommendByDotProduct({
    factors: userFactors.length / counts.users, // implicit keeps biases as one more factor
    userFactors,
    itemFactors: await readFloats(join(out, 'items.f32')),
    ...(biases && { itemBias: biases }),
    catalogue: Int32Array.from(new Set(trainItems)).sort(),
    seen,
    users,
    k: 10,
    threads: THREADS,
  });
  return ndcg(data, users, items);
}

async function ndcg(data: string, users: Int32Array, items: Int32Array): Promise<number> {
  const counts = await readCounts(data);
  const input = preparedFolder(data);
  const test = {
    users: await readInts(join(input, 'test.users.i32')),
    items: await readInts(join(input, 'test.items.i32')),
    values: await readFloats(join(input, 'test.stars.f32')),
    timestamps: new Int32Array(0),
  };
  const relevant = relevantItems(test, 4, counts.users, counts.items);
  const facts = {
    catalogueSize: counts.items,
    usersWhoRated: new Int32Array(counts.items).fill(1),
    userCount: counts.users,
    genres: Array.from({ length: counts.items }, () => ['none']),
  };
  const { cutoffs } = evaluateLists({ users, items, k: 10 }, relevant, facts, { cutoffs: [10], users });
  const values = cutoffs[0]!.perUser.ndcg;
  return mean(values);
}
