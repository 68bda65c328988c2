import { expect, test } from 'vitest';
import { loadDataset } from '../../src/data/loader.ts';
import { datasetStats, verifyFiles } from '../../src/data/stats.ts';
import { folder2018, has2018, skipped2018 } from '../support/release-2018.ts';
import { csvFolder } from './folders.ts';

test('counts of two users, three movies, three ratings', async () => {
  const stats = datasetStats(await loadDataset(await csvFolder()));
  expect(stats).toMatchObject({
    users: 2,
    movies: 3,
    ratedMovies: 2,
    ratings: 3,
    density: 3 / 4,
    meanRating: (4 + 0.5 + 5) / 3,
    medianRatingsPerUser: 1.5,
    medianRatingsPerMovie: 1.5,
    firstRating: '1970-01-01T00:01:40.000Z',
    lastRating: '1970-01-01T00:05:00.000Z',
    moviesWithoutYear: 1,
    moviesWithoutGenre: 1,
    tags: 0,
  });
});

test('without timestamps there are no dates', async () => {
  const folder = await csvFolder({ 'ratings.csv': 'userId,movieId,rating\n1,10,4\n' });
  expect(datasetStats(await loadDataset(folder))).toMatchObject({ firstRating: null, lastRating: null });
});

test('the first and the last rating are those of known times', async () => {
  const folder = await csvFolder({
    'ratings.csv': 'userId,movieId,rating,timestamp\n1,10,4,\n1,20,4,100\n1,30,4,300\n',
  });
  expect(datasetStats(await loadDataset(folder))).toMatchObject({
    firstRating: '1970-01-01T00:01:40.000Z',
    lastRating: '1970-01-01T00:05:00.000Z',
  });
});

test.runIf(has2018)(`the release of 2018 is recognised file by file${skipped2018}`, async () => {
  const files = verifyFiles(await loadDataset(folder2018));
  expect(files.map(({ name, status }) => [name, status])).toEqual([
    ['ratings.csv', 'as released'],
    ['movies.csv', 'as released'],
    ['tags.csv', 'as released'],
    ['links.csv', 'as released'],
  ]);
});

test('files of an unknown folder have an unknown status', async () => {
  const files = verifyFiles(await loadDataset(await csvFolder()));
  expect(files.every(({ status }) => status === 'unknown')).toBe(true);
});
