import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { entriesIn, readTextFile, sha256, sha256OfFile, writeFileAtomic } from '../../src/util/files.ts';
import { lock } from '../../src/util/process/lock.ts';

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

it('a folder that is not there has no entries; a file, a pipe or a path below a file in its place is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-entries-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [file, pipe] = [join(folder, 'file'), join(folder, 'pipe')];
  await writeFile(file, '');
  execFileSync('mkfifo', [pipe]);
  expect(await entriesIn(join(folder, 'missing'))).toEqual([]);
  expect((await entriesIn(folder)).map(({ name }) => name).sort()).toEqual(['file', 'pipe']);
  for (const path of [file, pipe, join(file, 'below')]) {
    await expect(entriesIn(path)).rejects.toThrow(`${path}: a file where a folder should be`);
  }
});

it('a pipe is neither read nor replaced: both are refused by cause, before any work', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-pipe-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(writeFileAtomic(pipe, 'text')).rejects.toThrow(/a pipe or socket.*It is left as it is/);
  await expect(lock(pipe, 'x')).rejects.toThrow(/a pipe or socket/);
  await expect(readTextFile(pipe, 'text')).rejects.toThrow(/a pipe or device, expected text/);
  expect(await readdir(folder)).toEqual(['pipe']);
  expect((await stat(pipe)).isFIFO()).toBe(true);
});
