/** Unpacks the archive of a release: files of one known folder, nothing outside it, no links, no bombs. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Entry } from 'yauzl';
import { DataError } from '../../util/errors.ts';
import { systemError } from '../../util/process/system-errors.ts';
import { isData, spreadsheetError } from '../files/content.ts';

/** Unpacked, an archive may be at most this many times its own size; MovieLens' are 3 to 5 times. */
const MAX_RATIO = 30;
/** The same for archives that people made. */
const MAX_RATIO_OF_OTHERS = 300;
const SYMLINK_MODE = 0o120000;
const FILE_TYPE_MASK = 0o170000;

export interface UnzipOptions {
  /** The folder of the archive whose files are written, without its name; undefined for all files, in their folders. */
  folder: string | undefined;
  /** Size of the archive. */
  bytes: number;
  target: string;
  signal?: AbortSignal;
}

/**
 * Writes the files of the archive into `target`, which must not hold any of them yet. Throws DataError when the archive
 * is no zip, is damaged, is a spreadsheet, or holds an entry that is encrypted, a link, outside `folder`, there twice, or
 * too large.
 */
export async function unzip(archive: string, { folder, bytes, target, signal }: UnzipOptions): Promise<void> {
  try {
    const { openPromise } = await import('yauzl');
    const zip = await openPromise(archive);
    try {
      let total = 0;
      const maxRatio = folder === undefined ? MAX_RATIO_OF_OTHERS : MAX_RATIO;
      for await (const entry of zip.eachEntry()) {
        const path = pathOf(entry, archive, folder, target);
        total += entry.uncompressedSize;
        if (total > bytes * maxRatio) {
          throw entryError(entry, `unpacks to more than ${maxRatio} times the archive`);
        }
        if (path === undefined) continue;
        await mkdir(dirname(path), { recursive: true });
        // 'wx': never through or over something that is there. yauzl holds the stream to the declared size.
        await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path, { flags: 'wx' }), {
          signal,
        });
      }
    } finally {
      zip.close();
    }
  } catch (cause) {
    if (cause instanceof DataError || signal?.aborted) throw cause;
    const isTwice = (cause as NodeJS.ErrnoException).code === 'EEXIST'; // an entry that is there twice
    const reason = isTwice ? undefined : systemError(cause, dirname(target));
    if (reason) throw reason;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DataError({
      place: archive,
      found: `a damaged archive (${message})`,
      remedy: 'Download or copy it again.',
      cause,
    });
  }
}

/** Where an entry goes; undefined for a folder. */
function pathOf(
  entry: Entry,
  archive: string,
  folder: string | undefined,
  target: string,
): string | undefined {
  const name = entry.fileName; // yauzl refuses absolute names, drive letters and ".."
  if (name.endsWith('/')) return undefined;
  if (name === '[Content_Types].xml') throw spreadsheetError(archive);
  if (folder === undefined && !isData(name)) return undefined;
  if (folder !== undefined && !name.startsWith(`${folder}/`)) {
    throw entryError(entry, `is not in the folder ${folder}/`);
  }
  if (((entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK) === SYMLINK_MODE)
    throw entryError(entry, 'is a symbolic link');
  if (!entry.canDecodeFileData())
    throw entryError(entry, `is ${entry.isEncrypted() ? 'encrypted' : 'compressed in an unknown way'}`);
  const path = join(target, folder === undefined ? name : name.slice(folder.length + 1));
  if (!path.startsWith(target + sep)) throw entryError(entry, 'leaves the folder');
  return path;
}

function entryError(entry: Entry, why: string): DataError {
  return new DataError({
    place: entry.fileName,
    found: `an entry of the archive that ${why}`,
    wanted: 'the plain files of a release',
    remedy: 'Nothing was unpacked. Unpack it by hand, or download it again from a place you trust.',
  });
}
