import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
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
