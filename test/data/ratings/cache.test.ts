import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, afterEach, describe, expect, test, vi } from 'vitest';
import { loadDataset } from '../../../src/data/loader.ts';
import type { Dataset } from '../../../src/data/dataset.ts';
import { sha256 } from '../../../src/util/files.ts';
import { emptyFolder, folderOf } from '../folders.ts';

/** Large enough to be cached: 11 MB. User n rates movie 10 with (n % 10 + 1) / 2 stars. */
let ratingsCsv: string;
const users = 500_000;
beforeAll(() => {
  const lines = Array.from(
    { length: users },
    (_, n) => `${n + 1},10,${((n % 10) + 1) / 2},1${500_000_000 + n}\n`,
  );
  ratingsCsv = `userId,movieId,rating,timestamp\n${lines.join('')}`;
});

let cache: string;
beforeEach(async () => {
  cache = join(await emptyFolder(), 'made', 'when', 'needed');
  vi.stubEnv('RECSYS_CACHE_DIR', cache);
});
afterEach(() => vi.unstubAllEnvs());

const bigFolder = () =>
  folderOf({ 'ratings.csv': ratingsCsv, 'movies.csv': 'movieId,title,genres\n10,Ten (1979),Comedy\n' });

function digest({ ratings, userIds, files, warnings }: Dataset): string {
  const { users, items, values, timestamps } = ratings;
  const columns = [users, items, values, timestamps, userIds as Int32Array].map(
    ({ buffer, byteOffset, byteLength }) => sha256(new Uint8Array(buffer, byteOffset, byteLength)),
  );
  return JSON.stringify([columns, files, warnings]);
}

async function cacheFile(): Promise<string> {
  const [name, ...more] = await readdir(cache);
  expect(more).toEqual([]);
  return join(cache, name!);
}

describe('cache of large ratings files', () => {
  test('the second load reads the cache and gives the same data set', async () => {
    const folder = await bigFolder();
    const first = await loadDataset(folder);
    const written = (await stat(await cacheFile())).mtimeMs;
    const second = await loadDataset(folder);
    expect(digest(second)).toBe(digest(first));
    expect((await stat(await cacheFile())).mtimeMs).toBe(written);
    expect(second.ratings.values.length).toBe(users);
    expect(second.files[0]!.sha256).toBe(sha256(ratingsCsv));
  });

  test('it really is the cache that the second load reads', async () => {
    const folder = await bigFolder();
    await loadDataset(folder);
    // Same size, same time, other content: only who parses the file notices.
    const path = join(folder, 'ratings.csv');
    const { atime, mtime } = await stat(path);
    const time = new Date(Math.floor(mtime.getTime() / 1000) * 1000);
    await utimes(path, atime, time);
    await loadDataset(folder);
    await writeFile(path, ratingsCsv.replace('1,10,0.5', '1,10,1.5'));
    await utimes(path, atime, time);
    expect((await loadDataset(folder)).ratings.values[0]).toBe(0.5);
  });

  test('a changed file is parsed again', async () => {
    const folder = await bigFolder();
    await loadDataset(folder);
    await writeFile(join(folder, 'ratings.csv'), `${ratingsCsv}1,10,5,1\n`.replace('1,10,0.5', '1,10,1.5'));
    const data = await loadDataset(folder);
    expect(data.warnings[0]).toMatch(/^ratings\.csv:500002: user 1 rates movie 10 twice/);
    await cacheFile(); // one cache file for each ratings file, however often it changes
  });

  test.each([
    ['a bit flipped in the columns', (bytes: Buffer) => void (bytes[5_000_000]! ^= 1)],
    ['cut off', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['another version', (bytes: Buffer) => void bytes.write('{"version":0', 0)],
    ['no header', (bytes: Buffer) => void bytes.fill(0, 0, 100)],
    ['empty', () => Buffer.alloc(0)],
  ])('a damaged cache is passed over and written anew: %s', async (_, damage) => {
    const folder = await bigFolder();
    const first = await loadDataset(folder);
    const path = await cacheFile();
    const good = await readFile(path);
    const bad = Buffer.from(good);
    await writeFile(path, damage(bad) ?? bad);
    expect(digest(await loadDataset(folder))).toBe(digest(first));
    expect((await readFile(path)).equals(good)).toBe(true);
  });

  test('RECSYS_NO_CACHE turns it off', async () => {
    vi.stubEnv('RECSYS_NO_CACHE', '1');
    await loadDataset(await bigFolder());
    await expect(readdir(cache)).rejects.toThrow('ENOENT');
  });

  test('a small file is not cached', async () => {
    const header = 'userId,movieId,rating,timestamp\n';
    const movies = 'movieId,title,genres\n10,Ten (1979),Comedy\n';
    await loadDataset(await folderOf({ 'ratings.csv': `${header}1,10,4.0,100\n`, 'movies.csv': movies }));
    await expect(readdir(cache)).rejects.toThrow('ENOENT');
  });

  test('a cache folder that cannot be written costs nothing', async () => {
    const blocked = await folderOf({ file: '' });
    vi.stubEnv('RECSYS_CACHE_DIR', join(blocked, 'file'));
    expect((await loadDataset(await bigFolder())).ratings.values.length).toBe(users);
  });
});
