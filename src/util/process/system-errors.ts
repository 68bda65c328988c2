/** What the operating system refuses, said as what it is. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataError, type RecsysError } from '../errors.ts';

interface Explanation {
  found: string;
  remedy?: string;
}

/** By code of the system; https://man7.org/linux/man-pages/man3/errno.3.html */
const explanations: Record<string, Explanation> = {
  ENOSPC: { found: 'the disk is full', remedy: 'Free some space and run again.' },
  EDQUOT: { found: 'the disk quota is used up', remedy: 'Free some space and run again.' },
  EROFS: { found: 'the file system is read-only', remedy: 'Choose another folder.' },
  EACCES: { found: 'no permission', remedy: 'Check who may read and write there.' },
  EPERM: { found: 'the system does not permit it', remedy: 'Check who may read and write there.' },
  EMFILE: { found: 'this process has too many open files', remedy: 'Raise the limit (`ulimit -n 4096`).' },
  // what Node says where it cannot open a file of a package
  ERR_MODULE_NOT_FOUND: {
    found: 'a package that cannot be loaded: too many open files, or an incomplete installation',
    remedy: 'Raise the limit (`ulimit -n 4096`), or install again (`npm ci`).',
  },
  ENFILE: { found: 'the system has too many open files', remedy: 'Close other programs.' },
  EISDIR: { found: 'a folder', remedy: 'Name a file.' },
  ENOTDIR: { found: 'a file where a folder should be', remedy: 'Name another folder, or move the file.' },
  EEXIST: { found: 'a file where a folder should be', remedy: 'Name another folder, or move the file.' },
  ENOENT: { found: 'no such file or folder' },
  ELOOP: { found: 'symbolic links that lead in a circle' },
  ENAMETOOLONG: { found: 'a name that is too long for the file system' },
  EIO: { found: 'the disk cannot be read or written', remedy: 'Check the disk.' },
  EFBIG: { found: 'a file that is too large for the file system' },
  ENOMEM: {
    found: 'not enough memory',
    remedy: 'Close other programs, or use smaller data or a smaller model.',
  },
  EBUSY: { found: 'in use by another program' },
  ETXTBSY: { found: 'in use by another program' },
  ENXIO: { found: 'a device or pipe that nothing is behind' },
  ERR_FS_FILE_TOO_LARGE: { found: 'a file over 2 GiB', remedy: 'Use a smaller file.' },
  ERR_STRING_TOO_LONG: { found: 'more text than fits into memory', remedy: 'Use a smaller file.' },
  ERR_MEMORY_ALLOCATION_FAILED: {
    found: 'not enough memory',
    remedy: 'Use smaller data or a smaller model.',
  },
};

/** Codes with which Node.js reports a link to nothing, some of them as if a file stood there. */
const CODES_OF_LINKS = new Set(['ENOENT', 'EEXIST', 'ENOTDIR']);

/** What is to be said of the first symbolic link in `path` that leads to nothing; undefined where there is none. */
function brokenLink(path: string): string | undefined {
  const parent = dirname(path);
  const before = parent === path ? undefined : brokenLink(parent);
  if (before !== undefined) return before;
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (!isLink || existsSync(path)) return undefined;
  return `the symbolic link ${path} leads to ${readlinkSync(path)}, which is not there`;
}

/** `brokenLink` for an error that one may have caused. A path that cannot be looked at holds none. */
export function brokenLinkBehind(code: string, path: string | undefined): string | undefined {
  if (path === undefined || !CODES_OF_LINKS.has(code)) return undefined;
  try {
    return brokenLink(path);
  } catch {
    return undefined;
  }
}

/**
 * What the system says about `cause`: "the disk is full"; undefined when it does not come from the system. `path` is the
 * file, unless the system names one.
 */
export function systemReason(cause: unknown, path?: string): (Explanation & { code: string }) | undefined {
  if (isOutOfMemory(cause)) return { code: 'ENOMEM', ...explanations['ENOMEM']! };
  if (!(cause instanceof Error)) return undefined;
  const { code, syscall, path: named } = cause as NodeJS.ErrnoException;
  if (typeof code !== 'string') return undefined;
  const link = brokenLinkBehind(code, path ?? named);
  if (link !== undefined) return { code, found: link, remedy: 'Name another place, or remove the link.' };
  if (Object.hasOwn(explanations, code)) return { code, ...explanations[code]! };
  return syscall === undefined ? undefined : { code, found: `the system reports ${code} (${syscall})` };
}

/**
 * The error for a person behind one of the system; undefined when there is none. `place` is the file, unless the system
 * names one.
 */
export function systemError(cause: unknown, place?: string): RecsysError | undefined {
  const reason = systemReason(cause, place);
  if (reason === undefined) return undefined;
  const where = place ?? (cause as NodeJS.ErrnoException).path;
  const { found, remedy } = reason;
  return new DataError({
    ...(where !== undefined && { place: where }),
    found,
    ...(remedy !== undefined && { remedy }),
    cause,
  });
}

/** An array that the engine cannot allocate. */
function isOutOfMemory(cause: unknown): boolean {
  return (
    cause instanceof RangeError &&
    /array length|allocation failed|out of memory|buffer size/i.test(cause.message)
  );
}
