/** Lists as other tools write them: user 7 is recommended 40, 41, 42 and user 9 is recommended 50, 51, in this order. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { readLists } from '../../../src/data/files/lists.ts';
import { emptyFolder } from '../folders.ts';
import { zipOf } from '../releases/zip.ts';

type Row = readonly (string | number)[];
const scored: Row[] = [
  [7, 41, 2.5],
  [9, 51, 0.1],
  [7, 40, 3.5],
  [9, 50, 0.9],
  [7, 42, -1.25],
];
const table = (header: string, rows: readonly Row[], separator = ',', end = '\n') =>
  [header, ...rows.map((row) => row.join(separator))].map((line) => line + end).join('');
/** With another cell in place of each score. */
const valued = (value: (user: number, item: number, score: number) => Row) =>
  scored.map(([user, item, score]) => value(Number(user), Number(item), Number(score)));

async function read(name: string, content: string | Uint8Array) {
  const path = join(await emptyFolder(), name);
  await writeFile(path, content);
  return await readLists(path);
}

it.each<[string, string, string | Uint8Array]>([
  ['scores in any order', 'a.csv', table('userId,movieId,score', scored)],
  [
    'the score first',
    'a.csv',
    table(
      'score,movieId,userId',
      scored.map((row) => row.toReversed()),
    ),
  ],
  [
    'a decimal comma',
    'a.csv',
    table(
      'userId;movieId;score',
      valued((u, i, s) => [u, i, String(s).replace('.', ',')]),
      ';',
    ),
  ],
  ['RecBole', 'a.inter', table('user_id:token\titem_id:token\tscore:float', scored, '\t')],
  ['"::"', 'a.dat', table('userId::movieId::score', scored, '::')],
  ['UTF-16', 'a.csv', Buffer.from(`\ufeff${table('userId,movieId,score', scored, ',', '\r\n')}`, 'utf16le')],
  [
    'the true rating before the prediction',
    'a.csv',
    table(
      'userId,movieId,rating,prediction',
      valued((u, i, s) => [u, i, 5 - (i % 5), s]),
    ),
  ],
  [
    'the true rating before the score',
    'a.csv',
    table(
      'userId,movieId,rating,score',
      valued((u, i, s) => [u, i, 5 - (i % 5), s]),
    ),
  ],
  [
    'the true rating behind the score',
    'a.csv',
    table(
      'userId,movieId,score,rating',
      valued((u, i, s) => [u, i, s, 5 - (i % 5)]),
    ),
  ],
  [
    'ranks from 0',
    'a.csv',
    table(
      'userId,movieId,rank',
      valued((u, i) => [u, i, i % 10]),
    ),
  ],
  [
    'ranks with gaps',
    'a.csv',
    table(
      'userId,movieId,rank',
      valued((u, i) => [u, i, 4 + 7 * (i % 10)]),
    ),
  ],
  [
    'ranks beside scores that say otherwise',
    'a.csv',
    table(
      'userId,movieId,rank,score',
      valued((u, i) => [u, i, 1 + (i % 10), i]),
    ),
  ],
  [
    "pandas' row numbers",
    'a.csv',
    table(
      ',userId,movieId,score',
      scored.map((row, n) => [n, ...row]),
    ),
  ],
  [
    'whole ids as floats',
    'a.csv',
    table(
      'userId,movieId,score',
      valued((u, i, s) => [`${u}.0`, `${i}.0`, s]),
    ),
  ],
  [
    'a title with a comma',
    'a.csv',
    table(
      'userId,title,movieId,score',
      valued((u, i, s) => [u, `"Film, The ${i}"`, i, s]),
    ),
  ],
  ['an item twice', 'a.csv', table('userId,movieId,score', [...scored, [7, 40, -3], [9, 51, -9]])],
  ['gzip', 'a.csv.gz', gzipSync(table('userId,movieId,score', scored))],
  ['zip', 'a.zip', zipOf([{ name: 'a.csv', content: table('userId,movieId,score', scored) }])],
])('reads lists with %s', async (_, name, content) => {
  const { userIds, movieIds } = await read(name, content);
  const found = new Map(userIds.map((user, n) => [user, [...movieIds[n]!]]));
  expect(found).toEqual(
    new Map([
      [7, [40, 41, 42]],
      [9, [50, 51]],
    ]),
  );
});

it.each([
  [
    'a score and a prediction',
    'userId,movieId,score,prediction',
    [[7, 40, 1, 2]],
    /several columns .*score.*prediction/,
  ],
  ['words as scores', 'userId,movieId,score', [[7, 40, 'good']], /'good', expected a number/],
  ['times in the third column and no header', '7,41,1400000000', [[7, 40, 1400000500]], /no header.*times/],
  ['row numbers and no header', '0,7,40,3.5', [[1, 7, 41, 2.5]], /no header/],
  [
    'falling ranks and no header',
    '7,40,9',
    [
      [7, 41, 5],
      [9, 50, 7],
    ],
    /no header/,
  ],
] as const)('refuses lists with %s', async (_, header, rows, cause) => {
  await expect(read('a.csv', table(header, rows))).rejects.toThrow(cause);
});

it('refuses a rank and a score at once, one column for two things, and a name that two columns have', async () => {
  const path = join(await emptyFolder(), 'a.csv');
  await writeFile(path, 'a,b,c,c\n7,40,1,9\n');
  const chosen = { user: 'a', item: 'b' };
  await expect(readLists(path, { ...chosen, rank: '3', score: '4' })).rejects.toThrow(
    '--columns: both rank=3 and score=4, expected the one that orders the lists',
  );
  await expect(readLists(path, { ...chosen, score: '2' })).rejects.toThrow(
    '--columns: column 2 for both item and score, expected a column for each',
  );
  await expect(readLists(path, { ...chosen, score: 'c' })).rejects.toThrow(
    '--columns: score=c, a name of 2 columns, expected the number of one of them: 3 or 4',
  );
});

it('says that several movies of a list have one rank', async () => {
  const rows = [
    [7, 41, 1],
    [7, 40, 1],
    [9, 50, 1],
    [9, 50, 1], // a movie that is there twice ties with nothing
  ];
  const { movieIds, notes } = await read('a.csv', table('userId,movieId,rank', rows));
  expect(movieIds).toEqual([[40, 41], [50]]);
  expect(notes).toEqual([expect.stringMatching(/in 1 lists several movies have one rank/)]);
});
