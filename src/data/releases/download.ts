/** Fetches a release: download with resume, size and checksum, safe unpacking, and only then its final name. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AbortedError, DataError, RecsysError, throwIfAborted } from '../../util/errors.ts';
import type { Progress, ProgressTask } from '../../util/progress.ts';
import { dataFolder, type Release } from './catalogue.ts';
import { unzip } from './unzip.ts';

export interface DownloadOptions {
  /** Address of the archive elsewhere. Its size and checksum must be the same. */
  url?: string;
  /** Folder to put the release in; by default `dataFolder()`. */
  folder?: string;
  progress: Progress;
  signal: AbortSignal;
  /** Give up after this long without a byte. */
  stallMilliseconds?: number;
}

const MB = 1_000_000;

/**
 * Downloads and unpacks a release, and returns its folder. One that is there already is left alone.
 *
 * Interrupted, by Ctrl-C or by the network, it keeps what it has in a hidden file beside the target and goes on from
 * there next time. Throws AbortedError for the former; RecsysError for no connection, a refusal or a stall; DataError
 * when size or checksum differ, or when the archive is not safe to unpack.
 */
export async function downloadRelease(release: Release, options: DownloadOptions): Promise<string> {
  const { archive } = release;
  if (!archive)
    throw new RecsysError(`${release.name} is part of this program; there is nothing to download.`);
  const parent = options.folder ?? dataFolder();
  const target = join(parent, release.name);
  if (existsSync(target)) {
    options.progress.note(`${target} is there already.`);
    return target;
  }
  const partial = join(parent, `.${release.name}.zip.partial`);
  const unpacked = join(parent, `.${release.name}.${process.pid}.unpacking`);
  await mkdir(parent, { recursive: true });
  try {
    await fetchArchive(options.url ?? archive.url, archive.bytes, partial, release.name, options);
    await checkSum(partial, archive.checksum);
    await unzip(partial, {
      folder: archive.folder,
      bytes: archive.bytes,
      target: unpacked,
      signal: options.signal,
    });
    await rename(unpacked, target);
    await rm(partial);
    return target;
  } catch (cause) {
    if (!options.signal.aborted) throw cause;
    const kept = Math.floor(sizeOf(partial) / MB);
    throw new AbortedError({
      found: `stopped: ${kept} of ${Math.ceil(archive.bytes / MB)} MB are kept`,
      remedy: 'The same command goes on from there.',
      cause,
    });
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** Completes `partial`, from where it ends if the server can, else from the start. */
async function fetchArchive(
  url: string,
  bytes: number,
  partial: string,
  name: string,
  { progress, signal, stallMilliseconds = 30_000 }: DownloadOptions,
): Promise<void> {
  const have = sizeOf(partial);
  if (have === bytes) return;
  if (have > bytes) await rm(partial);
  throwIfAborted(signal);
  const watchdog = new Watchdog(signal, stallMilliseconds);
  const task = progress.start(`downloading ${name}`, Math.ceil(bytes / MB), 'MB');
  try {
    const response = await request(url, have < bytes ? have : 0, watchdog.signal);
    await save(response, partial, bytes, url, task, watchdog);
  } catch (cause) {
    if (signal.aborted || cause instanceof RecsysError) throw cause;
    if (!watchdog.stalled) throw connectionError(url, cause);
    throw new RecsysError({
      place: url,
      found: `nothing came for ${stallMilliseconds / 1000} s`,
      remedy: 'Run the command again: it goes on from where it stopped. --url names a mirror.',
      cause,
    });
  } finally {
    watchdog.stop();
    task.finish();
  }
}

/** Aborts when the caller does, or when `feed` was not called for a while. */
class Watchdog {
  stalled = false;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal;
  readonly #forward = () => this.#controller.abort();

  constructor(outer: AbortSignal, milliseconds: number) {
    this.#outer = outer;
    outer.addEventListener('abort', this.#forward);
    this.#timer = setTimeout(() => {
      this.stalled = true;
      this.#controller.abort();
    }, milliseconds);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  feed(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#forward);
  }
}

async function request(url: string, from: number, signal: AbortSignal): Promise<Response> {
  const headers = { 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) };
  const response = await fetch(url, { headers, signal });
  const resumed =
    response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${from}-`);
  if (response.status === 200 || resumed) return response;
  await response.body?.cancel();
  if (from > 0) return request(url, 0, signal); // 416, or another range than asked for: from the start
  throw new RecsysError({
    place: url,
    found: `the server answers ${response.status} ${response.statusText}`.trimEnd(),
    wanted: '200 OK',
    remedy: '--url names a mirror.',
  });
}

/** Writes the body behind what `partial` holds (206) or over it (200). Throws when it is longer or shorter than it should be. */
async function save(
  response: Response,
  partial: string,
  bytes: number,
  url: string,
  task: ProgressTask,
  watchdog: Watchdog,
): Promise<void> {
  let have = response.status === 206 ? sizeOf(partial) : 0;
  task.advance(Math.floor(have / MB));
  const file = await open(partial, have > 0 ? 'a' : 'w');
  try {
    for await (const chunk of response.body ?? []) {
      watchdog.feed();
      await file.appendFile(chunk);
      task.advance(Math.floor((have + chunk.length) / MB) - Math.floor(have / MB));
      have += chunk.length;
      if (have > bytes) break;
    }
  } finally {
    await file.close();
  }
  if (have > bytes) {
    await rm(partial);
    throw new DataError({ place: url, found: `more than ${bytes} bytes`, wanted: `exactly ${bytes}` });
  }
  if (have < bytes) {
    throw new DataError({
      place: url,
      found: `${have} bytes`,
      wanted: String(bytes),
      remedy: 'Run the command again: it goes on from where it stopped.',
    });
  }
}

/** Deletes the archive when it is not the released one. */
async function checkSum(
  path: string,
  { algorithm, value }: { algorithm: string; value: string },
): Promise<void> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found === value) return;
  await rm(path);
  throw new DataError({
    place: path,
    found: `${algorithm} ${found}`,
    wanted: value,
    remedy:
      'The file was not what GroupLens released and is deleted. Download it again, or from another mirror.',
  });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function connectionError(url: string, cause: unknown): RecsysError {
  const { code, message } = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
  return new RecsysError({
    place: url,
    found: `the connection failed (${code ?? message})`,
    remedy:
      'Check the network and run the command again: it goes on from where it stopped. --url names a mirror ' +
      '(whose archive must have the same checksum). The embedded ml-latest-small-2016 needs no download.',
    cause,
  });
}
