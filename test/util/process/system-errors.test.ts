import { mkdtemp, readFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findDataset } from '../../../src/data/folder.ts';
import { entriesIn, readTextFile, requireFolder, writeFileAtomic } from '../../../src/util/files.ts';
import { lock } from '../../../src/util/process/lock.ts';
import { systemError } from '../../../src/util/process/system-errors.ts';

const caught = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

it('says what the system refuses, with the file that it names', async () => {
  const folder = await readFile(tmpdir()).catch((error: unknown) => error);
  expect(systemError(folder, 'x.json')?.message).toBe('x.json: a folder. Name a file.');
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write', path: '/a/b' });
  expect(systemError(full)?.message).toBe('/a/b: the disk is full. Free some space and run again.');
  const odd = Object.assign(new Error('EWHAT'), { code: 'EWHAT', syscall: 'read' });
  expect(systemError(odd)?.message).toBe('the system reports EWHAT (read)');
  const packageLost = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  expect(systemError(packageLost)?.message).toMatch(/too many open files, or an incomplete installation/);
});

it('knows an array that cannot be allocated, and leaves errors of the program to be bugs', () => {
  expect(systemError(caught(() => new Float64Array(2 ** 52)))?.message).toMatch(/^not enough memory/);
  expect(systemError(caught(() => (undefined as unknown as string).length))).toBeUndefined();
  expect(systemError(new RangeError('Maximum call stack size exceeded'))).toBeUndefined();
});

it('names a link that leads to nothing, wherever it stands in the path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-links-'));
  const link = join(folder, 'link');
  await symlink('/nowhere/at-all', link);
  const words = `the symbolic link ${link} leads to /nowhere/at-all, which is not there`;
  for (const path of [link, join(link, 'deeper', 'still')]) {
    await expect(requireFolder(path)).rejects.toThrow(
      `${path}: ${words}. Name another place, or remove the link.`,
    );
    await expect(writeFileAtomic(join(path, 'x.json'), 'x')).rejects.toThrow(words);
    await expect(readTextFile(path, 'a text')).rejects.toThrow(words);
    await expect(lock(join(path, 'x'), '')).rejects.toThrow(words);
    await expect(findDataset(path)).rejects.toThrow(words);
    await expect(entriesIn(path)).rejects.toThrow(words);
  }
  expect(await entriesIn(join(folder, 'absent'))).toEqual([]);
});
