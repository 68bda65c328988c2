import { readFileSync } from 'node:fs';
import { rm, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateRatings, type SyntheticCounts } from '../../scripts/bench/generate-ratings.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/loader.ts';
import { datasetStats } from '../../src/data/stats.ts';

let folder: string;
let counts: SyntheticCounts;
let data: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'synthetic-'));
  counts = generateRatings({ ratings: 100_000, seed: 1, folder });
  data = await loadDataset(folder);
});
afterAll(() => rm(folder, { recursive: true }));

test('the loader reads as many ratings as were asked for, without a warning', () => {
  expect(counts.ratings).toBe(100_000);
  expect(data.ratings.values.length).toBe(100_000);
  expect(data.userIds.length).toBe(counts.users);
  expect(data.itemIds.length).toBe(counts.movies);
  expect(data.warnings).toEqual([]);
});

test('users and movies have the long tails of ml-latest-small: 610 users, median 70, 9,742 movies', () => {
  const stats = datasetStats(data);
  expect(counts.users).toBeGreaterThan(550);
  expect(counts.users).toBeLessThan(700);
  expect(counts.movies).toBe(9742);
  expect(stats.medianRatingsPerUser).toBeGreaterThan(60);
  expect(stats.medianRatingsPerUser).toBeLessThan(85);
  const perItem = new Int32Array(counts.movies);
  for (const item of data.ratings.items) perItem[item]!++;
  const mostRated = perItem
    .sort()
    .toReversed()
    .subarray(0, Math.round(counts.movies / 10));
  const share = mostRated.reduce((sum, n) => sum + n, 0) / 100_000;
  expect(share).toBeGreaterThan(0.7);
});

test('says that it is synthetic', () => {
  expect(readFileSync(join(folder, 'README.md'), 'utf8')).toMatch(/Synthetic.*\n\nThese ratings are made up/);
  expect(data.movies.titles[0]).toMatch(/^Synthetic Movie/);
});

test('the same seed gives the same bytes on every machine', () => {
  // Taken from the first run: a change here changes every benchmark.
  expect(data.files[0]!.sha256).toBe('720660c6e0a61b7c5b66c4a03b43838707f8fe5c8634aaace670b0e76c330a89');
});
