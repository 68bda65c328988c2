/** The titles of `recsys explore` are findings: each is true of the data at hand, odd data included. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { explore } from '../../../src/explore/index.ts';
import { explorePage } from '../../../src/report/explore/page.ts';
import { silentProgress } from '../../../src/util/progress.ts';

const context = { progress: silentProgress, signal: new AbortController().signal };

/** Titles of the charts, in the order of the page. */
async function titlesOf(ratings: string[], movies: string[]): Promise<string[]> {
  const dataset = await mkdtemp(join(tmpdir(), 'recsys-titles-'));
  await writeFile(join(dataset, 'ratings.csv'), `${ratings.join('\n')}\n`);
  await writeFile(join(dataset, 'movies.csv'), `${['movieId,title,genres', ...movies].join('\n')}\n`);
  const found = await explore({ dataset, seed: 42, testShare: 0.2, threshold: 4, damping: 5 }, context);
  const page = await explorePage(found, 'recsys explore');
  return [...page.matchAll(/<figcaption[^>]*>\s*<h3[^>]*>([^]*?)<\/h3>/g)].map(([, title]) => title!.trim());
}

it('claims no first place where all are equal', async () => {
  const users = [1, 2, 3, 4];
  const titles = await titlesOf(
    [
      'userId,movieId,rating,timestamp',
      ...users.flatMap((user) => [10, 20].map((movie) => `${user},${movie},3,${user * 31_600_000}`)),
    ],
    ['10,A (2000),Drama', '20,B (2001),Drama'],
  );
  expect(titles).toContain('Every user has rated every movie');
  expect(titles).toContain('No month has more than 2 ratings');
  expect(titles).toContain('No year has more than 25% of the new users');
  expect(titles).toContain('No movie has a higher damped mean than 3.00 stars');
  expect(titles).toContain('No year has more than 1 movie');
  expect(titles).toContain('Drama is the only genre');
  expect(titles).toContain('Ratings are as unequal over movies as over users, Gini 0.00');
  expect(titles.filter((title) => title.includes('(2000)'))).toEqual([]);
});

it('says nothing of time where ratings have none, and names every most common rating', async () => {
  const titles = await titlesOf(
    ['userId,movieId,rating', '1,10,2', '1,20,4', '2,10,2', '2,30,4', '3,10,3', '3,20,5'],
    ['10,A (2000),Drama', '20,B (2001),Horror', '30,C (2002),Drama|Comedy'],
  );
  expect(titles).toContain('2 and 4 stars are the most common ratings, 33% of all each');
  expect(titles.filter((title) => /future|month|joined|new users/.test(title))).toEqual([]);
});
