/** Fetches a release: download with resume, size and checksum, safe unpacking, and only then its final name. */
import { existsSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { download, MEGABYTE } from '../../util/network/download.ts';
import { AbortedError, RecsysError } from '../../util/errors.ts';
import { removeLeftovers, requireFolder } from '../../util/files.ts';
import { lock, temporaryName } from '../../util/process/lock.ts';
import type { Progress } from '../../util/progress.ts';
import { dataFolder, type Release } from './catalogue.ts';
import { addressOf } from '../../util/network/urls.ts';
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
    throw new RecsysError({
      found: `${release.name} is part of this program; there is nothing to download`,
      remedy: `Use it as it is: --dataset ${release.name}.`,
    });
  const parent = options.folder ?? dataFolder();
  const target = join(parent, release.name);
  if (existsSync(target)) {
    options.progress.note(`${target} is there already.`);
    return target;
  }
  const partial = join(parent, `.${release.name}.zip.partial`);
  const unpacked = temporaryName(target);
  await requireFolder(parent);
  await removeLeftovers(parent);
  const held = await lock(target, 'Wait for it.');
  try {
    const url = options.url ?? archive.url;
    await download({
      url,
      partial,
      label: release.name,
      bytes: archive.bytes,
      checksum: archive.checksum,
      whenUnreachable:
        'Check the network and run the command again: it goes on from where it stopped. --url names a mirror ' +
        '(whose archive must have the same checksum). The embedded ml-latest-small-2016 needs no download.',
      whenDamaged:
        'The file was not what GroupLens released and is deleted. Download it again, or from another mirror.',
      refusalError: (response) => refusalError(addressOf(url).shown, response),
      progress: options.progress,
      signal: options.signal,
      stallMilliseconds: options.stallMilliseconds,
    });
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
    const kept = Math.floor(sizeOf(partial) / MEGABYTE);
    throw new AbortedError({
      found: `stopped: ${kept} of ${Math.ceil(archive.bytes / MEGABYTE)} MB are kept`,
      remedy: 'The same command goes on from there.',
      cause,
    });
  } finally {
    await rm(unpacked, { recursive: true, force: true });
    await held.release();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function refusalError(url: string, { status, statusText }: Response): RecsysError {
  return new RecsysError({
    place: url,
    found: `the server answers ${status} ${statusText}`.trimEnd(),
    wanted: '200 OK',
    remedy: '--url names a mirror.',
  });
}
