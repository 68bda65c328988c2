import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { crowdedFolders } from '../../scripts/check-folders.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'recsys-folders-'));
});
afterEach(() => rm(root, { recursive: true }));

async function fill(folder: string, files: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let n = 0; n < files; n++) await writeFile(join(folder, `${n}.ts`), '');
}

test('a folder with one file more than the limit is named with its number of files', async () => {
  await fill(join(root, 'models', 'gpt2'), 4);
  expect(await crowdedFolders(root, 3)).toEqual([{ folder: join(root, 'models', 'gpt2'), files: 4 }]);
});

test('a folder at the limit passes, and files in folders below it do not count', async () => {
  await fill(root, 3);
  await fill(join(root, 'below'), 3);
  expect(await crowdedFolders(root, 3)).toEqual([]);
});
