/** Forms of data that people bring: each gives the same ratings as MovieLens' own form, or is refused by its cause. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readLists } from '../../src/data/files/lists.ts';
import { loadDataset } from '../../src/data/loader.ts';
import { loadPredefinedSplit } from '../../src/data/predefined.ts';
import { parseColumns } from '../../src/data/ratings/columns.ts';
import { RecsysError } from '../../src/util/errors.ts';
import { csvFolder, emptyFolder, folderOf } from './folders.ts';
import { zipOf } from './releases/zip.ts';

const rows = [
  [1, 10, 4, 1_100_000_000],
  [1, 20, 0.5, 1_100_000_060],
  [2, 10, 5, 1_100_000_120],
  [2, 30, 3.5, 1_100_000_180],
];
const header = 'userId,movieId,rating,timestamp';
const csv = [header, ...rows.map((row) => row.join(','))].join('\n') + '\n';
const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(csv, 'utf16le')]);
const iso = [
  '2004-11-09 11:33:20',
  '2004-11-09T11:34:20Z',
  '2004-11-09 11:35:20',
  '2004-11-09 12:36:20+01:00',
];
const with4 = (time: (n: number) => string) =>
  [header, ...rows.map(([u, i, r], n) => `${u},${i},${r},${time(n)}`)].join('\n') + '\n';

async function ratingsIn(content: string | Uint8Array, name = 'ratings.csv') {
  const folder = await csvFolder({ [name]: content });
  if (name !== 'ratings.csv') await rm(join(folder, 'ratings.csv'));
  const { ratings, userIds, itemIds, warnings } = await loadDataset(folder);
  const found = Array.from(ratings.values, (value, n) => [
    userIds[ratings.users[n]!],
    itemIds[ratings.items[n]!],
    value,
    ratings.timestamps[n],
  ]);
  return { found, warnings };
}

test.each<[what: string, content: string | Uint8Array, name: string, note: RegExp | null]>([
  ['semicolons', csv.replaceAll(',', ';'), 'ratings.csv', /semicolons between fields/],
  ['bars', csv.replaceAll(',', '|'), 'ratings.csv', /'\|' between fields/],
  ['tabs', csv.replaceAll(',', '\t'), 'ratings.tsv', null],
  ['a decimal comma', csv.replaceAll(',', ';').replaceAll('.', ','), 'ratings.csv', /decimal comma/],
  ['a byte order mark and CRLF', `\uFEFF${csv.replaceAll('\n', '\r\n')}`, 'ratings.csv', null],
  ['CR alone', csv.replaceAll('\n', '\r'), 'ratings.csv', /carriage returns/],
  ['UTF-16', utf16, 'ratings.csv', /UTF-16/],
  ['gzip', gzipSync(csv), 'ratings.csv.gz', /gzip/],
  ['zip', zipOf([{ name: 'ratings.csv', content: csv }]), 'ratings.csv.zip', /zip/],
  [
    'Kaggle’s file name and quoted names',
    csv.replace(header, '"userId","movieId","rating","timestamp"'),
    'rating.csv',
    null,
  ],
  [
    'other names',
    csv.replace(header, 'uid,iid,score,ts'),
    'ratings.csv',
    /user = 'uid', item = 'iid', rating = 'score'/,
  ],
  [
    'RecBole',
    csv.replaceAll(',', '\t').replace(/.*/, 'user_id:token\titem_id:token\trating:float\ttimestamp:float'),
    'ml.inter',
    null,
  ],
  [
    'no header',
    csv.slice(header.length + 1),
    'ratings.csv',
    /no header: columns are user, item, rating, time/,
  ],
  ['blank lines and a comment before the header', `\n# ratings of 2004\n\n${csv}`, 'ratings.csv', null],
  [
    'ids as NumPy writes them',
    csv.replaceAll(/^(\d+),/gm, '$1.000000000000000000e+00,'),
    'ratings.csv',
    null,
  ],
  [
    'names that say as much',
    csv.replace(header, 'reviewerID,asin,star_rating,review_date'),
    'ratings.csv',
    /rating = 'star_rating', time = 'review_date'/,
  ],
  [
    'an index column',
    csv.replaceAll(/^/gm, '7,').replace(/\n7,$/, '\n').replace(/^7/, ''),
    'ratings.csv',
    null,
  ],
  ['float ids', csv.replaceAll(/^(\d+),(\d+)/gm, '$1.0,$2.0'), 'ratings.csv', null],
  ['milliseconds', with4((n) => `${rows[n]![3]}000`), 'ratings.csv', /milliseconds/],
  ['float seconds', with4((n) => `${rows[n]![3]}.0`), 'ratings.csv', null],
  ['dates', with4((n) => iso[n]!), 'ratings.csv', /times as dates/],
  ['padding as spreadsheets leave it', `${csv},,,\n,,,\n`, 'ratings.csv', null],
  ['a separator line', `sep=;\n${csv.replaceAll(',', ';')}`, 'ratings.csv', /semicolons/],
])('%s', async (_, content, name, note) => {
  const { found, warnings } = await ratingsIn(content, name);
  expect(found).toEqual(rows);
  if (note === null) expect(warnings.filter((line) => line.includes('detected'))).toEqual([]);
  else expect(warnings.join(' ')).toMatch(note);
});

test('a zip archive of a data set loads under its own name and leaves nothing behind', async () => {
  const folder = await emptyFolder();
  const archive = zipOf([
    { name: 'mine/ratings.csv', content: csv },
    { name: 'mine/movies.csv', content: 'movieId,title,genres\n10,a,b\n20,c,d\n30,e,f\n' },
  ]);
  await writeFile(join(folder, 'mine.zip'), archive);
  const { name, ratings, movies, warnings } = await loadDataset(join(folder, 'mine.zip'));
  expect([name, ratings.values.length, movies.titles]).toEqual(['mine', 4, ['a', 'c', 'e']]);
  expect(warnings).toEqual(['mine.zip: detected zip-packed, read from the folder mine in it.']);
});

test('an archive of one file or of folders in folders is read; an encrypted one is refused as that', async () => {
  const folder = await emptyFolder();
  const load = async (name: string, file: string) => {
    const archive = zipOf([{ name: file, content: csv, deflate: true }]);
    if (name === 'locked.zip') for (const at of [6, archive.indexOf('PK\x01\x02') + 8]) archive[at]! |= 1;
    await writeFile(join(folder, name), archive);
    return (await loadDataset(join(folder, name))).ratings.values.length;
  };
  expect([await load('one.zip', 'my data.csv'), await load('deep.zip', 'a/b/c/ratings.csv')]).toEqual([4, 4]);
  await expect(load('locked.zip', 'ratings.csv')).rejects.toThrow(/is encrypted/);
});

test('dates alone, dates without separators and zones of two digits are times; zeros alone are none', async () => {
  const time = async (text: string) => {
    const folder = await folderOf({ 'ratings.csv': `userId,movieId,rating,timestamp\n1,10,4,${text}\n` });
    const { ratings, warnings } = await loadDataset(folder);
    return warnings.some((line) => /no rating has a time/.test(line)) ? 'none' : ratings.timestamps[0];
  };
  // 9 November 2004, 0:00 UTC: 12731 days of 86400 s since 1970
  for (const text of ['2004-11-09', '2004/11/09', '20041109', '2004-11-09 02:00:00+02', '1099958400']) {
    expect(await time(text), text).toBe(1_099_958_400);
  }
  expect(await time('0')).toBe('none');
});

test('a column of numbers that is not read is named where there are no ratings', async () => {
  const folder = await folderOf({ 'ratings.csv': 'user,item,plays\n1,10,7\n1,20,3\n' });
  const { warnings } = await loadDataset(folder);
  expect(warnings.join(' ')).toMatch(
    /no column of ratings \(`--columns rating=NAME` takes one of those not read: 'plays'\)/,
  );
});

test('genres may be separated by commas, and a year of its own stands behind the title', async () => {
  const { movies } = await loadDataset(
    await csvFolder({
      'movies.csv':
        'movieId,title,year,genres\n10,Heat,1995,"Crime, Drama"\n20,Alien (1979),1979,Horror\n30,M,,\n',
    }),
  );
  expect(movies.titles).toEqual(['Heat (1995)', 'Alien (1979)', 'M']);
  expect(movies.genres).toEqual([['Crime', 'Drama'], ['Horror'], []]);
});

test('a table without ratings is implicit: every row is a 1', async () => {
  const folder = await folderOf({ 'ratings.csv': 'user,item\na,x\nb,y\n' });
  const { isImplicit, ratings, userIds } = await loadDataset(folder);
  expect([isImplicit, Array.from(ratings.values), userIds]).toEqual([true, [1, 1], ['a', 'b']]);
});

const refused: [what: string, content: string | Uint8Array, message: RegExp][] = [
  [
    'a Git LFS pointer',
    'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
    /Git LFS pointer.*git lfs pull/,
  ],
  ['a web page', '<!DOCTYPE html>\n<html></html>\n', /a web page in place of the data/],
  [
    'a spreadsheet',
    zipOf([
      { name: '[Content_Types].xml', content: 'x' },
      { name: 'xl/a', content: 'x' },
    ]),
    /a spreadsheet.*Save it as CSV/,
  ],
  [
    'another separator in the middle',
    `${csv}1;30;4;5\n`,
    /:6: fields separated by semicolons: .*commas, as in the lines before/,
  ],
  ['words as ratings', csv.replace(',4,', ',good,'), /:2: rating 'good', expected/],
  ['bytes that are 0', `${csv}\0\0\0\0\0\0\0\0`, /:6: bytes that are 0/],
  [
    'two columns of ratings',
    csv.replace(header, 'userId,movieId,rating,score'),
    /several columns that could hold the rating: 'rating', 'score'.*--columns/,
  ],
  [
    'a column that counts the rows',
    '0,1,10,4\n1,1,20,3\n2,2,10,5\n',
    /a first column that counts the rows.*--columns/,
  ],
  [
    'times in the third column',
    '1,10,1100000000\n1,20,1100000060\n',
    /a third column that looks like times.*--columns/,
  ],
  [
    'times in the first column',
    '1100000000,10,1,4\n1100000060,20,1,3\n',
    /no header, and a first column that looks like times.*--columns/,
  ],
  [
    'ratings in the first column',
    Array.from({ length: 20 }, (_, n) => `${5 - (n % 5)},${100 + n},${n + 1}`).join('\n'),
    /no header, and a first column that looks like ratings.*--columns/,
  ],
  [
    'ratings in the last of four columns',
    '7,10,1100000000,4.5\n8,20,1100000060,3\n'.replaceAll(/,(\d{10})/g, ',3'),
    /no header, and a fourth column that looks like ratings/,
  ],
  [
    'movies in the first column',
    '10,7,4\n20,8,3\n30,9,5\n',
    /no header, and all ids of the first column are in/,
  ],
  [
    'items of IMDb in the first column',
    'tt0113277,7,4\ntt0078748,8,3\n',
    /a first column that looks like ids of items/,
  ],
  ['a rating beyond single precision', csv.replace(',4,', ',1e39,'), /:2: rating '1e39'/],
  ['JSON', '{"userId": 1, "movieId": 10, "rating": 4}\n', /JSON.*Write it as CSV/],
  ['SQL', 'INSERT INTO ratings VALUES (1,10,4);\n', /SQL.*Export the table/],
  ['an error of a server', '<Error><Code>AccessDenied</Code></Error>', /a web page.*or XML/],
  ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x75, 0, 0, 0]), /text in UTF-32.*UTF-8/],
  ['bytes of a program', Buffer.from('\x7fELF\x02\x01\x01\0\0\0\0'), /a binary file/],
  ['bytes of nothing known', Buffer.from([4, 8, 1, 255, 3, 2, 10, 7]), /bytes that are no text/],
  ['a tar archive', gzipSync(`ratings.csv${'\0'.repeat(246)}ustar\0`), /a tar archive.*Unpack it/],
  ['blank lines alone', '\n  \n', /no line of text/],
  ['damaged gzip', gzipSync(csv.repeat(9)).subarray(0, 40), /damaged packed data/],
];
const fullFacts = Object.fromEntries(
  ['place', 'found', 'wanted', 'remedy'].map((fact) => [fact, expect.any(String) as string]),
);
test.each(refused)('%s is refused by its cause, with what to do', async (_, content, message) => {
  const error = await ratingsIn(content).catch((error: unknown) => error);
  expect(error).toMatchObject({ message: expect.stringMatching(message) as string, facts: fullFacts });
});

test.each<[what: string, movies: string, message: RegExp]>([
  [
    'quotes escaped with a backslash',
    '10,"a \\"b\\" c",d',
    /:2: text after a closing quote.*in place of \\"/,
  ],
  ['a quote that is never closed', '10,"a,d', /:2: a quote that is never closed.*Close it/],
  ['a quote in the middle', '10,a "b" c,d', /:2: a quote inside a field.*Put quotes around/],
  ['a movie that is there twice', '10,a,d\n10,b,d', /:3: movie 10 again, first on line 2.*Delete one/],
  ['a movie without an id', ',a,d', /:2: movie id ''.*Mend that line/],
  ['too few fields', '10', /:2: 1 field.*Mend that line/],
  ['no movie', '', /no movies.*Download or export it again/],
])('movies with %s are refused by their cause, with what to do', async (_, movies, message) => {
  const folder = await csvFolder({ 'movies.csv': `movieId,title,genres\n${movies}\n` });
  const error = await loadDataset(folder).catch((error: unknown) => error);
  expect(error).toMatchObject({ message: expect.stringMatching(message) as string, facts: fullFacts });
});

test('--columns settles what cannot be told, by number or by name', async () => {
  const folder = await csvFolder({ 'ratings.csv': '0,1,10,4\n1,1,20,3\n2,2,10,5\n' });
  const columns = parseColumns('user=2,item=3,rating=4');
  const { ratings } = await loadDataset(folder, { columns });
  expect(Array.from(ratings.values)).toEqual([4, 3, 5]);
  await expect(loadDataset(folder, { columns: parseColumns('user=2,item=9') })).rejects.toThrow(
    /item=9, expected a number from 1 to 4/,
  );
  await expect(loadDataset(folder, { columns: parseColumns('user=2,item=2,rating=4') })).rejects.toThrow(
    '--columns: column 2 for both user and item, expected a column for each',
  );
  expect(() => parseColumns('who=1')).toThrow(
    /--columns: 'who=1', expected each of user, item, rating, time/,
  );
});

describe('every part of --columns is read or refused', () => {
  const load = async (text: string, columns: string) => {
    const folder = await csvFolder({ 'ratings.csv': text });
    const { ratings } = await loadDataset(folder, { columns: parseColumns(columns) });
    return Array.from(ratings.values);
  };
  const named = 'userId,movieId,rating,mine,timestamp\n1,10,4,2,1\n1,20,3,1,2\n';

  test.each(['score=mine', 'rating=mine', 'rating=4', 'user=userId,score=mine'])(
    'with a header, %s alone chooses the ratings',
    async (columns) => expect(await load(named, columns)).toEqual([2, 1]),
  );

  test.each([
    ['with a header, a rank', named, 'rank=mine', '--columns: rank=mine, expected columns of ratings'],
    [
      'a rating and a score',
      named,
      'rating=rating,score=mine',
      '--columns: both rating=rating and score=mine, expected one column of ratings. Leave out one',
    ],
    ['one column for two things', named, 'score=timestamp', 'column 5 for both rating and time'],
    [
      'without a header, a rating alone',
      '1,10,3,4\n2,20,1,5\n',
      'rating=4',
      '--columns: no column for the user, expected both user=... and item=...',
    ],
    ['without a header, a time alone', '1,10,3,4\n2,20,1,5\n', 'time=4', 'no column for the user'],
  ])('%s: refused', async (_, text, columns, message) => {
    await expect(load(text, columns)).rejects.toThrow(message);
  });
});

test('ids of text go through both files of a split, and whole numbers stand before words', async () => {
  const folder = await folderOf({
    'train.csv': 'user,item,rating\nbob,76561190000000001,4\n76561190000000002,b,3\n',
    'test.csv': 'user,item,rating\nbob,b,5\n',
  });
  const { dataset, split } = await loadPredefinedSplit({
    trainFile: join(folder, 'train.csv'),
    testFile: join(folder, 'test.csv'),
  });
  expect(dataset.userIds).toEqual(['76561190000000002', 'bob']);
  expect(dataset.itemIds).toEqual(['76561190000000001', 'b']);
  expect(Array.from(split.test.users)).toEqual([1]);
});

describe('lists', () => {
  const lists = async (text: string, columns = '') => {
    const folder = await folderOf({ 'recs.csv': text });
    return readLists(join(folder, 'recs.csv'), columns === '' ? {} : parseColumns(columns));
  };

  test('a prediction counts before a rating, which may be the true one', async () => {
    const found = await lists('user,item,rating,prediction\n1,10,5,0.1\n1,20,1,0.9\n');
    expect([found.movieIds, found.orderedBy]).toEqual([[[20, 10]], 'score']);
    expect(found.notes.join()).toMatch(/ordered by the score in 'prediction'/);
  });

  test('two scores are refused until --columns says which', async () => {
    const text = 'user,item,score,prediction\n1,10,5,0.1\n1,20,1,0.9\n';
    await expect(lists(text)).rejects.toThrow(
      /several columns that could hold the score.*`--list-columns score=NAME`/,
    );
    expect((await lists(text, 'score=score')).movieIds).toEqual([[10, 20]]);
  });

  test('every part of the choice is read or refused', async () => {
    const named = 'user,item,rank,rating\n1,10,1,2\n1,20,2,5\n';
    expect((await lists(named, 'rating=rating')).movieIds).toEqual([[20, 10]]);
    expect((await lists('1,10,1\n1,20,2\n', 'score=3')).movieIds).toEqual([[20, 10]]);
    expect((await lists('10,1,1\n20,1,2\n', 'item=1,user=2,rank=3')).movieIds).toEqual([[10, 20]]);
    await expect(lists('10,1,1\n20,1,2\n', 'item=1')).rejects.toThrow(/columns 1 to 3/);
    await expect(lists('1,10,1\n1,20,2\n', 'rank=2')).rejects.toThrow(/column 2 for both item and rank/);
    await expect(lists(named, 'rank=rank,rating=rating')).rejects.toThrow(
      'both rank=rank and rating=rating, expected the one that orders the lists',
    );
    await expect(lists(named, 'time=rank')).rejects.toThrow(
      'time=rank, expected columns of lists, which have no times',
    );
  });

  test('whole numbers without a header that are not 1 to n may be ranks or scores, and are refused', async () => {
    const text = '1,10,0\n1,20,1\n1,30,2\n';
    await expect(lists(text)).rejects.toThrow(
      /may be ranks or scores.*`--list-columns user=1,item=2,score=3`/,
    );
    expect((await lists(text, 'user=1,item=2,rank=3')).movieIds).toEqual([[10, 20, 30]]);
  });

  test('lists in one cell each, and a first column that counts rows, are refused with what to do', async () => {
    const cells = /expected .*Write a row for each movie/;
    await expect(lists('user,items\n1,"10 20"\n')).rejects.toThrow(cells);
    await expect(lists('1\t[10:0.9]\n')).rejects.toThrow(cells);
    await expect(lists('0,1,10,1\n1,1,20,2\n2,2,10,1\n')).rejects.toThrow(
      /counts the rows.*`--list-columns user=2,item=3,score=4`/,
    );
  });

  test('a score that is NaN leaves the row out, and is counted', async () => {
    const found = await lists('user,item,score\n1,10,NaN\n1,20,0.5\n');
    expect([found.movieIds, found.withoutScore]).toEqual([[[20]], 1]);
  });

  test('whatever a file holds, lists load or are refused with the file named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-lists-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'l.csv');
    const field = fc.oneof(
      fc.constantFrom('1', '2', '10', '0.5', 'NaN', '', '"', 'user', '-1', '1e3'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    const line = fc.array(field, { maxLength: 5 }).map((fields) => fields.join(','));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('user,item,score\n', 'userId\titem\trank\n', ''),
        fc.array(line, { maxLength: 8 }),
        async (head, lines) => {
          await writeFile(path, head + lines.join('\n'));
          try {
            const { userIds, movieIds } = await readLists(path);
            expect(movieIds).toHaveLength(userIds.length);
            for (const list of movieIds) expect(new Set(list).size).toBe(list.length);
          } catch (error) {
            if (!(error instanceof RecsysError)) throw error;
            expect(error.message).toContain('l.csv');
            expect(error.facts).toMatchObject(fullFacts);
          }
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });
});
