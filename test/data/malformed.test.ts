/** Whatever a folder holds, the loader loads what it can prove or names the file; both paths say the same. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/loader.ts';
import { DataError } from '../../src/util/errors.ts';
import { mutationRuns } from '../support/mutations.ts';
import { csvFolder } from './folders.ts';

const field = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('1', '2', '10', '20', '30', '4.0', '0.5', '5', '100', '1260759144'),
  },
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '5.5',
    '3.25',
    '1e3',
    'NaN',
    'Infinity',
    '99999999999',
    '2147483647',
    '007',
  ),
  fc.constantFrom(
    '"',
    '""',
    '"1"',
    '"a,b"',
    'a"b',
    '"a\nb"',
    '4.',
    '.5',
    '4.00',
    '\t',
    '|',
    '::',
    'é',
    '\u0000',
  ),
  fc.string({ maxLength: 6, unit: 'binary' }),
);
const line = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('1,10,4.0,100', '2,20,0.5,200', '1,30,3.5,0', '1,10,2.0,50') },
  fc.array(field, { maxLength: 6 }).map((fields) => fields.join(',')),
);
const lines = (header: string) =>
  fc
    .tuple(
      fc.oneof({ weight: 8, arbitrary: fc.constant(header) }, line),
      fc.array(line, { maxLength: 8 }),
      fc.constantFrom('\n', '\r\n', '\r', '\n\n'),
      fc.constantFrom('', '\n', '\r\n', '\r'),
    )
    .map(([header, rows, newline, end]) => [header, ...rows].join(newline) + end);
/** Text as UTF-8, now and then with a byte changed. */
const bytes = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.option(fc.tuple(fc.nat(200), fc.nat(255)), { freq: 3 })).map(([text, change]) => {
    const content = Buffer.from(text);
    if (change !== null && change[0] < content.length) content[change[0]] = change[1];
    return content;
  });

/** What the loader does, in comparable form. Any error that is not a DataError naming one of the files fails the test. */
async function outcome(folder: string, fast: boolean): Promise<string> {
  try {
    const data = await loadDataset(folder, { fast });
    check(data);
    return JSON.stringify(data);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    expect(error.message).toMatch(/^(ratings|movies|tags|links)\.csv(:\d+)?: /);
    return error.message;
  }
}

function check({ ratings, userIds, itemIds, movies, tags, links }: Dataset): void {
  for (let n = 0; n < ratings.values.length; n++) {
    expect(ratings.values[n]! >= 0.5 && ratings.values[n]! <= 5).toBe(true);
    expect(ratings.users[n]! >= 0 && ratings.users[n]! < userIds.length).toBe(true);
    expect(ratings.items[n]! >= 0 && ratings.items[n]! < itemIds.length).toBe(true);
    expect(ratings.timestamps[n]! >= 0).toBe(true);
  }
  expect(movies.titles.length).toBe(itemIds.length);
  expect(movies.genres.length).toBe(itemIds.length);
  expect(tags?.texts.length ?? 0).toBe(tags?.items.length ?? 0);
  expect([...(links?.imdb ?? []), ...(links?.tmdb ?? [])].every((id) => id >= 0)).toBe(true);
}

test('broken ratings load where they can be proved right, else fail by file and line, on both paths alike', async () => {
  const folder = await csvFolder();
  await fc.assert(
    fc.asyncProperty(bytes(lines('userId,movieId,rating,timestamp')), async (content) => {
      await writeFile(join(folder, 'ratings.csv'), content);
      expect(await outcome(folder, true)).toBe(await outcome(folder, false));
    }),
    { numRuns: mutationRuns(400), seed: 1 },
  );
});

test('broken movies, tags and links load where they can be proved right, else fail by file', async () => {
  const folder = await csvFolder();
  const movies = bytes(lines('movieId,title,genres').map((text) => `${text}\n10,a,b\n20,c,d\n`));
  const tags = bytes(lines('userId,movieId,tag,timestamp'));
  const links = bytes(lines('movieId,imdbId,tmdbId'));
  await fc.assert(
    fc.asyncProperty(movies, tags, links, async (movies, tags, links) => {
      await writeFile(join(folder, 'movies.csv'), movies);
      await writeFile(join(folder, 'tags.csv'), tags);
      await writeFile(join(folder, 'links.csv'), links);
      await outcome(folder, true);
    }),
    { numRuns: mutationRuns(300), seed: 2 },
  );
});
