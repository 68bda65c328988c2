import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadModel, modelFolder } from '../../src/huggingface/hub.ts';
import { silentProgress } from '../../src/util/progress.ts';

const commit = '607a30d783dfa663caf39e06633721c8d4cfcd7e';
const weights = Buffer.alloc(3_000_000, 'weights ');
const files: Record<string, Buffer> = {
  'config.json': Buffer.from('{"model_type": "gpt2"}'),
  'tokenizer.json': Buffer.from('{}'),
  'model.safetensors': weights,
};
const sha256 = createHash('sha256').update(weights).digest('hex');

/** A hub on loopback as huggingface.co behaves: large files redirect to another place, small ones are answered. */
class FakeHub {
  requests: { method: string; url: string; range?: string; authorization?: string }[] = [];
  /** Ends the connection in the middle of the weights this many times. */
  cuts = 0;
  status = 0;
  damaged = false;
  contentAt = '/cdn/weights';
  files = files;
  server: Server = createServer((request, response) => this.answer(request, response));

  answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const { range, authorization } = headers;
    this.requests.push({ method, url, ...(range && { range }), ...(authorization && { authorization }) });
    if (this.status !== 0) return void response.writeHead(this.status).end();
    if (url === '/cdn/weights') return this.sendWeights(range, response);
    if (url.startsWith('/gpt2/')) {
      return void response
        .writeHead(307, { location: url.replace('/gpt2/', '/openai-community/gpt2/') })
        .end();
    }
    const name = /^\/openai-community\/gpt2\/resolve\/(?:main|[0-9a-f]{40})\/(.+)$/.exec(url)?.[1] ?? '';
    const content = this.files[name];
    if (content === undefined) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    if (name === 'model.safetensors') {
      const linked = { 'x-linked-etag': `"${sha256}"`, 'x-linked-size': content.length };
      return void response
        .writeHead(302, { location: this.contentAt, 'x-repo-commit': commit, ...linked })
        .end();
    }
    const etag = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
    response.writeHead(200, { etag: `"${etag}"`, 'x-repo-commit': commit, 'content-length': content.length });
    response.end(method === 'HEAD' ? undefined : content);
  }

  sendWeights(range: string | undefined, response: ServerResponse): void {
    const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    const rest = Buffer.from(weights.subarray(from));
    if (this.damaged) rest[0] = 0;
    const { length } = weights;
    const resumed = { 'content-range': `bytes ${from}-${length - 1}/${length}` };
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, ...(from > 0 && resumed) });
    if (this.cuts-- > 0) response.write(rest.subarray(0, 1_000_000), () => response.destroy());
    else response.end(rest);
  }
}

const context = { progress: silentProgress, signal: new AbortController().signal };
let hub: FakeHub;
let home: string;
let env: Record<string, string>;
beforeEach(async () => {
  hub = new FakeHub();
  await new Promise<void>((resolve) => hub.server.listen(0, '127.0.0.1', resolve));
  home = await mkdtemp(join(tmpdir(), 'hub-'));
  env = { HF_HOME: home, HF_ENDPOINT: `http://127.0.0.1:${(hub.server.address() as AddressInfo).port}` };
});
afterEach(async () => {
  hub.server.closeAllConnections();
  hub.server.close();
  await rm(home, { recursive: true, force: true });
});

const store = () => join(home, 'hub', 'models--openai-community--gpt2');
const get = () => downloadModel('openai-community/gpt2', { ...context, env });

describe('a model from the hub', () => {
  it('lands in the layout of huggingface_hub: blobs by hash, a snapshot of links, refs/main', async () => {
    const folder = await get();
    expect(folder).toBe(join(store(), 'snapshots', commit));
    expect((await readdir(folder)).sort()).toEqual(Object.keys(files).sort());
    for (const [name, content] of Object.entries(files)) {
      expect((await readFile(join(folder, name))).equals(content)).toBe(true);
      expect((await lstat(join(folder, name))).isSymbolicLink()).toBe(true);
    }
    expect((await readFile(join(store(), 'blobs', sha256))).equals(weights)).toBe(true);
    expect(await readFile(join(store(), 'refs', 'main'), 'utf8')).toBe(commit);
  });

  it('may be adapters alone, which are had again without network', async () => {
    const adapter = {
      'adapter_config.json': Buffer.from('{}'),
      'adapter_model.safetensors': Buffer.from('a'),
    };
    hub.files = { ...adapter, 'README.md': Buffer.from('') };
    const folder = await get();
    expect((await readdir(folder)).sort()).toEqual(Object.keys(adapter));
    env['HF_HUB_OFFLINE'] = '1';
    expect(await get()).toBe(folder);
  });

  it('is refused where adapters lack their weights', async () => {
    hub.files = { 'adapter_config.json': Buffer.from('{}') };
    await expect(get()).rejects.toThrow(/without adapter_model.safetensors/);
  });

  it('is not downloaded twice', async () => {
    await get();
    hub.requests = [];
    await get();
    expect(hub.requests.filter(({ method }) => method === 'GET')).toEqual([]);
  });

  it('continues where a broken download stopped', async () => {
    hub.cuts = 1;
    await expect(get()).rejects.toThrow(/cannot be reached/);
    const [part] = (await readdir(join(store(), 'blobs'))).filter((name) => name.endsWith('.incomplete'));
    const have = (await lstat(join(store(), 'blobs', part!))).size;
    expect(have).toBeGreaterThan(0);
    const folder = await get();
    expect(hub.requests.at(-1)!.range).toBe(`bytes=${have}-`);
    expect((await readFile(join(folder, 'model.safetensors'))).equals(weights)).toBe(true);
  });

  it('is refused and removed when its hash is wrong', async () => {
    hub.damaged = true;
    await expect(get()).rejects.toThrow(
      /model\.safetensors: sha256 [0-9a-f]{64}, expected [0-9a-f]{64}\. The download was damaged/,
    );
    expect((await readdir(join(store(), 'blobs'))).some((name) => name.startsWith(sha256))).toBe(false);
  });

  it('is found under an old name that the hub redirects', async () => {
    await expect(downloadModel('gpt2', { ...context, env })).resolves.toContain('models--gpt2');
  });

  it('is asked for with HF_TOKEN, which no error shows', async () => {
    await downloadModel('openai-community/gpt2', { ...context, env: { ...env, HF_TOKEN: 'hf_secret' } });
    expect(hub.requests[0]!.authorization).toBe('Bearer hf_secret');
    hub.status = 403;
    const failed = downloadModel('o/private', { ...context, env: { ...env, HF_TOKEN: 'hf_secret' } });
    await expect(failed).rejects.toThrow(/no such model, or not for you \(HTTP 403\).*HF_TOKEN/);
    await expect(failed).rejects.not.toThrow(/hf_secret/);
  });

  describe('redirects to another host', () => {
    let other: FakeHub;
    let elsewhere: string;
    beforeEach(async () => {
      other = new FakeHub();
      await new Promise<void>((resolve) => other.server.listen(0, '127.0.0.1', resolve));
      elsewhere = `//127.0.0.1:${(other.server.address() as AddressInfo).port}`;
    });
    afterEach(() => {
      other.server.closeAllConnections();
      other.server.close();
    });
    const withToken = () =>
      downloadModel('openai-community/gpt2', { ...context, env: { ...env, HF_TOKEN: 'hf_secret' } });

    it('are not followed where a file is described, so that HF_TOKEN stays', async () => {
      hub.answer = ({ url }, response) => void response.writeHead(307, { location: elsewhere + url }).end();
      await expect(withToken()).rejects.toThrow(/no commit and content hash/);
      expect(other.requests).toEqual([]);
    });

    it('lead to the content without HF_TOKEN', async () => {
      hub.contentAt = `${elsewhere}/cdn/weights`;
      const folder = await withToken();
      expect((await readFile(join(folder, 'model.safetensors'))).equals(weights)).toBe(true);
      expect(other.requests).toEqual([{ method: 'GET', url: '/cdn/weights' }]);
    });
  });

  it('in shards is downloaded shard by shard, and a shard cannot be named outside its folder', async () => {
    const { 'model.safetensors': _, ...others } = files;
    const index = (shard: string) => Buffer.from(JSON.stringify({ weight_map: { 'wte.weight': shard } }));
    hub.files = {
      ...others,
      'a.safetensors': Buffer.from('a'),
      'model.safetensors.index.json': index('a.safetensors'),
    };
    expect(await readdir(await get())).toContain('a.safetensors');
    hub.files['model.safetensors.index.json'] = index('../../a');
    await expect(get()).rejects.toThrow(/no weight_map/);
  });
});

describe('without network', () => {
  const offline = () => ({ ...env, HF_ENDPOINT: 'http://127.0.0.1:9' });

  it('the error names a local folder and training from scratch', async () => {
    const failed = downloadModel('openai-community/gpt2', { ...context, env: offline() });
    await expect(failed).rejects.toThrow(/--model DIR .*--init scratch --preset tiny\|mini\|small/);
  });

  it('a complete cached model is used, an incomplete one is not', async () => {
    const folder = await get();
    expect(await downloadModel('openai-community/gpt2', { ...context, env: offline() })).toBe(folder);
    expect(
      await downloadModel('openai-community/gpt2', { ...context, env: { ...env, HF_HUB_OFFLINE: '1' } }),
    ).toBe(folder);
    await rm(join(folder, 'model.safetensors'));
    await expect(downloadModel('openai-community/gpt2', { ...context, env: offline() })).rejects.toThrow(
      /not in the cache/,
    );
  });
});

describe('--model', () => {
  it('takes a folder as it is and refuses a path that is none', async () => {
    const folder = join(home, 'my-model');
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), '{}');
    expect(await modelFolder(folder, { ...context, env })).toBe(folder);
    await expect(modelFolder('./nowhere/at/all', { ...context, env })).rejects.toThrow(/no such folder/);
    expect(hub.requests).toEqual([]);
  });
});
