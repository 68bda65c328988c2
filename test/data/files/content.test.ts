import { existsSync } from 'node:fs';
import { readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { openContent } from '../../../src/data/files/content.ts';
import { Rng } from '../../../src/util/rng.ts';
import { zipOf } from '../releases/zip.ts';
import { skippedUnless } from '../../support/skipped.ts';
import { emptyFolder } from '../folders.ts';

/** A megabyte that gzip hardly makes smaller: more than one chunk, packed and unpacked. */
const rng = new Rng(1);
const bytes = Buffer.from(Array.from({ length: 1 << 17 }, () => rng.int(1e9)).join('\n'));

async function packed(): Promise<string> {
  const path = join(await emptyFolder(), 'ratings.csv.gz');
  await writeFile(path, gzipSync(bytes));
  return path;
}

const descriptors = '/proc/self/fd';
const hasDescriptors = existsSync(descriptors);
const skipped = skippedUnless(hasDescriptors, `${descriptors}, which Linux has`);

/** How often this process has the file open. */
async function timesOpen(path: string): Promise<number> {
  const links = (await readdir(descriptors)).map((fd) => readlink(join(descriptors, fd)).catch(() => ''));
  return (await Promise.all(links)).filter((target) => target === path).length;
}

describe('a file packed by gzip', () => {
  it('is unpacked as a stream', async () => {
    const content = await openContent(await packed(), 'ratings.csv.gz');
    const chunks: Buffer[] = [];
    for await (const chunk of await content.stream()) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it.runIf(hasDescriptors)(`is closed when its reader breaks off${skipped}`, async () => {
    const path = await packed();
    await openContent(path, 'ratings.csv.gz'); // which reads the beginning
    await vi.waitFor(async () => expect(await timesOpen(path)).toBe(0));
  });

  it('that is gone when it is to be read is an error for its reader', async () => {
    const path = await packed();
    const content = await openContent(path, 'ratings.csv.gz');
    await rm(path);
    const read = async () => {
      for await (const chunk of await content.stream()) expect(chunk).toBeDefined();
    };
    await expect(read()).rejects.toThrow(/ENOENT/);
  });
});

it.runIf(hasDescriptors)(`an archive that is refused is closed${skipped}`, async () => {
  const path = join(await emptyFolder(), 'two.zip');
  await writeFile(
    path,
    zipOf([
      { name: 'a.csv', content: 'a' },
      { name: 'b.csv', content: 'b' },
    ]),
  );
  await expect(openContent(path, 'two.zip')).rejects.toThrow(/an archive of one file/);
  await vi.waitFor(async () => expect(await timesOpen(path)).toBe(0));
});
