import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { releaseNamed, type Release } from '../../../src/data/releases/catalogue.ts';
import { downloadRelease } from '../../../src/data/releases/download.ts';
import { loadDataset } from '../../../src/data/loader.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { folder2018 } from '../../support/release-2018.ts';
import { skippedUnless } from '../../support/skipped.ts';
import { emptyFolder } from '../folders.ts';
import { zipOf, type ZipEntry } from './zip.ts';

const files = {
  'ratings.csv': 'userId,movieId,rating,timestamp\n1,10,4.0,100\n',
  'movies.csv': 'movieId,title,genres\n10,Ten (1979),Comedy\n',
};
const good: ZipEntry[] = [
  { name: 'tiny/', content: '', mode: 0o040755 },
  { name: 'tiny/ratings.csv', content: files['ratings.csv'] },
  { name: 'tiny/movies.csv', content: files['movies.csv'] },
];

/** A release that consists of this archive. */
function releaseOf(archive: Uint8Array): Release {
  const value = createHash('md5').update(archive).digest('hex');
  return {
    name: 'tiny',
    form: 'csv',
    contents: 'one rating',
    archive: {
      url: 'http://localhost:1/',
      bytes: archive.length,
      checksum: { algorithm: 'md5', value },
      folder: 'tiny',
    },
  };
}

/** A server on loopback until the test ends; `requests` collects what it was asked. */
async function serve(listener: RequestListener): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tiny.zip`, requests };
}

/** Answers with the archive, honouring "Range: bytes=N-". */
function withRanges(archive: Uint8Array): RequestListener {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': archive.length - from,
      ...(from > 0 && { 'content-range': `bytes ${from}-${archive.length - 1}/${archive.length}` }),
    });
    response.end(archive.subarray(from));
  };
}

interface Setting {
  folder?: string;
  release?: Release;
  signal?: AbortSignal;
  stallMilliseconds?: number;
}

async function download(url: string, archive: Uint8Array, setting: Setting = {}): Promise<string> {
  return downloadRelease(setting.release ?? releaseOf(archive), {
    url,
    folder: setting.folder ?? (await emptyFolder()),
    progress: silentProgress,
    signal: setting.signal ?? new AbortController().signal,
    ...(setting.stallMilliseconds && { stallMilliseconds: setting.stallMilliseconds }),
  });
}

describe('download', () => {
  const archive = zipOf(good);

  test('puts the files in a folder of the name of the release, and nothing else beside it', async () => {
    const { url } = await serve(withRanges(archive));
    const folder = await emptyFolder();
    expect(await download(url, archive, { folder })).toBe(join(folder, 'tiny'));
    expect(await readdir(folder)).toEqual(['tiny']);
    expect((await readdir(join(folder, 'tiny'))).sort()).toEqual(['movies.csv', 'ratings.csv']);
    expect(await readFile(join(folder, 'tiny', 'ratings.csv'), 'utf8')).toBe(files['ratings.csv']);
    expect((await loadDataset(join(folder, 'tiny'))).ratings.values.length).toBe(1);
  });

  const real = `${folder2018}.zip`;
  const needs = `the archive of the release as ${real}`;
  const skipped = skippedUnless(existsSync(real), needs);
  test.runIf(existsSync(real))(
    `fetches, checks, unpacks and loads the real ml-latest-small${skipped}`,
    async () => {
      const bytes = readFileSync(real);
      const { url } = await serve(withRanges(bytes));
      const folder = await emptyFolder();
      await download(url, bytes, { folder, release: releaseNamed('ml-latest-small') });
      const data = await loadDataset(join(folder, 'ml-latest-small'));
      expect(data.ratings.values.length).toBe(100_836);
      expect(data.files.map(({ sha256 }) => sha256)).toEqual(
        Object.values(releaseNamed('ml-latest-small').files ?? {}),
      );
    },
  );

  test('sends no request when the folder is there already', async () => {
    const { url, requests } = await serve(withRanges(archive));
    const folder = await emptyFolder();
    await download(url, archive, { folder });
    await download(url, archive, { folder });
    expect(requests.length).toBe(1);
  });

  test('goes on from a partial file with a range request', async () => {
    const { url, requests } = await serve(withRanges(archive));
    const folder = await emptyFolder();
    await writeFile(join(folder, '.tiny.zip.partial'), archive.subarray(0, 100));
    await download(url, archive, { folder });
    expect(requests.map(({ headers }) => headers.range)).toEqual(['bytes=100-']);
    expect(await readdir(folder)).toEqual(['tiny']);
  });

  test('starts again when the server ignores the range', async () => {
    const { url } = await serve((_, response) => response.end(archive));
    const folder = await emptyFolder();
    await writeFile(join(folder, '.tiny.zip.partial'), Buffer.alloc(100, 1));
    await download(url, archive, { folder });
    expect(await readdir(folder)).toEqual(['tiny']);
  });

  test('starts again when the server refuses the range', async () => {
    const { url, requests } = await serve((request, response) =>
      request.headers.range ? response.writeHead(416).end() : response.end(archive),
    );
    const folder = await emptyFolder();
    await writeFile(join(folder, '.tiny.zip.partial'), Buffer.alloc(100, 1));
    await download(url, archive, { folder });
    expect(requests.length).toBe(2);
  });

  test('a complete partial file needs no server', async () => {
    const folder = await emptyFolder();
    await writeFile(join(folder, '.tiny.zip.partial'), archive);
    await download('http://127.0.0.1:1/', archive, { folder });
    expect(await readdir(folder)).toEqual(['tiny']);
  });
});

describe('a download that fails leaves no release behind', () => {
  const archive = zipOf(good);

  async function expectFailure(listener: RequestListener, message: RegExp, setting: Setting = {}) {
    const { url } = await serve(listener);
    const folder = await emptyFolder();
    await expect(download(url, archive, { folder, ...setting })).rejects.toThrow(message);
    const left = await readdir(folder);
    expect(left).not.toContain('tiny');
    return left;
  }
  const half = (response: ServerResponse) => response.write(archive.subarray(0, 150));

  test('a connection cut in the middle keeps the beginning', async () => {
    const left = await expectFailure((_, response) => {
      response.writeHead(200, { 'content-length': archive.length });
      half(response);
      setTimeout(() => response.destroy(), 50);
    }, /the connection failed.*it goes on from where it stopped/);
    expect(left).toEqual(['.tiny.zip.partial']);
  });

  test('a body shorter than the release keeps the beginning', async () => {
    const left = await expectFailure(
      (_, response) => response.end(archive.subarray(0, 150)),
      new RegExp(`150 bytes, expected ${archive.length}`),
    );
    expect(left).toEqual(['.tiny.zip.partial']);
  });

  test('a body longer than the release is thrown away', async () => {
    const left = await expectFailure(
      (_, response) => response.end(Buffer.alloc(archive.length + 1)),
      /more than \d+ bytes/,
    );
    expect(left).toEqual([]);
  });

  test('a wrong checksum is named and the file thrown away', async () => {
    const other = Buffer.from(archive);
    other[60]! ^= 1;
    const left = await expectFailure(
      (_, response) => response.end(other),
      /md5 [0-9a-f]{32}, expected [0-9a-f]{32}/,
    );
    expect(left).toEqual([]);
  });

  test('404', async () => {
    await expectFailure((_, response) => response.writeHead(404).end(), /the server answers 404 Not Found/);
  });

  test('a server that stalls keeps the beginning', async () => {
    const left = await expectFailure((_, response) => half(response), /nothing came for 0\.2 s/, {
      stallMilliseconds: 200,
    });
    expect(left).toEqual(['.tiny.zip.partial']);
  });

  test('a server that never answers', async () => {
    await expectFailure(() => {}, /nothing came for 0\.1 s/, { stallMilliseconds: 100 });
  });

  test('no connection at all names the code and the embedded data', async () => {
    const folder = await emptyFolder();
    await expect(download('http://127.0.0.1:1/', archive, { folder })).rejects.toThrow(
      /the connection failed \(.+\).*--url names a mirror.*ml-latest-small-2016 needs no download/,
    );
  });

  test('Ctrl-C keeps the beginning and the next run completes it', async () => {
    const controller = new AbortController();
    const { url } = await serve((_, response) => {
      half(response);
      setTimeout(() => controller.abort(), 100);
    });
    const folder = await emptyFolder();
    const stopped = download(url, archive, { folder, signal: controller.signal });
    await expect(stopped).rejects.toThrow(/stopped: .* are kept\. The same command goes on from there/);
    await expect(stopped).rejects.toHaveProperty('exitCode', 130);
    expect(await readFile(join(folder, '.tiny.zip.partial'))).toEqual(archive.subarray(0, 150));

    const better = await serve(withRanges(archive));
    await download(better.url, archive, { folder });
    expect(better.requests[0]!.headers.range).toBe('bytes=150-');
    expect(await readdir(folder)).toEqual(['tiny']);
  });
});

describe('an archive that is not safe is refused', () => {
  const evil: [what: string, entry: ZipEntry, message: RegExp][] = [
    ['a path upwards', { name: 'tiny/../../evil', content: 'x' }, /damaged archive \(invalid relative path/],
    ['an absolute path', { name: '/tmp/evil', content: 'x' }, /damaged archive \(absolute path/],
    ['a path upwards with backslashes', { name: 'tiny\\..\\..\\evil', content: 'x' }, /damaged archive/],
    [
      'a file outside the folder',
      { name: 'other/evil', content: 'x' },
      /other\/evil: .* is not in the folder tiny\//,
    ],
    ['a symbolic link', { name: 'tiny/link', content: '/etc/passwd', mode: 0o120777 }, /is a symbolic link/],
    ['a file twice', { name: 'tiny/ratings.csv', content: 'x' }, /EEXIST/],
    [
      'a bomb: 3 MB of zeros in 3 kB',
      { name: 'tiny/bomb', content: Buffer.alloc(3e6), deflate: true },
      /unpacks to more than 30 times/,
    ],
  ];
  test.each(evil)('%s', async (_, entry, message) => {
    const archive = zipOf([...good, entry]);
    const { url } = await serve(withRanges(archive));
    const folder = await emptyFolder();
    await expect(download(url, archive, { folder })).rejects.toThrow(message);
    expect(await readdir(folder)).not.toContain('tiny');
    expect(existsSync(join(folder, '..', 'evil'))).toBe(false);
  });

  test('something that is no zip', async () => {
    const archive = Buffer.from('<html>Sign in to this network</html>');
    const { url } = await serve(withRanges(archive));
    await expect(download(url, archive)).rejects.toThrow(/a damaged archive/);
  });
});
