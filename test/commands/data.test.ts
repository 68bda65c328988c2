import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/util/package.ts';
import { recsys } from '../support/cli.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-data-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Downloads go nowhere near the person's own folder. */
const data = (...argv: string[]) =>
  recsys(['data', ...argv], { cwd: folder, env: { RECSYS_DATA_DIR: folder } });

describe('recsys data', () => {
  it('lists every release, the embedded one as such and the others with the command that fetches them', async () => {
    const { code, stdout } = await data('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/ml-latest-small-2016 .*embedded/);
    for (const name of ['ml-latest-small', 'ml-100k', 'ml-1m', 'ml-10m', 'ml-20m', 'ml-25m', 'ml-32m']) {
      expect(stdout).toContain(`recsys data download ${name}`);
    }
  });

  it('lists as JSON with the address, size and checksum of every archive', async () => {
    const { stdout } = await data('list', '--json');
    const releases = JSON.parse(stdout) as {
      name: string;
      archive?: { url: string; checksum: { value: string } };
    }[];
    for (const { name, archive } of releases.slice(1)) {
      expect(archive?.url).toBe(`https://files.grouplens.org/datasets/movielens/${name}.zip`);
      expect(archive?.checksum.value).toMatch(/^([0-9a-f]{32}|[0-9a-f]{64})$/);
    }
  });

  it('describes the embedded release', async () => {
    const { code, stdout } = await data('stats', 'ml-latest-small-2016');
    expect(code).toBe(0);
    expect(stdout).toMatch(/ratings +100,004/);
    expect(stdout).toMatch(/users +671/);
    // 100,004 / (671 x 9,066) = 1.64%; the release's README gives the period.
    expect(stdout).toMatch(/density +1\.64%/);
    expect(stdout).toMatch(/first rating +1995-01-09 11:46:49 UTC/);
    expect(stdout).toMatch(/last rating +2016-10-16/);
  });

  it('verifies the embedded release: every file as released', async () => {
    const { code, stdout } = await data('verify', 'ml-latest-small-2016', '--json');
    expect(code).toBe(0);
    const { files } = JSON.parse(stdout) as { files: { status: string }[] };
    expect(files.map(({ status }) => status)).toEqual(['as released', 'as released']);
  });

  it('verify names a file that was changed, and exits 1', async () => {
    const copy = join(folder, 'ml-latest-small-2016');
    await cp(join(packageRoot, 'data', 'ml-latest-small-2016'), copy, { recursive: true });
    const ratings = await readFile(join(copy, 'ratings.csv'), 'utf8');
    await writeFile(join(copy, 'ratings.csv'), ratings.replace('1,31,2.5', '1,31,3.5'));
    const { code, stderr, stdout } = await data('verify', copy);
    expect(code).toBe(1);
    expect(stdout).toMatch(/ratings\.csv .*different/);
    expect(stderr).toContain('error: ml-latest-small-2016: ratings.csv not as released');
  });

  it('verify names the line that cannot be read', async () => {
    const copy = join(folder, 'broken');
    await cp(join(packageRoot, 'data', 'ml-latest-small-2016'), copy, { recursive: true });
    await writeFile(join(copy, 'ratings.csv'), 'userId,movieId,rating,timestamp\n1,31,x,5\n');
    const { code, stderr } = await data('verify', copy);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "error: ratings.csv:2: rating 'x', expected 0.5 to 5 by halves. Mend that line, or delete it.\n",
    );
  });

  it('download refuses an unknown release and lists the known ones', async () => {
    const { code, stderr } = await data('download', 'ml-33m');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: no release named 'ml-33m', expected one of ml-latest-small-2016, /);
  });

  it('download says that the embedded release needs none', async () => {
    const { stderr } = await data('download', 'ml-latest-small-2016');
    expect(stderr).toContain('there is nothing to download');
  });

  it('download reports what a mirror answers', async () => {
    const server = createServer((_, response) => response.writeHead(403).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ml-1m.zip`;
    const { code, stderr } = await data('download', 'ml-1m', '--url', url);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: ${url}: the server answers 403 Forbidden, expected 200 OK. --url names a mirror.\n`,
    );
  });
});
