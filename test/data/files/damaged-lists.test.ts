/** Files of lists: however they are written, the same lists; whatever damaged them, the file is named or the lists are some. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLists } from '../../../src/data/files/lists.ts';
import { byId } from '../../../src/data/ids.ts';
import { readStoredAnswers } from '../../../src/experiment/language/replay.ts';
import { DataError } from '../../../src/util/errors.ts';
import { csvCell } from '../../../src/util/process/terminal.ts';
import { Rng } from '../../../src/util/rng.ts';
import { mutateBytes, mutationRuns } from '../../support/mutations.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-lists-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What `work` gives; undefined for an error that names `path`. Any other error fails the test. */
async function outcome<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataError && error.message.startsWith(path)) return undefined;
    throw error;
  }
}

/** Lists of 1 to 5 movies for 1 to 6 users, best first. */
const lists = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 6 }).chain((users) =>
  fc.tuple(
    fc.constant(users.toSorted((a, b) => a - b)),
    fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 }), {
      minLength: users.length,
      maxLength: users.length,
    }),
  ),
);
const style = fc.record({
  separator: fc.constantFrom(',', '\t', ';', '|'),
  newline: fc.constantFrom('\n', '\r\n'),
  header: fc.constantFrom(
    ['user_id', 'item_id', 'rank'],
    ['userId', 'movieId', 'score'],
    ['UID', 'IID', 'Score'],
  ),
  order: fc.constantFrom([0, 1, 2], [2, 0, 1], [1, 2, 0]),
  quoted: fc.boolean(),
  shuffle: fc.nat(),
  encode: fc.constantFrom(
    (text: string) => Buffer.from(text),
    (text: string) => Buffer.from(`\uFEFF${text}`),
    (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
    (text: string) => gzipSync(text),
  ),
});

test('lists are the same in every way of writing: separator, order of columns and rows, ranks or scores, quotes, encoding', async () => {
  const path = join(folder, 'dressed.csv');
  await fc.assert(
    fc.asyncProperty(lists, style, async ([userIds, movieIds], worn) => {
      const { separator, newline, header, order, quoted, shuffle, encode } = worn;
      const byRank = header[2] === 'rank';
      const rows = userIds.flatMap((user, n) =>
        movieIds[n]!.map((movie, at) => [user, movie, byRank ? at + 1 : 10 - at / 4].map(String)),
      );
      new Rng(shuffle).shuffle(rows);
      const line = (fields: readonly string[]) =>
        order.map((at) => (quoted ? `"${fields[at]}"` : fields[at])).join(separator);
      await writeFile(path, encode([header, ...rows].map((fields) => line(fields) + newline).join('')));
      expect(await readLists(path)).toMatchObject({
        userIds,
        movieIds,
        orderedBy: byRank ? 'rank' : 'score',
        repeated: 0,
      });
    }),
    { numRuns: mutationRuns(200), seed: 1 },
  );
});

test('ids that our own files make harmless for spreadsheets are read as they were', async () => {
  const path = join(folder, 'own.csv');
  const ids = ['=1+1', '@home', '+a', '-b', "'c", 'd,e'];
  const rows = ids.map((id, n) => [id, `m${n}`, 1].map(csvCell).join(','));
  await writeFile(path, `userId,movieId,rank\n${rows.join('\n')}\n`);
  expect(new Set((await readLists(path)).userIds)).toEqual(new Set(ids));
});

test('damaged lists are refused by file, or are lists: users once and ascending, movies once in each', async () => {
  const path = join(folder, 'damaged.csv');
  const rows = Array.from({ length: 12 }, (_, n) => `${1 + (n >> 2)},${10 + n},${1 + (n % 4)}\n`);
  const texts = [`userId,movieId,rank\n${rows.join('')}`, rows.join(''), rows.join('').replaceAll(',', '\t')];
  const rng = new Rng(2);
  for (let n = mutationRuns(400); n > 0; n--) {
    await writeFile(path, mutateBytes(Buffer.from(texts[n % texts.length]!), rng));
    const read = await outcome(path, () => readLists(path));
    if (!read) continue;
    expect(new Set(read.userIds).size).toBe(read.movieIds.length);
    expect(read.userIds).toEqual(read.userIds.toSorted(byId));
    for (const list of read.movieIds) {
      expect(list.length).toBeGreaterThan(0);
      expect(new Set(list).size).toBe(list.length);
    }
  }
});

test('stored answers that are damaged are refused by file and line, or are answers', async () => {
  const path = join(folder, 'answers.jsonl');
  const lines = [
    { userId: 425, text: '1. The Matrix (1999)' },
    { userId: 'a1', titles: ['Heat (1995)', { title: 'Fargo (1996)', reason: 'snow' }] },
  ];
  const whole = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const rng = new Rng(3);
  for (let n = mutationRuns(400); n > 0; n--) {
    await writeFile(path, mutateBytes(whole, rng));
    const read = await outcome(path, () => readStoredAnswers(path));
    for (const given of read?.values() ?? []) expect(given).toHaveProperty('answer.text');
  }
});
