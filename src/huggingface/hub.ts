/**
 * Models from the Hugging Face hub, kept in the cache that huggingface_hub uses, so that neither program downloads
 * what the other has: `models--OWNER--NAME/` with `blobs/` (by content hash), `snapshots/COMMIT/` (links to blobs)
 * and `refs/main` (the commit). HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are respected.
 */
import { createHash } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { access, copyFile, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { RecsysError } from '../util/errors.ts';
import { writeFileAtomic } from '../util/files.ts';
import type { Progress, ProgressTask } from '../util/progress.ts';
import { shardIndexFile, shardNames, weightsFile } from './shards.ts';

type Environment = Record<string, string | undefined>;

/** What a download needs besides the model's name. */
export interface HubContext {
  progress: Progress;
  signal: AbortSignal;
  /** `process.env`, or a test's. */
  env?: Environment;
}

/** Where the hub and its cache are. */
interface Hub {
  endpoint: string;
  cache: string;
  offline: boolean;
  headers: Record<string, string>;
}

/** A file as the hub describes it. */
interface RemoteFile {
  name: string;
  commit: string;
  /** Content hash: SHA-256 of large files, git's SHA-1 of others. Names the blob. */
  etag: string;
  bytes: number;
}

const MEGABYTE = 1e6;
const required = ['config.json'];
const optional = ['tokenizer.json', 'tokenizer_config.json', 'vocab.json', 'merges.txt'];

/**
 * The folder of `--model MODEL`: a folder as it is, else a model on the hub. Throws RecsysError when it is neither.
 */
export async function modelFolder(model: string, context: HubContext): Promise<string> {
  const isFolder = await stat(model).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return model;
  if (/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(model)) return await downloadModel(model, context);
  throw new RecsysError({
    place: `--model ${model}`,
    found: 'no such folder',
    wanted: 'a folder, or a name on the Hugging Face hub such as openai-community/gpt2',
  });
}

/**
 * The folder of model `name` ("openai-community/gpt2") in the cache, downloading what is missing. Without network the
 * cached copy is used if it is complete. A stopped download is resumed by the next; a file appears under its name only
 * when its hash is right. Throws RecsysError naming the ways around when it cannot be had.
 */
export async function downloadModel(name: string, context: HubContext): Promise<string> {
  const hub = hubOf(context.env ?? process.env);
  const store = join(hub.cache, `models--${name.replaceAll('/', '--')}`);
  if (hub.offline) return await cached(name, store, 'HF_HUB_OFFLINE is set');
  try {
    return await download(name, store, hub, context);
  } catch (cause) {
    if (context.signal.aborted || cause instanceof RecsysError) throw cause;
    return await cached(name, store, `${hub.endpoint} cannot be reached`, cause);
  }
}

function hubOf(env: Environment): Hub {
  const home = env['HF_HOME'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'huggingface');
  const token = env['HF_TOKEN'];
  return {
    endpoint: (env['HF_ENDPOINT'] ?? 'https://huggingface.co').replace(/\/+$/, ''),
    cache: env['HF_HUB_CACHE'] ?? join(home, 'hub'),
    offline: ['1', 'true', 'yes', 'on'].includes((env['HF_HUB_OFFLINE'] ?? '').toLowerCase()),
    headers: token ? { authorization: `Bearer ${token}` } : {},
  };
}

async function download(name: string, store: string, hub: Hub, context: HubContext): Promise<string> {
  const first = await describe(name, 'main', required[0]!, hub, context);
  if (first === undefined) throw notThere(name, 'config.json');
  const { commit } = first;
  const folder = join(store, 'snapshots', commit);
  const fetchFile = async (file: string) => {
    const remote = file === first.name ? first : await describe(name, commit, file, hub, context);
    if (remote !== undefined) await fetchInto(remote, name, store, hub, context);
    return remote !== undefined;
  };
  await fetchFile('config.json');
  for (const file of optional) await fetchFile(file);
  if (!(await fetchFile(weightsFile))) {
    if (!(await fetchFile(shardIndexFile))) throw notThere(name, weightsFile);
    for (const shard of await shardNames(join(folder, shardIndexFile))) {
      if (!(await fetchFile(shard))) throw notThere(name, shard);
    }
  }
  await writeFileAtomic(join(store, 'refs', 'main'), commit);
  return folder;
}

/** Asks for a file's commit, hash and size; undefined when the repository has no such file. */
async function describe(
  name: string,
  revision: string,
  file: string,
  hub: Hub,
  { signal }: HubContext,
): Promise<RemoteFile | undefined> {
  let url = `${hub.endpoint}/${name}/resolve/${revision}/${file}`;
  for (let hop = 0; hop < 5; hop++) {
    // A redirect to another host leads to the content; its description stands in the redirecting answer.
    const init = { method: 'HEAD', redirect: 'manual' as const, signal };
    const response = await fetch(url, {
      ...init,
      headers: { ...hub.headers, 'accept-encoding': 'identity' },
    });
    const target = response.headers.get('location');
    if (target?.startsWith('/') && !response.headers.has('x-linked-etag')) {
      url = new URL(target, url).href;
      continue;
    }
    if (response.status === 404 && response.headers.get('x-error-code') === 'EntryNotFound') return undefined;
    if (response.status >= 400) throw refused(name, response.status);
    const { headers } = response;
    const etag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^(W\/)?"|"$/g, '');
    const commit = headers.get('x-repo-commit') ?? '';
    if (!/^[0-9a-f]{40}$/.test(commit) || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(etag)) {
      throw new RecsysError({
        place: url,
        found: 'no commit and content hash',
        wanted: 'a Hugging Face hub',
      });
    }
    const bytes = Number(headers.get('x-linked-size') ?? headers.get('content-length'));
    return { name: file, commit, etag, bytes };
  }
  throw new RecsysError({ place: url, found: 'too many redirects' });
}

/** Downloads a file unless its blob is there, and links it into the snapshot. */
async function fetchInto(
  file: RemoteFile,
  name: string,
  store: string,
  hub: Hub,
  context: HubContext,
): Promise<void> {
  const blob = join(store, 'blobs', file.etag);
  const link = join(store, 'snapshots', file.commit, file.name);
  if (!(await exists(blob))) {
    const part = `${blob}.incomplete`;
    await mkdir(dirname(blob), { recursive: true });
    const task = context.progress.start(`${name}: ${file.name}`, Math.ceil(file.bytes / MEGABYTE), 'MB');
    try {
      await append(
        part,
        `${hub.endpoint}/${name}/resolve/${file.commit}/${file.name}`,
        file,
        hub,
        context,
        task,
      );
    } finally {
      task.finish();
    }
    await verify(part, file);
    await rename(part, blob);
  }
  await mkdir(dirname(link), { recursive: true });
  await rm(link, { force: true });
  // Windows without developer mode refuses links.
  await symlink(relative(dirname(link), blob), link).catch(() =>
    copyFile(blob, link, constants.COPYFILE_EXCL),
  );
}

/** Continues `part` from where it ends. */
async function append(
  part: string,
  url: string,
  file: RemoteFile,
  hub: Hub,
  { signal }: HubContext,
  task: ProgressTask,
): Promise<void> {
  const have = await stat(part).then(
    ({ size }) => size,
    () => 0,
  );
  if (have >= file.bytes && have > 0) return;
  const range: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const headers = { ...hub.headers, ...range, 'accept-encoding': 'identity' };
  const response = await fetch(url, { headers, signal });
  if (!response.ok || response.body === null) throw refused(url, response.status);
  const resumed = response.status === 206;
  let pending = resumed ? have : 0;
  const count = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      pending += chunk.length;
      const whole = Math.floor(pending / MEGABYTE);
      pending -= whole * MEGABYTE;
      if (whole > 0) task.advance(whole);
      done(null, chunk);
    },
  });
  const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
  await pipeline(body, count, createWriteStream(part, { flags: resumed ? 'a' : 'w', flush: true }), {
    signal,
  });
}

/** Throws and removes the file when its content is not what the hub announced. */
async function verify(part: string, { name, etag, bytes }: RemoteFile): Promise<void> {
  const { size } = await stat(part);
  const hash = createHash(etag.length === 64 ? 'sha256' : 'sha1');
  if (etag.length === 40) hash.update(`blob ${size}\0`); // as git names a blob
  for await (const chunk of createReadStream(part)) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found === etag) return;
  await rm(part, { force: true });
  throw new RecsysError({
    place: name,
    found: `${size} bytes with hash ${found}`,
    wanted: `${bytes} bytes with hash ${etag}`,
    remedy: 'The download was damaged and is removed; run again.',
  });
}

/** The last complete snapshot. Throws RecsysError with the ways around when there is none. */
async function cached(name: string, store: string, why: string, cause?: unknown): Promise<string> {
  const commit = await readFile(join(store, 'refs', 'main'), 'utf8').catch(() => '');
  const folder = join(store, 'snapshots', commit.trim());
  if (commit !== '' && (await complete(folder))) return folder;
  throw new RecsysError({
    place: `--model ${name}`,
    found: `not in the cache (${store}), and ${why}`,
    wanted: 'a model',
    remedy:
      'Use --model DIR with a folder that holds config.json, model.safetensors and a tokenizer, or train a small ' +
      'model without any download: --init scratch --preset tiny|mini|small.',
    cause,
  });
}

async function complete(folder: string): Promise<boolean> {
  if (!(await exists(join(folder, 'config.json')))) return false;
  if (await exists(join(folder, weightsFile))) return true;
  const shards = await shardNames(join(folder, shardIndexFile)).catch(() => []);
  const there = await Promise.all(shards.map((shard) => exists(join(folder, shard))));
  return there.length > 0 && there.every(Boolean);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function notThere(name: string, file: string): RecsysError {
  return new RecsysError({
    place: `--model ${name}`,
    found: `a repository without ${file}`,
    wanted: 'a GPT-2 in safetensors form, such as openai-community/gpt2',
  });
}

/** An answer that the person can do something about; a server in trouble counts as one that cannot be reached. */
function refused(name: string, status: number): Error {
  if (status >= 500) return new Error(`HTTP ${status}`);
  const locked = status === 401 || status === 403;
  return new RecsysError({
    place: `--model ${name}`,
    found: locked || status === 404 ? `no such model, or not for you (HTTP ${status})` : `HTTP ${status}`,
    wanted: 'a model on the Hugging Face hub',
    remedy: locked
      ? 'Check the name; for a private model set HF_TOKEN.'
      : 'Check the name, or use --model DIR or --init scratch --preset tiny|mini|small.',
  });
}
