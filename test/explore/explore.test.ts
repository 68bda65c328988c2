import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explore, type ExploreOptions } from '../../src/explore/index.ts';
import { exploreMovies, exploreTags } from '../../src/explore/movies.ts';
import {
  activityByMonth,
  describeRatings,
  ratingsWithTime,
  densityGridOf,
  describeSpread,
} from '../../src/explore/ratings.ts';
import { explorationSchema } from '../../src/explore/record.ts';
import { effectOf, exploreSplits } from '../../src/explore/splits.ts';
import type { Ratings } from '../../src/data/dataset.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { datasetOf } from '../support/datasets.ts';
import { folder2018, has2018, skipped2018 } from '../support/release-2018.ts';
import { failingProgress } from '../support/progress.ts';

const context = { progress: silentProgress, signal: new AbortController().signal };
const settings: ExploreOptions & { threshold: number } = {
  dataset: 'ml-latest-small-2016',
  seed: 42,
  testShare: 0.2,
  threshold: 4,
  damping: 5,
};

describe('the embedded release, explored', () => {
  it('has the numbers that its README states', async () => {
    const found = await explore(settings, context);
    expect(found.dataset).toMatchObject({ ratings: 100_004, users: 671 });
    expect([found.ratings.firstDate, found.ratings.lastDate]).toEqual(['1995-01-09', '2016-10-16']);
    expect(found.perUser.min).toBe(20); // every user rated at least 20 movies
    expect(found.perMovie.count).toBe(9066);
    expect(found.tags).toBeNull();
    expect(explorationSchema.safeParse(found).success).toBe(true);
  });

  it('ends its progress also where it fails', async () => {
    const { progress, open } = failingProgress('exploring');
    await expect(explore(settings, { ...context, progress })).rejects.toThrow('no step');
    expect([...open]).toEqual([]);
  });

  it('is the same from run to run except for environment and timing', async () => {
    const runs = await Promise.all([explore(settings, context), explore(settings, context)]);
    const [first, second] = runs.map((run) => JSON.stringify({ ...run, environment: null, timing: null }));
    expect(second).toBe(first);
  });

  it('is saved of a file with text ids and without titles, whose movies are called by their ids', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-explore-'));
    const rows = ['ann,heat', 'ann,alien', 'bob,heat', 'bob,jaws', 'cat,alien', 'cat,heat'];
    await writeFile(join(folder, 'plays.csv'), `userId,movieId\n${rows.join('\n')}\n`);
    const found = await explore({ ...settings, dataset: join(folder, 'plays.csv'), threshold: 0 }, context);
    await rm(folder, { recursive: true });
    const { mostRated } = explorationSchema.parse(found);
    expect(mostRated.map(({ movieId, title }) => [movieId, title])).toEqual([
      ['heat', 'movie heat'],
      ['alien', 'movie alien'],
      ['jaws', 'movie jaws'],
    ]);
  });

  it.runIf(has2018)(`of 2018 has 3,683 uses of tags by 58 users${skipped2018}`, async () => {
    const { tags } = await explore({ ...settings, dataset: folder2018 }, context);
    expect(tags).toMatchObject({ uses: 3683, users: 58, movies: 1572 });
    expect(tags!.mostUsed[0]).toEqual({ tag: 'in netflix queue', uses: 131, users: 1, movies: 131 });
  });
});

describe('what ratings tell', () => {
  it('counts each step of the scale, and a mean and deviation that follow', () => {
    const data = datasetOf(
      [
        [0, 0, 1],
        [0, 1, 5],
        [1, 0, 5],
        [1, 1, 1],
      ],
      2,
      2,
    );
    const found = describeRatings(data, 2, 2);
    expect(found).toMatchObject({ mean: 3, standardDeviation: 2, density: 1 });
    expect(found.histogram).toHaveLength(10);
    expect(found.histogram[1]).toEqual({ stars: 1, ratings: 2, share: 0.5 });
  });

  it('draws 21 bars for ratings of any number and for a wide scale, and takes the mean of the ratings themselves', () => {
    const rows: [number, number, number][] = [
      [0, 0, 0.25],
      [0, 1, 1.5],
      [1, 0, 4.25],
    ];
    for (const [factor, step] of [
      [1, 0],
      [1000, 1],
    ] as const) {
      const data = datasetOf(
        rows.map(([user, item, stars]) => [user, item, stars * factor]),
        2,
        2,
      );
      data.scale = { min: 0.25 * factor, max: 4.25 * factor, step };
      const { histogram, mean, standardDeviation } = describeRatings(data, 2, 2);
      expect(mean).toBe(2 * factor);
      // the squares of -1.75, -0.5 and 2.25 are 3.0625, 0.25 and 5.0625
      expect(standardDeviation).toBeCloseTo(Math.sqrt(8.375 / 3) * factor, 9);
      expect(histogram.map(({ stars }) => stars / factor)).toHaveLength(21);
      // 0.25 + 6 * 0.2 = 1.45 is the nearest to 1.5
      expect(histogram.filter(({ ratings }) => ratings > 0).map(({ stars }) => stars)).toEqual([
        0.25 * factor,
        1.45 * factor,
        4.25 * factor,
      ]);
    }
  });

  it('finds Gini 0 and a straight Lorenz curve where all have equally many ratings', () => {
    const spread = describeSpread(new Int32Array(50).fill(7));
    expect(spread).toMatchObject({ count: 50, min: 7, median: 7, mean: 7, max: 7, holdersOfHalf: 25 });
    expect(spread.gini).toBeCloseTo(0, 12);
    for (const [x, y] of spread.lorenzCurve) expect(y).toBeCloseTo(x, 12);
  });

  it('finds Gini (n - 1) / n - share where one of n has almost all, and that one holds half', () => {
    const spread = describeSpread(Int32Array.from([1, 1, 1, 97]));
    // sum_i (2i - n - 1) x_i / (n sum x) = (-3 - 1 + 1 + 3 * 97) / 400
    expect(spread.gini).toBeCloseTo(288 / 400, 12);
    expect(spread.holdersOfHalf).toBe(1);
  });

  it('leaves out movies without ratings from the spread', () => {
    expect(describeSpread(Int32Array.from([0, 3, 0, 1]))).toMatchObject({ count: 2, min: 1, median: 2 });
  });

  it('counts months without gaps, users once a month and new users once', () => {
    const time = (date: string) => Date.parse(`${date}T12:00:00Z`) / 1000;
    const ratings: Ratings = {
      users: Int32Array.from([0, 0, 1, 0]),
      items: Int32Array.from([0, 1, 0, 2]),
      values: Float32Array.from([3, 3, 3, 3]),
      timestamps: Int32Array.from(['1999-12-31', '1999-12-01', '2000-02-29', '2000-02-01'].map(time)),
    };
    expect(activityByMonth(ratings, 2)).toEqual([
      { month: '1999-12', ratings: 2, users: 1, newUsers: 1 },
      { month: '2000-01', ratings: 0, users: 0, newUsers: 0 },
      { month: '2000-02', ratings: 2, users: 2, newUsers: 1 },
    ]);
  });

  it('shows no activity and no dates where the source has no times', () => {
    const data = datasetOf([[0, 0, 3]], 1, 1);
    data.ratings.timestamps.fill(0);
    expect(activityByMonth(data.ratings, 1)).toEqual([]);
    expect(describeRatings(data, 1, 1)).toMatchObject({
      firstDate: null,
      lastDate: null,
      shareWithinOneDay: null,
    });
  });

  it('leaves ratings without a time out of dates, months and shares, and calls no leak by time', () => {
    const rows: [number, number, number][] = [
      [0, 0, 3],
      [0, 1, 3],
      [1, 0, 3],
    ];
    const data = { ...datasetOf(rows, 2, 2), withoutTime: 2 };
    data.ratings.timestamps.set([Date.UTC(2000, 1, 29, 12) / 1000, 0, 0]); // user 1 has no known time
    expect(describeRatings(data, 2, 2)).toMatchObject({
      firstDate: '2000-02-29',
      lastDate: '2000-02-29',
      shareWithinOneDay: 1, // of the one user whose time is known
    });
    expect(activityByMonth(ratingsWithTime(data), 2)).toEqual([
      { month: '2000-02', ratings: 1, users: 1, newUsers: 1 },
    ]);
    expect(effectOf(Uint8Array.of(0, 1, 0), data, 3)).toMatchObject({
      leakedTestShare: null,
      leakedTrainShare: null,
    });
  });

  it('fills the corner of active users and popular movies first', () => {
    const rows: [number, number, number][] = [0, 1, 2].map((item) => [0, item, 3]);
    const { ratings } = datasetOf([...rows, [1, 0, 3]], 2, 3);
    const perUser = Int32Array.from([3, 1]);
    expect(densityGridOf(ratings, perUser, Int32Array.from([2, 1, 1]))).toEqual([
      [1, 1, 1],
      [1, 0, 0],
    ]);
  });
});

describe('what movies tell', () => {
  /** Movie 0: two 5s; movie 1: a 1 and a 5; movie 2: one 5; movie 3: none. Even ones are Drama, odd ones Comedy. */
  const data = datasetOf(
    [
      [0, 0, 5],
      [1, 0, 5],
      [0, 1, 1],
      [1, 1, 5],
      [0, 2, 5],
    ],
    2,
    4,
  );

  it('dampens means towards the overall mean by as many ratings as asked', async () => {
    const { movies } = exploreMovies(data, 5);
    const overall = 21 / 5;
    const [first, second] = movies.bestRated;
    expect(first!.movieId).toBe(1); // released ids are 10 x index + 1
    expect(first!.dampedMean).toBeCloseTo((10 + 5 * overall) / 7, 12);
    expect(second!.dampedMean).toBeCloseTo((5 + 5 * overall) / 6, 12);
  });

  it('breaks ties in the number of ratings by ascending movie id', async () => {
    const { movies } = exploreMovies(data, 5);
    expect(movies.mostRated.map(({ movieId, ratings }) => [movieId, ratings])).toEqual([
      [1, 2],
      [11, 2],
      [21, 1],
    ]);
  });

  it('calls a movie divisive by its standard deviation, among the most rated only', async () => {
    const { movies, minDivisiveRatings } = exploreMovies(data, 5);
    expect(minDivisiveRatings).toBe(2);
    expect(movies.mostDivisive[0]).toMatchObject({ movieId: 11, standardDeviation: 2 });
    expect(movies.mostDivisive.map(({ movieId }) => movieId)).not.toContain(21);
  });

  it('counts movies, ratings and the mean over ratings of each genre and year', async () => {
    const { movies } = exploreMovies(data, 5);
    expect(movies.genres).toEqual([
      { genre: 'Comedy', movies: 2, ratings: 2, mean: 3 },
      { genre: 'Drama', movies: 2, ratings: 3, mean: 5 },
    ]);
    expect(movies.years.map(({ year, mean }) => [year, mean])).toEqual([
      [1990, 5],
      [1991, 3],
      [1992, 5],
      [1993, null],
    ]);
  });

  it('says how many movies of one genre are of another', async () => {
    const mixed = datasetOf([[0, 0, 5]], 1, 3);
    mixed.movies.genres = [['Drama', 'War'], ['Drama'], []];
    const { movies } = exploreMovies(mixed, 5);
    expect(movies.genres.map(({ genre }) => genre)).toEqual(['Drama', 'War']);
    expect(movies.genreCooccurrence).toEqual([
      [1, 0.5],
      [1, 1],
    ]);
    expect(movies.moviesWithoutGenre).toBe(1);
  });

  it('counts tags without regard to case and blanks', async () => {
    const tags = {
      users: Int32Array.from([0, 1, 1]),
      items: Int32Array.from([0, 0, 1]),
      texts: ['Noir', ' noir ', 'slow'],
      timestamps: new Int32Array(3),
    };
    const found = exploreTags({ tags });
    expect(found).toMatchObject({ uses: 3, distinctTags: 2, users: 2, movies: 2 });
    expect(found!.mostUsed[0]).toEqual({ tag: 'noir', uses: 2, users: 2, movies: 1 });
  });
});

describe('what splits do', () => {
  /** Rows of [user, item, stars, time]. */
  const part = (rows: [number, number, number, number][]): Ratings => ({
    users: Int32Array.from(rows, ([user]) => user),
    items: Int32Array.from(rows, ([, item]) => item),
    values: Float32Array.from(rows, ([, , stars]) => stars),
    timestamps: Int32Array.from(rows, ([, , , time]) => time),
  });

  it('counts cold users, cold movies, and what lies in the future of train', () => {
    const ratings = part([
      [0, 0, 5, 10],
      [0, 1, 5, 30],
      [0, 0, 4, 20], // in test; user 0 rates later in train: own future
      [0, 2, 3, 40], // in test; movie 2 is cold
      [1, 0, 5, 50], // in test; user 1 is cold
    ]);
    const data = { ratings, userIds: Int32Array.from([1, 2]), itemIds: Int32Array.from([1, 2, 3]) };
    expect(effectOf(Uint8Array.of(0, 0, 1, 1, 1), data, 4)).toEqual({
      trainRatings: 2,
      testRatings: 3,
      testUsers: 2,
      evaluatedUsers: 2,
      coldUsers: 1,
      coldMovies: 1,
      coldTestShare: 2 / 3,
      leakedTestShare: 1 / 3,
      leakedTrainShare: 1 / 2, // of the two training ratings, that at 30 is later than the first test rating at 20
    });
  });

  const rows: [number, number, number][] = [];
  for (let user = 0; user < 6; user++) for (let item = 0; item < 10; item++) rows.push([user, item, 4]);

  it('lets no user see the own future in temporal splits', () => {
    const effects = exploreSplits(datasetOf(rows, 6, 10), settings);
    expect(effects).toHaveLength(5);
    for (const { split, leakedTestShare } of effects) {
      if (split.includes('temporal') || split === 'leave-last-one-out') expect(leakedTestShare).toBe(0);
      else expect(leakedTestShare).toBeGreaterThan(0);
    }
  });

  it('leaves out the splits by time where there are no times', () => {
    const data = datasetOf(rows, 6, 10);
    data.ratings.timestamps.fill(0);
    expect(exploreSplits(data, settings).map(({ split }) => split)).toEqual([
      'per-user-random',
      'global-random',
    ]);
  });
});
