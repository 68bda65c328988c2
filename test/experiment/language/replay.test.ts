import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runChat } from '../../../src/experiment/language/chat.ts';
import { readStoredAnswers } from '../../../src/experiment/language/replay.ts';
import { protocolSchema } from '../../../src/experiment/protocol.ts';
import { chatOptions, resolveModel } from '../../../src/models/chat/options.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { smallFolder } from '../../support/cli.ts';

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };

let folder: string;
beforeAll(async () => {
  folder = await smallFolder(40, 60);
});
afterAll(() => rm(folder, { recursive: true }));

async function stored(...lines: object[]) {
  const path = join(await mkdtemp(join(tmpdir(), 'recsys-replay-')), 'a.jsonl');
  await writeFile(path, lines.map((line) => JSON.stringify(line)).join('\n'));
  return readStoredAnswers(path);
}

/** Users with an answer, of those of `dataset`, where the answers are `lines`. */
async function answered(dataset: string, lines: object[]): Promise<(string | number)[]> {
  const { language } = await runChat(
    {
      options: resolveModel(chatOptions.parse({ model: 'gpt-4o' }), new Date()),
      data: { dataset },
      protocol: protocolSchema.parse({ k: [3] }),
      numUsers: 40,
      candidates: 'none',
      comparisonModels: [],
      stored: await stored(...lines),
      resultsDir: folder,
    },
    context,
  );
  return language.users.filter(({ state }) => state === 'answered').map(({ userId }) => userId);
}

describe('stored answers', () => {
  const text = '1. The Film 7 (1986) - a drama';

  it('are those of a user whether the id is written as a number or as text', async () => {
    expect(
      await answered(folder, [
        { userId: 1, text },
        { userId: '2', text },
      ]),
    ).toEqual([1, 2]);
    const ratings = await readFile(join(folder, 'ratings.csv'), 'utf8');
    const long = ratings.replace(/^1,/gm, '12345678901,'); // which makes the ids text
    await writeFile(join(folder, 'ratings.csv'), long);
    const own = await answered(folder, [
      { userId: 12345678901, text },
      { userId: 2, text },
    ]);
    expect(own).toEqual(['2', '12345678901']);
  });

  it('are refused where one user has two, however the ids are written', async () => {
    await expect(stored({ userId: 425, text }, { userId: '425', text })).rejects.toThrow(
      /a\.jsonl:2: user 425 again, expected one line a user/,
    );
  });
});
