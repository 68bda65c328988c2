/** Parquet as pyarrow writes it: each file of test/fixtures/parquet, made by its make.py, gives the ratings of a CSV file. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readLists } from '../../src/data/files/lists.ts';
import { loadDataset } from '../../src/data/loader.ts';
import { parquetOfRows } from '../../src/use/all-users.ts';
import { RecsysError } from '../../src/util/errors.ts';
import { packageRoot } from '../../src/util/package.ts';
import { Rng } from '../../src/util/rng.ts';
import { mutateBytes, mutationRuns } from '../support/mutations.ts';
import { emptyFolder } from './folders.ts';

const fixtures = join(packageRoot, 'test', 'fixtures', 'parquet');
const fixture = (name: string) => join(fixtures, `${name}.parquet`);

/** As make.py has them. */
const rows = [
  ['1', '10', 4, 1_100_000_000],
  ['1', '20', 0.5, 1_100_000_060],
  ['2', '10', 5, 1_100_000_120],
  ['2', '30', 3.5, 1_100_000_180],
] as const;

async function ratingsIn(name: string) {
  const { ratings, userIds, itemIds, warnings } = await loadDataset(fixture(name));
  const found = Array.from(ratings.values, (value, n) => [
    String(userIds[ratings.users[n]!]),
    String(itemIds[ratings.items[n]!]),
    value,
    ratings.timestamps[n],
  ]);
  return { found, notes: warnings.join(' ') };
}

const written =
  'snappy gzip zstd brotli lz4 none int32-float32 decimals text timestamp-s timestamp-ms timestamp-us ' +
  'timestamp-ns timestamp-int96 pages-version-2 other-names-and-order';

test.each(written.split(' '))('%s is read to the digit, and said', async (name) => {
  const { found, notes } = await ratingsIn(name);
  expect(found).toEqual(rows);
  expect(notes).toMatch(/detected Parquet/);
});

test('an empty time is unknown, and ids may be floats', async () => {
  const { found, notes } = await ratingsIn('float-ids-null-times');
  expect(found).toEqual(
    rows.map(([user, item, value, time], n) => [user, item, value, n % 3 === 0 ? time : 0]),
  );
  expect(notes).toMatch(/2 ratings without a time/);
});

test('ids of text and of 64 bits stay as they are', async () => {
  const text = await ratingsIn('text-ids-dictionary');
  expect(text.found).toEqual(rows.map(([user, ...others]) => [`u${user}`, ...others]));
  const long = await ratingsIn('int64-ids');
  expect(long.found).toEqual(rows.map(([user, ...others]) => [String(2n ** 62n + BigInt(user)), ...others]));
});

test('without ratings every row is a 1; a rating that is null, a file without rows or cut off is refused', async () => {
  const { found, notes } = await ratingsIn('without-ratings');
  expect(found.map(([, , value]) => value)).toEqual([1, 1, 1, 1]);
  expect(notes).toMatch(/every row counts as relevant/);
  await expect(ratingsIn('null-rating')).rejects.toThrow(/null-rating\.parquet, row 2: rating ''/);
  await expect(ratingsIn('no-rows')).rejects.toThrow(/no ratings, expected at least one/);
  const folder = await emptyFolder();
  const whole = await readFile(fixture('snappy'));
  await writeFile(join(folder, 'ratings.parquet'), whole.subarray(0, whole.length - 30));
  await expect(loadDataset(folder)).rejects.toThrow(/Parquet that cannot be read/);
});

test('movies.parquet gives titles and genres, with genres as a list', async () => {
  const folder = await emptyFolder();
  await cp(fixture('zstd'), join(folder, 'ratings.parquet'));
  await cp(fixture('movies'), join(folder, 'movies.parquet'));
  const { movies } = await loadDataset(folder);
  expect(movies.titles).toEqual(['Heat (1995)', 'Say "Cheese", Please (2001)', 'Alien (1979)']);
  expect(movies.genres).toEqual([['Action', 'Crime'], [], ['Horror']]);
});

test('lists are read too', async () => {
  const { userIds, movieIds, notes } = await readLists(fixture('snappy'), { score: 'rating' });
  expect([userIds, movieIds]).toEqual([
    [1, 2],
    [
      [10, 20],
      [10, 30],
    ],
  ]);
  expect(notes.join(' ')).toMatch(/Parquet/);
});

test('lists with ids of text are read, those that this program writes among them', async () => {
  const { userIds, movieIds } = await readLists(fixture('text-ids-dictionary'), { score: 'rating' });
  expect(userIds).toEqual(['u1', 'u2']);
  expect(movieIds).toEqual([
    [10, 20],
    [10, 30],
  ]);
  const block = {
    userCount: 2,
    users: Int32Array.of(0, 0, 1),
    items: Int32Array.of(1, 0, 2),
    ranks: Int32Array.of(1, 2, 1),
    scores: Float32Array.of(0.5, 0.25, 1),
  };
  const ids = { userIds: ['ann', 'bob'], itemIds: ['tt01', 'tt02', 'x'] };
  const blocks = (async function* () {
    yield block;
  })();
  const path = join(await emptyFolder(), 'lists.parquet');
  await writeFile(path, parquetOfRows(ids, blocks));
  const own = await readLists(path);
  expect([own.userIds, own.movieIds]).toEqual([
    ['ann', 'bob'],
    [['tt02', 'tt01'], ['x']],
  ]);
});

test('damaged Parquet is refused by its cause or read; it crashes nothing', async () => {
  const whole = await readFile(fixture('zstd'));
  const folder = await emptyFolder();
  const path = join(folder, 'ratings.parquet');
  for (let run = 0; run < mutationRuns(150); run++) {
    await writeFile(path, mutateBytes(whole, new Rng(run)));
    const failure: unknown = await loadDataset(folder).then(
      ({ ratings }) => (ratings.values.every(Number.isFinite) ? undefined : new Error('not finite')),
      (error: unknown) => error,
    );
    if (failure !== undefined) expect(failure, `mutant ${run}`).toBeInstanceOf(RecsysError);
  }
}, 600_000);
