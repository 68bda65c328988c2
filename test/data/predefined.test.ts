import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDataset } from '../../src/data/loader.ts';
import { loadPredefinedSplit } from '../../src/data/predefined.ts';
import { csvFolder, folderOf } from './folders.ts';

/** Writes two files and loads them, with the small CSV data set or without. */
async function load(
  train: string,
  test: string,
  { withDataset = false, ratings }: { withDataset?: boolean; ratings?: string } = {},
) {
  const folder = await folderOf({ 'train.csv': train, 'test.csv': test });
  const files = { trainFile: join(folder, 'train.csv'), testFile: join(folder, 'test.csv') };
  return loadPredefinedSplit({
    ...files,
    ...(withDataset && {
      dataset: await loadDataset(await csvFolder(ratings === undefined ? {} : { 'ratings.csv': ratings })),
    }),
  });
}

describe('predefined split', () => {
  test.each([
    ['commas, MovieLens header', 'userId,movieId,rating,timestamp\n5,10,4.0,1\n'],
    ['commas, header in another order', 'rating,item_id,user_id,timestamp\n4.0,10,5,1\n'],
    ['commas, no header', '5,10,4.0,1\n'],
    ['tabs, no header', '5\t10\t4.0\t1\n'],
    ['tabs, header', 'user\titem\trating\ttimestamp\n5\t10\t4.0\t1\n'],
    ['CRLF', '5,10,4.0,1\r\n'],
  ])('reads %s', async (_, train) => {
    const { split, dataset } = await load(train, '7,20,2.5\n');
    expect([...dataset.userIds]).toEqual([5, 7]);
    expect([...dataset.itemIds]).toEqual([10, 20]);
    expect(split.train).toEqual({
      users: Int32Array.of(0),
      items: Int32Array.of(0),
      values: Float32Array.of(4),
      timestamps: Int32Array.of(1),
    });
    expect(split.test.values).toEqual(Float32Array.of(2.5));
    expect(split.test.timestamps).toEqual(Int32Array.of(0));
  });

  test('without a data set, items have empty titles and the data set holds both files', async () => {
    const { dataset } = await load('1,10,4\n', '1,20,3\n');
    expect(dataset.movies).toEqual({ titles: ['', ''], years: new Int16Array(2), genres: [[], []] });
    expect(dataset.ratings.values).toEqual(Float32Array.of(4, 3));
    expect(dataset.files.map(({ name }) => name.replace(/.*[/]/, ''))).toEqual(['train.csv', 'test.csv']);
  });

  test('without a data set, any finite number is a rating, and the scale is what is seen', async () => {
    const { dataset } = await load('1,10,-87.25\n', '1,20,100\n');
    expect(dataset.ratings.values).toEqual(Float32Array.of(-87.25, 100));
    expect(dataset.scale).toEqual({ min: -87.25, max: 100, step: 0 });
  });

  test('ratings by halves from 0.5 to 5 are taken for MovieLens stars', async () => {
    const { dataset } = await load('1,10,3.5\n', '1,20,4\n');
    expect(dataset.scale).toEqual({ min: 0.5, max: 5, step: 0.5 });
  });

  test('with a data set, its users, movies and scale apply', async () => {
    const { dataset, split } = await load('1,10,4.0,1\n', '2,30,3.5,2\n', { withDataset: true });
    expect(dataset.movies.titles).toEqual(['Ten (1979)', 'Twenty, The (1999)', 'Thirty']);
    expect(split.test.users).toEqual(Int32Array.of(1));
    expect(split.test.items).toEqual(Int32Array.of(2));
  });

  describe('with a data set, has the scale of the files', () => {
    const movies = [10, 20, 30];
    /** Twelve ratings of four users. */
    const rows = (rating: (user: number, n: number) => number) =>
      [1, 2, 3, 4]
        .flatMap((user) => movies.map((movie, n) => `${user},${movie},${rating(user, n)}\n`))
        .join('');
    const wide = rows((user, n) => 10 * (user + n));
    const users = 'userId,movieId,rating\n1,10,4\n2,20,4.5\n3,10,4\n4,10,4\n5,10,4\n6,10,4\n';
    const implicit = 'userId,movieId\n1,10\n2,20\n';
    const ofAny = `userId,movieId,rating\n${rows((_, n) => (n === 0 ? -8.2 : 9.77))}`;

    test.each([
      ['no ratings beside stars', undefined, '1,10\n', '2,30\n', true, { min: 1, max: 1, step: 1 }],
      ['0 to 100 beside stars', users, wide, '5,10,70\n', false, { min: 10, max: 70, step: 1 }],
      ['stars beside no ratings', implicit, '1,10,4.5\n', '2,30,3\n', false, { min: 0.5, max: 5, step: 0.5 }],
      [
        'decimals as its own are',
        ofAny,
        '1,20,-8.2\n',
        '2,10,3.3\n',
        false,
        expect.objectContaining({ step: 0 }),
      ],
      ['stars beside stars', undefined, '1,10,4\n', '2,30,3\n', false, { min: 0.5, max: 5, step: 0.5 }],
    ])('%s', async (_, ratings, train, test, isImplicit, scale) => {
      const { dataset } = await load(train, test, { withDataset: true, ...(ratings && { ratings }) });
      expect([dataset.isImplicit, dataset.scale]).toEqual([isImplicit, scale]);
    });

    test('and takes a rating outside decimals that were seen, with a note', async () => {
      const { dataset } = await load('1,20,-9\n', '2,10,3.3\n', { withDataset: true, ratings: ofAny });
      expect(dataset.scale.min).toBe(-9);
      expect(dataset.warnings.join()).toContain('ratings off the scale from -8.2 to 9.77');
    });
  });

  test.each([
    [
      'movies of which the data set has none',
      '1,41,4.0\n1,40,3.0\n',
      '1,42,4\n',
      /train\.csv and .*test\.csv: no movie of .* at all, expected ratings of its movies/,
    ],
    ['a user the data set does not have', '1,10,4.0\n', '9,20,4\n', /test\.csv:1: user 9, expected a user/],
    ['a rating off its scale', '1,10,4.0\n', '1,20,6\n', /test\.csv:1: rating '6', expected 0\.5 to 5/],
  ])('with a data set, refuses %s', async (_, train, test, message) => {
    await expect(load(train, test, { withDataset: true })).rejects.toThrow(message);
  });

  test.each([
    ['an infinite rating', '1,10,1e999\n', /train\.csv:1: rating '1e999', expected a number/],
    ['ratings in one file only', '1,10\n', /train\.csv: no column of ratings, which .*test\.csv has/],
    ['a header without a movie', 'userId,rating\n1,4\n', /train\.csv:1: no column 'movieId'/],
    [
      'a test rating that is also in train',
      '1,10,4\n1,20,3\n',
      /test\.csv:1: user 1's rating of movie 20, which is also/,
    ],
  ])('refuses %s', async (_, train, message) => {
    await expect(load(train, '1,20,3\n')).rejects.toThrow(message);
  });

  test('with a data set, keeps and counts a movie that it does not have, between its own', async () => {
    const { dataset, split } = await load('1,10,4.0\n1,15,3.0\n', '1,20,4\n', { withDataset: true });
    const at = [10, 15, 20].map((id) => [...dataset.itemIds].indexOf(id));
    expect([...split.train.items, ...split.test.items]).toEqual(at);
    expect(dataset.movies.titles[at[1]!]).toBe('');
    expect(dataset.movies.titles[at[2]!]).not.toBe('');
    expect(dataset.warnings).toContainEqual(
      expect.stringMatching(/1 movies are not in .*; they are kept, without titles, years and genres/),
    );
  });

  test('refuses a missing file', async () => {
    const missing = loadPredefinedSplit({ trainFile: 'no-train.csv', testFile: 'no-test.csv' });
    await expect(missing).rejects.toThrow(/^no-train\.csv: no such file/);
  });

  test('a repeated rating inside one file is dropped with a warning', async () => {
    const { dataset, split } = await load('1,10,4\n1,10,2\n', '1,20,3\n');
    expect(split.train.values).toEqual(Float32Array.of(2));
    expect(dataset.warnings).toContainEqual(
      expect.stringMatching(/train\.csv:1: user 1 rates movie 10 twice; the rating on line 2 is kept/),
    );
  });
});
