import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRatings, type RatingColumns, type ReadOptions } from '../../../src/data/ratings/file.ts';
import { sha256 } from '../../../src/util/files.ts';
import { failingProgress } from '../../support/progress.ts';

/** 37 MB, enough for more than one thread: 16 times the same 100,000 lines, 17 to 27 bytes each. */
const block = Array.from(
  { length: 100_000 },
  (_, n) => `${n * 13},${(n * n) % 200_000},${(n % 10) / 2 + 0.5},${1_000_000_000 + n}\n`,
).join('');
const header = 'userId,movieId,rating,timestamp\n';
const repeats = 16;
const rows = 100_000 * repeats;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-threads-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(text: string, options: ReadOptions = {}): Promise<RatingColumns> {
  const path = join(folder, 'ratings.csv');
  await writeFile(path, text);
  const scale = { min: 0.5, max: 5, step: 0.5 };
  return readRatings(path, { file: 'ratings.csv', scale }, options);
}

function digest({ columns, ...rest }: RatingColumns): string {
  const digests = Object.values(columns).map(
    ({ buffer, byteOffset, byteLength }: Int32Array | Float32Array) =>
      sha256(new Uint8Array(buffer, byteOffset, byteLength)),
  );
  return JSON.stringify([digests, rest]);
}

describe('a file large enough for several threads', () => {
  const text = header + block.repeat(repeats);

  test('gives the same columns for 1, 2 and 5 threads, in the order of the file', async () => {
    const one = await read(text, { threads: 1 });
    expect(one.columns.values.length).toBe(rows);
    expect(one.source).toEqual({ name: 'ratings.csv', sha256: sha256(text), bytes: text.length });
    for (let n = 0; n < rows; n += 9973) {
      expect(one.columns.users[n]).toBe((n % 100_000) * 13);
      expect(one.columns.timestamps[n]).toBe(1_000_000_000 + (n % 100_000));
    }
    expect(digest(await read(text, { threads: 2 }))).toBe(digest(one));
    expect(digest(await read(text, { threads: 5 }))).toBe(digest(one));
  });

  test.each([0.6, 0.95])(
    'a quoted line at %d of the file loses no row, whatever the threads',
    async (share) => {
      const before = Math.floor(repeats * share);
      const quoted = `${header}${block.repeat(before)}"5","6","4.5","7"\n${block.repeat(repeats - before)}`;
      const { columns } = await read(quoted, { threads: 3 });
      expect(columns.values.length).toBe(rows + 1);
      const at = 100_000 * before;
      expect([columns.users[at], columns.items[at], columns.values[at], columns.timestamps[at]]).toEqual([
        5, 6, 4.5, 7,
      ]);
      expect(columns.users[at + 1]).toBe(0);
      expect(columns.timestamps.at(-1)).toBe(1_000_099_999);
    },
  );

  test('the first bad line is reported, with its number, though threads may see a later one first', async () => {
    const bad = `${header}${block.repeat(9)}1,2,9,4\n${block.repeat(4)}x,2,3,4\n${block.repeat(3)}`;
    await expect(read(bad, { threads: 3 })).rejects.toThrow(
      "ratings.csv:900002: rating '9', expected 0.5 to 5 by halves",
    );
  });

  test('reading that fails ends its progress', async () => {
    const { progress, open } = failingProgress('reading ratings.csv');
    await expect(read(text, { threads: 2, progress })).rejects.toThrow('no step');
    expect([...open]).toEqual([]);
  });

  test('Ctrl-C stops all threads', async () => {
    const controller = new AbortController();
    let advances = 0;
    const progress = {
      start: () => ({
        advance: () => void (++advances === 3 && controller.abort()),
        resumeAt: () => {},
        finish: () => {},
      }),
      note: () => {},
    };
    const stopped = read(text, { threads: 3, signal: controller.signal, progress });
    await expect(stopped).rejects.toHaveProperty('exitCode', 130);
  });
});

describe('forms of a line', () => {
  const only = async (line: string) => {
    const { columns } = await read(`${header}${line}\n`);
    return [columns.users[0], columns.items[0], columns.values[0], columns.timestamps[0]];
  };

  test.each([
    ['1,2,4,5', [1, 2, 4, 5]],
    ['1,2,4.0,5', [1, 2, 4, 5]],
    ['1,2,4.50,5', [1, 2, 4.5, 5]],
    ['1,2,04.5,5', [1, 2, 4.5, 5]],
    ['0,0,0.5,0', [0, 0, 0.5, 0]],
    ['1234,12345678,3.5,12345678', [1234, 12345678, 3.5, 12345678]],
    ['999999999,2147483647,5,2147483647', [999999999, 2147483647, 5, 2147483647]],
  ])('%s', async (line, expected) => {
    expect(await only(line)).toEqual(expected);
  });
});

test('ids with zeros in front, and numbers beyond 32 bits, stay as they are written', async () => {
  const { columns, texts } = await read(
    `${header}0000000012,9007199254740993,5,14\n2,9007199254740993,4,15\n`,
  );
  expect(Array.from(columns.users, (user) => texts.users![user])).toEqual(['0000000012', '2']);
  expect(texts.items).toEqual(['9007199254740993']);
});
