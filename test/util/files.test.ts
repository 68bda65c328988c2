import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256, sha256OfFile, writeFileAtomic } from '../../src/util/files.ts';

describe('writeFileAtomic', () => {
  it('creates the folder, replaces the file and leaves no temporary file behind', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'recsys-')), 'deep');
    await writeFileAtomic(join(folder, 'a.txt'), 'one');
    await writeFileAtomic(join(folder, 'a.txt'), 'two');
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('two');
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  it('names the file and the reason when the folder is a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-'));
    await writeFile(join(folder, 'file'), '');
    await expect(writeFileAtomic(join(folder, 'file', 'a.txt'), 'x')).rejects.toThrow(
      /file\/a\.txt: cannot be written: a file where a folder should be \(E(NOTDIR|EXIST)\)/,
    );
  });
});

describe('sha256', () => {
  it('hashes "abc" to the value of FIPS 180-2, appendix B.1', async () => {
    const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    const file = join(await mkdtemp(join(tmpdir(), 'recsys-')), 'abc');
    await writeFile(file, 'abc');
    expect([sha256('abc'), await sha256OfFile(file)]).toEqual([expected, expected]);
  });
});
