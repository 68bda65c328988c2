/** What the operating system refuses, said as what it is. */
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

/** What the system says about `cause`: "the disk is full"; undefined when it does not come from the system. */
export function systemReason(cause: unknown): (Explanation & { code: string }) | undefined {
  if (isOutOfMemory(cause)) return { code: 'ENOMEM', ...explanations['ENOMEM']! };
  if (!(cause instanceof Error)) return undefined;
  const { code, syscall } = cause as NodeJS.ErrnoException;
  if (typeof code !== 'string') return undefined;
  if (Object.hasOwn(explanations, code)) return { code, ...explanations[code]! };
  return syscall === undefined ? undefined : { code, found: `the system reports ${code} (${syscall})` };
}

/**
 * The error for a person behind one of the system; undefined when there is none. `place` is the file, unless the system
 * names one.
 */
export function systemError(cause: unknown, place?: string): RecsysError | undefined {
  const reason = systemReason(cause);
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
