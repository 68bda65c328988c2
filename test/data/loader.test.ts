import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { loadDataset } from '../../src/data/loader.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { sha256 } from '../../src/util/files.ts';
import { folder2018, has2018, skipped2018 } from '../support/release-2018.ts';
import { csvFolder, emptyFolder, folderOf } from './folders.ts';

const header = 'userId,movieId,rating,timestamp\n';
const latin1 = (text: string) => Buffer.from(text, 'latin1');

/** One string that says all of a data set, since comparing 100,000 rows one by one takes seconds. */
function contentOf({ ratings, tags, links, ...rest }: Dataset): string {
  const columns = [ratings, tags ?? {}, links ?? {}].flatMap(
    (table): (string[] | Int32Array | Float32Array)[] => Object.values(table),
  );
  const digests = columns.map((column) => sha256(column.join(' ')));
  return JSON.stringify([digests, rest]);
}

function ratingsOf({ ratings, userIds, itemIds }: Dataset): (number | string)[][] {
  return Array.from(ratings.values, (value, n) => [
    userIds[ratings.users[n]!]!,
    itemIds[ratings.items[n]!]!,
    value,
    ratings.timestamps[n]!,
  ]);
}

describe('the embedded release of 2016', () => {
  test('has the counts of its README and no warnings', async () => {
    const data = await loadDataset('ml-latest-small-2016');
    expect(data.ratings.values.length).toBe(100_004);
    expect(data.userIds.length).toBe(671);
    expect(data.itemIds.length).toBe(9_066);
    expect(data.warnings).toEqual([]);
    expect(data.name).toBe('ml-latest-small-2016');
    expect(data).not.toHaveProperty('tags');
    expect(data).not.toHaveProperty('links');
  });

  test('keeps its first and last line in place', async () => {
    const data = await loadDataset('ml-latest-small-2016');
    expect(ratingsOf(data)[0]).toEqual([1, 31, 2.5, 1260759144]);
    expect(ratingsOf(data).at(-1)).toEqual([671, 6565, 3.5, 1074784724]);
  });

  test('is the same by the byte parser and by the CSV library alone', async () => {
    const [fast, slow] = [
      await loadDataset('ml-latest-small-2016'),
      await loadDataset('ml-latest-small-2016', { fast: false }),
    ];
    expect(contentOf(fast)).toBe(contentOf(slow));
  });
});

// Counts: evaluation facts of the release, each counted once by an independent script.
describe.runIf(has2018)(`the release of 2018${skipped2018}`, () => {
  const load = () => loadDataset(folder2018);

  test('has 100,836 ratings, 610 users, 9,742 movies, 3,683 tags and no warnings', async () => {
    const data = await load();
    expect([data.ratings.values.length, data.userIds.length, data.itemIds.length]).toEqual([
      100_836, 610, 9_742,
    ]);
    expect(data.tags?.texts.length).toBe(3_683);
    expect(data.warnings).toEqual([]);
  });

  test('has 5 titles that two movies share', async () => {
    const { titles } = (await load()).movies;
    expect(titles.length - new Set(titles).size).toBe(5);
  });

  test('has 24 titles that do not end in a year, 11 of them for a blank at the end, 1 for years from-to', async () => {
    const { titles, years } = (await load()).movies;
    expect(titles.filter((title) => !/\(\d{4}\)$/.test(title)).length).toBe(24);
    expect(years.filter((year) => year === 0).length).toBe(12);
  });

  test('has 2,080 titles that need quotes: for a comma, one for a quote', async () => {
    const { titles } = (await load()).movies;
    expect(titles.filter((title) => /[,"]/.test(title)).length).toBe(2_080);
  });

  test('has 34 movies without genres', async () => {
    const { genres } = (await load()).movies;
    expect(genres.filter((list) => list.length === 0).length).toBe(34);
  });

  test('reads CRLF: no title, genre, tag or rating ends in a carriage return', async () => {
    const { movies, tags } = await load();
    expect(
      [...movies.titles, ...movies.genres.flat(), ...tags!.texts].some((text) => text.includes('\r')),
    ).toBe(false);
  });

  test('reads the one title with a quote inside', async () => {
    const { titles } = (await load()).movies;
    expect(titles.filter((title) => title.includes('"'))).toEqual([`11'09"01 - September 11 (2002)`]);
  });

  test('has the links of Toy Story: imdb 114709, tmdb 862', async () => {
    const { itemIds, links } = await load();
    const toyStory = Array.from(itemIds as Int32Array).indexOf(1);
    expect([links!.imdb[toyStory], links!.tmdb[toyStory]]).toEqual([114709, 862]);
  });

  test('is the same by the byte parser and by the CSV library alone', async () => {
    expect(contentOf(await load())).toBe(contentOf(await loadDataset(folder2018, { fast: false })));
  });
});

describe('other forms', () => {
  test('any folder in CSV form loads under its own name, unrated movies included', async () => {
    const data = await loadDataset(await csvFolder());
    expect(ratingsOf(data)).toEqual([
      [1, 10, 4, 100],
      [1, 20, 0.5, 200],
      [2, 10, 5, 300],
    ]);
    expect(data.name).toMatch(/^recsys-test-/);
    expect([...data.itemIds]).toEqual([10, 20, 30]);
    expect(data.movies.titles).toEqual(['Ten (1979)', 'Twenty, The (1999)', 'Thirty']);
    expect(Array.from(data.movies.years)).toEqual([1979, 1999, 0]);
    expect(data.movies.genres).toEqual([['Comedy'], ['Drama', 'War'], []]);
  });

  test('1M: "::" between fields, Latin-1, colons in titles, whole stars', async () => {
    const folder = await folderOf({
      'ratings.dat': '1::1193::5::978300760\n2::73::3::978298413\n',
      'movies.dat': latin1(
        '73::Misérables, Les (1995)::Drama|Musical\n1193::M*A*S*H: One::Two (1970)::Comedy\n',
      ),
      'users.dat': '1::F::1::10::48067\n',
    });
    const data = await loadDataset(folder);
    expect(data.movies.titles).toEqual(['Misérables, Les (1995)', 'M*A*S*H: One::Two (1970)']);
    expect(data.scale).toEqual({ min: 1, max: 5, step: 1 });
    expect(ratingsOf(data)).toEqual([
      [1, 1193, 5, 978300760],
      [2, 73, 3, 978298413],
    ]);
  });

  test('10M: half stars, UTF-8, tags with colons, tags by users without ratings dropped', async () => {
    const folder = await folderOf({
      'ratings.dat': '1::122::5::838985046\n1::185::3.5::838983525\n',
      'movies.dat': '122::Misérables, Les (1995)::Drama\n185::Net, The (1995)::Action\n',
      'tags.dat': '1::122::a::b::1215184630\n7::122::excellent!::1215184631\n',
    });
    const data = await loadDataset(folder);
    expect(data.movies.titles[0]).toBe('Misérables, Les (1995)');
    expect(Array.from(data.ratings.values)).toEqual([5, 3.5]);
    expect(data.tags!.texts).toEqual(['a::b']);
    expect(data.warnings).toEqual(['tags.dat:2: user 7 has no rating; the tag is dropped.']);
  });

  test('100K: tabs, genres as flags, Latin-1, movie 267 "unknown" without a date', async () => {
    const flags = (...on: number[]) =>
      Array.from({ length: 19 }, (_, i) => (on.includes(i) ? 1 : 0)).join('|');
    const names = ['unknown', 'Action', 'Adventure', ...Array.from({ length: 16 }, (_, i) => `Genre${i}`)];
    const folder = await folderOf({
      'u.data': '196\t242\t3\t881250949\n186\t267\t1\t891717742\n',
      'u.item': latin1(
        `242|Brèves (1997)|24-Jan-1997||http://x|${flags(1, 2)}\n267|unknown||||${flags(0)}\n\n`,
      ),
      'u.genre': names.map((name, i) => `${name}|${i}\n`).join('') + '\n',
    });
    const data = await loadDataset(folder);
    expect(data.movies.titles).toEqual(['Brèves (1997)', 'unknown']);
    expect(data.movies.genres).toEqual([['Action', 'Adventure'], []]);
    expect(Array.from(data.movies.years)).toEqual([1997, 0]);
    expect(ratingsOf(data)[1]).toEqual([186, 267, 1, 891717742]);
  });

  test("100K: a title with a '|' is put together again, and noted; a flag too many is refused", async () => {
    const files = (line: string) =>
      folderOf({
        'u.data': '1\t4\t3\t881250949\n',
        'u.genre': 'unknown|0\nDrama|1\n',
        'u.item': `${line}\n`,
      });
    const folder = await files('4|A|B (1994)|01-Jan-1994||http://x?a|0|1');
    const data = await loadDataset(folder);
    expect(data.movies).toMatchObject({ titles: ['A|B (1994)'], genres: [['Drama']] });
    expect(data.warnings).toEqual(["u.item: 1 titles with a '|', first a title with a '|' on line 1."]);
    await expect(loadDataset(folder, { strict: true })).rejects.toThrow("u.item:1: a title with a '|'");
    await expect(loadDataset(await files('4|A (1994)|01-Jan-1994||http://x|0|1|1'))).rejects.toThrow(
      'u.item:1: 8 fields, expected 7',
    );
  });

  test('columns may be in another order, with others between, and be quoted', async () => {
    const ratings = '"rating","userId","note","movieId","timestamp"\n4.5,1,"a, b",10,100\n"3.0",2,,20,200\n';
    const data = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    expect(ratingsOf(data)).toEqual([
      [1, 10, 4.5, 100],
      [2, 20, 3, 200],
    ]);
  });

  test('a quoted line in the middle hands over to the CSV library without losing a row', async () => {
    const ratings = `${header}1,10,4.0,100\n"2","20",3.5,200\n2,10,5.0,300`;
    const data = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    expect(ratingsOf(data)).toEqual([
      [1, 10, 4, 100],
      [2, 20, 3.5, 200],
      [2, 10, 5, 300],
    ]);
  });

  test('a byte order mark and blank lines at the end are no data', async () => {
    const ratings = `\uFEFF${header}1,10,4.0,100\r\n\r\n\n`;
    const data = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    expect(ratingsOf(data)).toEqual([[1, 10, 4, 100]]);
  });

  test.each([
    ['too long for a number', '12345678901'],
    ['that loses a zero as a number', '0007'],
  ])('one movie id %s, of a movie that nobody rated, makes all of them text', async (_, odd) => {
    const data = await loadDataset(
      await csvFolder({
        'movies.csv': `movieId,title,genres\n20,Twenty (1999),War\n${odd},Odd (2000),Drama\n10,Ten (1979),Comedy\n`,
        'links.csv': `movieId,imdbId,tmdbId\n10,1010,\n${odd},77,\n`,
        'tags.csv': `userId,movieId,tag,timestamp\n1,${odd},strange,1\n1,20,plain,1\n`,
      }),
    );
    expect(ratingsOf(data).map(([user, movie]) => [user, movie])).toEqual([
      [1, '10'],
      [1, '20'],
      [2, '10'],
    ]);
    const titleOf = new Map((data.itemIds as string[]).map((id, item) => [id, data.movies.titles[item]]));
    expect(titleOf).toEqual(
      new Map([
        ['10', 'Ten (1979)'],
        ['20', 'Twenty (1999)'],
        [odd, 'Odd (2000)'],
      ]),
    );
    const at = (id: string) => (data.itemIds as string[]).indexOf(id);
    expect([data.links!.imdb[at('10')], data.links!.imdb[at(odd)]]).toEqual([1010, 77]);
    expect([...data.tags!.items]).toEqual([at(odd), at('20')]);
    expect(data.warnings).toEqual([]);
  });

  test('text ids of movies beside ratings of unlisted ones: these are counted', async () => {
    const data = await loadDataset(
      await csvFolder({
        'movies.csv': 'movieId,title,genres\n10,Ten (1979),Comedy\n12345678901,Odd (2000),Drama\n',
      }),
    );
    expect(ratingsOf(data).map(([, movie]) => movie)).toEqual(['10', '20', '10']);
    expect(data.warnings).toEqual([
      expect.stringMatching(/^ratings\.csv:3: movie '20' is not in movies\.csv; 1 ratings/),
    ]);
  });

  test('without timestamps, times are 0 and a warning says so', async () => {
    const data = await loadDataset(await csvFolder({ 'ratings.csv': 'userId,movieId,rating\n1,10,4\n' }));
    expect(ratingsOf(data)).toEqual([[1, 10, 4, 0]]);
    expect(data.warnings).toEqual(["ratings.csv:1: no column 'timestamp'; all times are 0."]);
  });

  test('lines that straddle the reading chunks are read once', async () => {
    // 100,000 lines of 21 to 23 bytes: more than two chunks of 1 MiB, cut at every possible place in a line.
    const lines = Array.from({ length: 100_000 }, (_, n) => `${n + 1},10,3.5,1000${100_000 + n}\n`);
    const data = await loadDataset(await csvFolder({ 'ratings.csv': header + lines.join('') }));
    expect(data.ratings.values.length).toBe(100_000);
    expect(data.ratings.timestamps.every((time, n) => time === 1_000_100_000 + n)).toBe(true);
    expect(data.ratings.users.every((user, n) => user === n)).toBe(true);
  });
});

describe('repeated ratings of one movie by one user', () => {
  test('the later timestamp is kept', async () => {
    const ratings = `${header}1,10,4.0,500\n1,20,3.0,100\n1,10,2.0,400\n`;
    const data = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    expect(ratingsOf(data)).toEqual([
      [1, 10, 4, 500],
      [1, 20, 3, 100],
    ]);
    expect(data.warnings).toEqual([
      'ratings.csv:4: user 1 rates movie 10 twice; the rating on line 2 is kept.',
    ]);
  });

  test('of equal timestamps, the later line is kept', async () => {
    const ratings = `${header}1,10,4.0,500\n1,10,2.0,500\n`;
    const data = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    expect(ratingsOf(data)).toEqual([[1, 10, 2, 500]]);
    expect(data.warnings).toEqual([
      'ratings.csv:2: user 1 rates movie 10 twice; the rating on line 3 is kept.',
    ]);
  });

  test('of three, one is kept', async () => {
    const ratings = `${header}1,10,1.0,3\n1,10,2.0,1\n1,10,3.0,2\n`;
    const data = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    expect(ratingsOf(data)).toEqual([[1, 10, 1, 3]]);
  });

  test('the sixth and later ones are only counted', async () => {
    const ratings = header + '1,10,4.0,500\n'.repeat(9);
    const { warnings } = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    expect(warnings.length).toBe(6);
    expect(warnings.at(-1)).toBe('... and 3 more repeated ratings.');
  });
});

describe('what is wrong is said with file and line', () => {
  const broken: [what: string, files: Record<string, string | Uint8Array>, message: RegExp][] = [
    [
      'bad header',
      { 'ratings.csv': 'a,b,c,d\n1,10,4.0,100\n' },
      /^ratings\.csv:1: no column 'userId' in the header/,
    ],
    [
      'missing column',
      { 'ratings.csv': 'userId,rating,timestamp\n1,4,100\n' },
      /^ratings\.csv:1: no column 'movieId' in the header 'userId,rating,timestamp', expected userId,movieId,rating,timestamp/,
    ],
    [
      'non-numeric id',
      { 'ratings.csv': `${header}1,10,4.0,100\nx,10,4.0,1\n` },
      /^ratings\.csv:3: user id 'x'/,
    ],
    ['negative id', { 'ratings.csv': `${header}-1,10,4.0,100\n` }, /^ratings\.csv:2: user id '-1'/],
    [
      'movies of another data set',
      { 'ratings.csv': `${header}1,2147483648,4.0,1\n` },
      /:2: movie '2147483648', and no movie of ratings\.csv at all, expected movies in movies\.csv/,
    ],
    ['empty id', { 'ratings.csv': `${header}1,,4.0,100\n` }, /^ratings\.csv:2: movie id ''/],
    [
      'rating off the scale',
      { 'ratings.csv': `${header}1,10,4.0,100\n1,20,5.5,100\n` },
      /^ratings\.csv:3: rating '5\.5', expected 0\.5 to 5 by halves/,
    ],
    [
      'rating between the halves',
      { 'ratings.csv': `${header}1,10,4.25,1\n` },
      /^ratings\.csv:2: rating '4\.25'/,
    ],
    ['rating 0', { 'ratings.csv': `${header}1,10,0,1\n` }, /^ratings\.csv:2: rating '0'/],
    ['rating NaN', { 'ratings.csv': `${header}1,10,NaN,1\n` }, /^ratings\.csv:2: rating 'NaN'/],
    ['empty file', { 'ratings.csv': '' }, /^ratings\.csv: an empty file/],
    ['header only', { 'ratings.csv': header }, /^ratings\.csv: no ratings/],
    [
      'too many fields',
      { 'ratings.csv': `${header}1,10,4,0,100\n` },
      /^ratings\.csv:2: 5 fields, expected 4/,
    ],
    [
      'a truncated last line',
      { 'ratings.csv': `${header}1,10,4.0,1\n1,20` },
      /^ratings\.csv:3: 2 fields, expected 4/,
    ],
    [
      'a blank line',
      { 'ratings.csv': `${header}1,10,4.0,1\n\n1,20,4.0,1\n` },
      /^ratings\.csv:3: a blank line/,
    ],
    [
      'an open quote',
      { 'ratings.csv': `${header}1,20,4.0,1\n"1,10,4.0,1\n2,10,4.0,1\n` },
      /^ratings\.csv:3: a quote that is never closed/,
    ],
    [
      'a line break in a field',
      { 'ratings.csv': 'userId,movieId,rating,note\n1,10,4.0,"a\nb"\n1,20,4,c\n' },
      /^ratings\.csv:2: a line break inside a field/,
    ],
    [
      'bytes that are no text',
      { 'ratings.csv': Buffer.from([0xff, 0xfe, 0, 10, 0, 1]) },
      /^ratings\.csv:1: no column/,
    ],
    ['empty movies', { 'movies.csv': '' }, /^movies\.csv: an empty file/],
    ['no movie', { 'movies.csv': 'movieId,title,genres\n' }, /^movies\.csv: no movies/],
    [
      'bad header of movies',
      { 'movies.csv': 'number,title,genres\n1,a,b\n' },
      /^movies\.csv:1: no column for the id in the header 'number,title,genres', expected movieid/,
    ],
    [
      'a movie twice',
      { 'movies.csv': 'movieId,title,genres\n10,a,b\n10,c,d\n' },
      /^movies\.csv:3: movie 10 again, first on line 2/,
    ],
    [
      'a stray quote',
      { 'movies.csv': 'movieId,title,genres\n10,a,b\n20,T"en,b\n' },
      /^movies\.csv:3: a quote inside a field/,
    ],
  ];

  const odd: [what: string, files: Record<string, string | Uint8Array>, note: RegExp, strict: RegExp][] = [
    [
      'a time that cannot be read',
      { 'ratings.csv': `${header}1,10,4.0,1e9\n1,20,4.0,soon\n` },
      /^ratings\.csv: a time that cannot be read counts as unknown, first 'soon' on line 3\.$/,
      /^ratings\.csv:3: timestamp 'soon', expected seconds/,
    ],
    [
      'a rating of an unknown movie',
      { 'ratings.csv': `${header}1,10,4.0,1\n1,99,4.0,1\n` },
      /^ratings\.csv:3: movie 99 is not in movies\.csv; 1 ratings of 1 such movies are kept/,
      /^ratings\.csv:3: movie 99, expected a movie in movies\.csv/,
    ],
    [
      'an unquoted comma in a title',
      { 'movies.csv': 'movieId,title,genres\n10,Ten, The,b\n20,c,d\n' },
      /^movies\.csv: 1 titles with commas but without quotes, first .* on line 2\.$/,
      /^movies\.csv:2: a title with a comma, expected quotes around it/,
    ],
    [
      'a tag on an unknown movie',
      { 'tags.csv': 'userId,movieId,tag,timestamp\n1,10,ok,5\n1,ten,ok,5\n' },
      /^tags\.csv:3: movie 'ten' is unknown; the tag is dropped\.$/,
      /^tags\.csv:3: movie 'ten' is unknown, expected a known one/,
    ],
    [
      'a link that is no number',
      { 'links.csv': 'movieId,imdbId,tmdbId\n10,tt0114709,\n20,x,3\n' },
      /^links\.csv: 1 ids that are no numbers, taken as unknown, first imdb id 'x' on line 3\.$/,
      /^links\.csv:3: imdb id 'x', expected a whole number/,
    ],
  ];
  test.each(odd)(
    '%s is noted, and refused where everything must be right',
    async (_, files, note, strict) => {
      const folder = await csvFolder(files);
      const { warnings } = await loadDataset(folder);
      expect(warnings.filter((warning) => note.test(warning))).toHaveLength(1);
      await expect(loadDataset(folder, { strict: true })).rejects.toThrow(strict);
    },
  );

  test('Latin-1 that shows after 64 KiB is read from the start: nothing of the reading as UTF-8 is left', async () => {
    // The first id is UTF-8 or, as the last one tells, two letters of Latin-1; times are empty or odd.
    const first = '\uFEFFuserId,movieId,rating,timestamp\njos\u00e9,10,4,\nbo,10,3,soon\n';
    const more = Array.from({ length: 5000 }, (_, n) => `user${n},20,4,1000000000\n`).join('');
    const ratings = Buffer.concat([Buffer.from(first + more), latin1('andr\u00e9,10,5,1000000001\n')]);
    const data = await loadDataset(await csvFolder({ 'ratings.csv': ratings }));
    const ids = data.userIds as string[];
    expect(ids.filter((id) => !id.startsWith('user'))).toEqual(['andr\u00e9', 'bo', 'jos\u00c3\u00a9']);
    expect([ids.length, data.ratings.users.length, data.withoutTime]).toEqual([5003, 5003, 2]);
    expect(data.warnings.filter((line) => /time|UTF-8/.test(line))).toEqual([
      'ratings.csv: not UTF-8; read as Latin-1 (Windows-1252).',
      'ratings.csv: 1 ratings without a time.',
      "ratings.csv: a time that cannot be read counts as unknown, first 'soon' on line 3.",
    ]);
  });

  test('Latin-1 in CSV is read as such, and noted', async () => {
    const { movies, warnings } = await loadDataset(
      await csvFolder({ 'movies.csv': latin1('movieId,title,genres\n10,a,b\n20,é,b\n') }),
    );
    expect(movies.titles).toEqual(['a', 'é']);
    expect(warnings).toEqual(['movies.csv: not UTF-8; read as Latin-1 (Windows-1252).']);
  });

  test.each(broken)('%s', async (_, files, message) => {
    const folder = await csvFolder(files);
    await expect(loadDataset(folder)).rejects.toThrow(message);
    await expect(loadDataset(folder)).rejects.toHaveProperty('name', 'DataError');
    await expect(loadDataset(folder, { fast: false })).rejects.toThrow(message);
  });

  test('a line number counts every line before, also past the first chunk', async () => {
    const ratings = `${header}${'1,10,4.0,1000000000\n'.repeat(120_000)}1,10,x,1\n`;
    await expect(loadDataset(await csvFolder({ 'ratings.csv': ratings }))).rejects.toThrow(
      /^ratings\.csv:120002: rating 'x'/,
    );
  });

  test('3.5 stars in whole-star 1M', async () => {
    const folder = await folderOf({
      'ratings.dat': '1::10::3.5::1\n',
      'movies.dat': '10::Ten (1979)::Comedy\n',
      'users.dat': '',
    });
    await expect(loadDataset(folder)).rejects.toThrow(
      "ratings.dat:1: rating '3.5', expected 1 to 5 in whole stars",
    );
  });

  test('a folder without ratings names the files it could hold and the remedy', async () => {
    await expect(loadDataset(await emptyFolder())).rejects.toThrow(
      /no file of ratings, expected ratings\.csv, ratings\.dat or u\.data.*recsys data download/,
    );
  });

  test('a missing movies file is noted, and refused where everything must be right', async () => {
    const folder = await folderOf({ 'ratings.csv': `${header}1,10,4.0,1\n` });
    const { warnings, movies } = await loadDataset(folder);
    expect(warnings).toEqual([
      'ratings.csv: no file of movies beside it; movies have no titles, years and genres.',
    ]);
    expect(movies.titles).toEqual(['']);
    await expect(loadDataset(folder, { strict: true })).rejects.toThrow(/movies\.csv: no such file/);
  });
});

describe('names', () => {
  test('an unknown name lists the releases', async () => {
    await expect(loadDataset('ml-33m')).rejects.toThrow(
      /no data set 'ml-33m'.*ml-latest-small-2016, ml-latest-small, ml-100k.*recsys data list/,
    );
  });

  test('a release that is not downloaded names the remedy', async () => {
    vi.stubEnv('RECSYS_DATA_DIR', await emptyFolder());
    await expect(loadDataset('ml-25m')).rejects.toThrow(
      /ml-25m is not on this machine.*Run `recsys data download ml-25m`/,
    );
    vi.unstubAllEnvs();
  });

  test('a downloaded release is found by name in RECSYS_DATA_DIR', async () => {
    const folder = await emptyFolder();
    vi.stubEnv('RECSYS_DATA_DIR', folder);
    await mkdir(join(folder, 'ml-25m'));
    await expect(loadDataset('ml-25m')).rejects.toThrow(/ml-25m: no file of ratings/);
    vi.unstubAllEnvs();
  });
});
