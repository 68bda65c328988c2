/**
 * Models from the Hugging Face hub, kept in the cache that huggingface_hub uses, so that neither program downloads
 * what the other has: `models--OWNER--NAME/` with `blobs/` (by content hash), `snapshots/COMMIT/` (links to blobs)
 * and `refs/main` (the commit). HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are respected.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ConnectionError, download, type Checksum } from '../util/network/download.ts';
import { RecsysError } from '../util/errors.ts';
import { exists, writeFileAtomic, xdgFolder } from '../util/files.ts';
import { withLocks } from '../util/process/lock.ts';
import type { Progress } from '../util/progress.ts';
import { addressOf } from '../util/network/urls.ts';
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

/** One model: where it comes from and where it goes. */
interface Repository extends Hub, Pick<HubContext, 'progress' | 'signal'> {
  name: string;
  /** The repository's folder in the cache. */
  store: string;
}

/** A file as the hub describes it. */
interface RemoteFile {
  name: string;
  commit: string;
  /** Content hash: SHA-256 of large files, git's SHA-1 of others. Names the blob. */
  etag: string;
  /** Undefined where the hub does not say. */
  bytes: number | undefined;
}

/** Redirects that a question for one file may take. */
const MAX_REDIRECTS = 5;
const configFile = 'config.json';
/** What a repository of adapters alone has in place of it and of the weights. */
export const adapterFiles = { config: 'adapter_config.json', weights: 'adapter_model.safetensors' };
const optionalFiles = ['tokenizer.json', 'tokenizer_config.json', 'vocab.json', 'merges.txt'];

/**
 * The folder of `--model MODEL`: a folder as it is, else a model on the hub. Throws RecsysError when it is neither, naming
 * the `place` where it is asked for.
 */
export async function modelFolder(
  model: string,
  context: HubContext,
  place = `--model ${model}`,
): Promise<string> {
  const isFolder = await stat(model).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return model;
  if (/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(model)) return await downloadModel(model, context);
  throw new RecsysError({
    place,
    found: 'no such folder',
    wanted: 'a folder, or a name on the Hugging Face hub such as openai-community/gpt2',
  });
}

/**
 * The folder of model `name` ("openai-community/gpt2") in the cache, downloading what is missing. Without network the
 * cached copy is used if it is complete. A stopped download is resumed by the next; a file appears under its name only
 * when its hash is right. Throws RecsysError naming the ways around when it cannot be had.
 */
export async function downloadModel(name: string, { env, progress, signal }: HubContext): Promise<string> {
  const hub = hubOf(env ?? process.env);
  const store = join(hub.cache, `models--${name.replaceAll('/', '--')}`);
  const repository = { ...hub, name, store, progress, signal };
  if (hub.offline) return await cachedSnapshot(repository, 'HF_HUB_OFFLINE is set');
  try {
    return await fetchSnapshot(repository);
  } catch (cause) {
    const unreachable = !(cause instanceof RecsysError) || cause instanceof ConnectionError;
    if (signal.aborted || !unreachable) throw cause;
    return await cachedSnapshot(repository, `${hub.endpoint} cannot be reached`, cause);
  }
}

function hubOf(env: Environment): Hub {
  const home = env['HF_HOME'] ?? join(xdgFolder('cache', env), 'huggingface');
  const token = env['HF_TOKEN'];
  const address = addressOf((env['HF_ENDPOINT'] ?? 'https://huggingface.co').replace(/\/+$/, ''));
  return {
    endpoint: address.url.replace(/\/+$/, ''),
    cache: env['HF_HUB_CACHE'] ?? join(home, 'hub'),
    offline: ['1', 'true', 'yes', 'on'].includes((env['HF_HUB_OFFLINE'] ?? '').toLowerCase()),
    headers: token ? { authorization: `Bearer ${token}` } : address.headers,
  };
}

async function fetchSnapshot(repository: Repository): Promise<string> {
  const { name, store } = repository;
  const first =
    (await describeFile(repository, 'main', configFile)) ??
    (await describeFile(repository, 'main', adapterFiles.config));
  if (first === undefined) throw missingFileError(name, configFile);
  const { commit } = first;
  const folder = join(store, 'snapshots', commit);
  const fetchFile = async (file: string) => {
    const remote = file === first.name ? first : await describeFile(repository, commit, file);
    if (remote !== undefined) await fetchInto(repository, remote);
    return remote !== undefined;
  };
  await fetchFile(first.name);
  if (first.name === adapterFiles.config) {
    if (!(await fetchFile(adapterFiles.weights))) throw missingFileError(name, adapterFiles.weights);
  } else {
    for (const file of optionalFiles) await fetchFile(file);
    if (!(await fetchFile(weightsFile))) {
      if (!(await fetchFile(shardIndexFile))) throw missingFileError(name, weightsFile);
      for (const shard of await shardNames(join(folder, shardIndexFile))) {
        if (!(await fetchFile(shard))) throw missingFileError(name, shard);
      }
    }
  }
  await writeFileAtomic(join(store, 'refs', 'main'), commit);
  return folder;
}

/** Asks for a file's commit, hash and size; undefined when the repository has no such file. */
async function describeFile(
  { endpoint, name, headers, signal }: Repository,
  revision: string,
  file: string,
): Promise<RemoteFile | undefined> {
  let url = `${endpoint}/${name}/resolve/${revision}/${file}`;
  for (let redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
    const response = await fetch(url, {
      method: 'HEAD',
      redirect: 'manual',
      headers: { ...headers, 'accept-encoding': 'identity' },
      signal,
    });
    // Within the host a repository has another name. A redirect to another host leads to the content; its description
    // stands in the redirecting answer, and the token must not go there.
    const target = redirectTarget(response, url);
    if (target !== undefined && !response.headers.has('x-linked-etag')) {
      url = target;
      continue;
    }
    if (response.status === 404 && response.headers.get('x-error-code') === 'EntryNotFound') return undefined;
    if (response.status >= 400) throw refusalError(name, response.status);
    return remoteFile(file, url, response.headers);
  }
  throw new RecsysError({ place: url, found: 'too many redirects' });
}

/** Where an answer redirects to on the same host; undefined when it does not, or leads to another host. */
function redirectTarget({ headers }: Response, url: string): string | undefined {
  const location = headers.get('location');
  if (location === null || !URL.canParse(location, url)) return undefined;
  const target = new URL(location, url);
  return target.origin === new URL(url).origin ? target.href : undefined;
}

/** Throws RecsysError when the headers do not describe a file as a hub does. */
function remoteFile(name: string, url: string, headers: Headers): RemoteFile {
  const etag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^(W\/)?"|"$/g, '');
  const commit = headers.get('x-repo-commit') ?? '';
  if (!/^[0-9a-f]{40}$/.test(commit) || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(etag)) {
    throw new RecsysError({ place: url, found: 'no commit and content hash', wanted: 'a Hugging Face hub' });
  }
  const size = headers.get('x-linked-size') ?? headers.get('content-length');
  return { name, commit, etag, bytes: size === null ? undefined : Number(size) };
}

/** Downloads a file unless its blob is there, and links it into the snapshot. */
async function fetchInto(repository: Repository, file: RemoteFile): Promise<void> {
  const { store, name, endpoint, headers, progress, signal } = repository;
  const blob = join(store, 'blobs', file.etag);
  const link = join(store, 'snapshots', file.commit, file.name);
  if (!(await exists(blob))) {
    const partial = `${blob}.incomplete`;
    await mkdir(dirname(blob), { recursive: true });
    await withLocks([blob], 'Wait for it.', async () => {
      await download({
        url: `${endpoint}/${name}/resolve/${file.commit}/${file.name}`,
        partial,
        label: `${name}: ${file.name}`,
        bytes: file.bytes,
        checksum: checksumOf(file.etag),
        headers,
        whenUnreachable: 'Run again: the download goes on from where it stopped.',
        whenDamaged: 'The download was damaged and is removed; run again.',
        refusalError: ({ status }) => refusalError(name, status),
        progress,
        signal,
      });
      await rename(partial, blob);
    });
  }
  await mkdir(dirname(link), { recursive: true });
  await rm(link, { force: true });
  // Windows without developer mode refuses links.
  await symlink(relative(dirname(link), blob), link).catch(() =>
    copyFile(blob, link, constants.COPYFILE_EXCL),
  );
}

/** SHA-256 of large files; of others git's name of a blob. */
function checksumOf(etag: string): Checksum {
  if (etag.length === 64) return { algorithm: 'sha256', value: etag };
  return { algorithm: 'sha1', value: etag, prefix: (bytes) => `blob ${bytes}\0` };
}

/** The last complete snapshot. Throws RecsysError with the ways around when there is none. */
async function cachedSnapshot({ name, store }: Repository, why: string, cause?: unknown): Promise<string> {
  const commit = await readFile(join(store, 'refs', 'main'), 'utf8').catch(() => '');
  const folder = join(store, 'snapshots', commit.trim());
  if (commit !== '' && (await isComplete(folder))) return folder;
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

async function isComplete(folder: string): Promise<boolean> {
  const adapter = await Promise.all(Object.values(adapterFiles).map((file) => exists(join(folder, file))));
  if (adapter.every(Boolean)) return true;
  if (!(await exists(join(folder, configFile)))) return false;
  if (await exists(join(folder, weightsFile))) return true;
  const shards = await shardNames(join(folder, shardIndexFile)).catch(() => []);
  const there = await Promise.all(shards.map((shard) => exists(join(folder, shard))));
  return there.length > 0 && there.every(Boolean);
}

function missingFileError(name: string, file: string): RecsysError {
  return new RecsysError({
    place: `--model ${name}`,
    found: `a repository without ${file}`,
    wanted: 'a GPT-2 in safetensors form, such as openai-community/gpt2',
  });
}

/** An answer that the person can do something about; a server in trouble counts as one that cannot be reached. */
function refusalError(name: string, status: number): Error {
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
