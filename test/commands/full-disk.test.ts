/** Disks that are full or read-only, as small file systems in memory: where this process may mount them (root on Linux). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recsys, smallFolder } from '../support/cli.ts';
import { skippedUnless } from '../support/skipped.ts';

/** A file system of so many kB; undefined where it cannot be mounted. */
function mountedFolder(options: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'recsys-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    rmdirSync(folder);
    return undefined;
  }
}

const full = mountedFolder('size=24k');
const readOnly = mountedFolder('size=1m,ro');

afterAll(() => {
  for (const folder of [full, readOnly]) {
    if (folder === undefined) continue;
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  }
});

const mounts = full !== undefined && readOnly !== undefined;

describe.runIf(mounts)(`a disk${skippedUnless(mounts, 'to mount file systems: root on Linux')}`, () => {
  let data: string[];
  beforeAll(async () => {
    data = ['--dataset', await smallFolder(), '--quiet'];
  });

  it('that is full loses no metric: the table is printed, and the record is kept elsewhere and named', async () => {
    writeFileSync(join(full!, 'fill'), Buffer.alloc(20_480));
    const { code, stdout, stderr } = await recsys(['popularity', ...data, '--results-dir', full!]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/popularity +0\.\d{4}/);
    const [, kept] = /cannot be written: the disk is full \(ENOSPC\)\. .* is in (\S+\.json)\./.exec(stderr)!;
    expect(JSON.parse(readFileSync(kept!, 'utf8'))).toHaveProperty('models.0.metrics.10.ndcg.mean');
  });

  it('that is full when a model is saved loses no metric either', async () => {
    const models = ['--save-models', join(full!, 'models'), '--results-dir', join(data[1]!, 'results')];
    const { code, stdout, stderr } = await recsys(['baseline', '--models', 'popularity', ...data, ...models]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/popularity +0\.\d{4}/);
    expect(stderr).toMatch(/models\/popularity\/.* the disk is full \(ENOSPC\)/);
  });

  it('that is read-only is named before any work, also where the folder is yet to be made', async () => {
    for (const folder of [readOnly!, join(readOnly!, 'a', 'b')]) {
      const { code, stdout, stderr } = await recsys(['popularity', ...data, '--results-dir', folder]);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(`error: ${readOnly}: the file system is read-only. Choose another folder.\n`);
    }
  });
});
