/** Files: atomic writes and hashes. */
import { createHash } from 'node:crypto';
import { createReadStream, type Dirent } from 'node:fs';
import { access, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DataError, RecsysError } from './errors.ts';
import { isLeftover, requireReplaceable, temporaryName } from './process/lock.ts';
import { brokenLinkBehind, systemError, systemReason } from './process/system-errors.ts';

/**
 * Writes a whole file or nothing: temporary file beside it, fsync, rename. Creates the folder, and removes from it what
 * processes that were killed have left. Content that is too large for one array can be given as chunks.
 * Throws RecsysError naming the file when the disk is full, the folder cannot be written, or a pipe or device has its name.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<string | Uint8Array>,
  { durable = true }: { durable?: boolean } = {},
): Promise<void> {
  await requireReplaceable(path);
  const temporary = temporaryName(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeLeftovers(dirname(path));
    const file = await open(temporary, 'wx');
    try {
      await writeFile(file, content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    if (cause instanceof RecsysError) throw cause; // of what made the content, such as Ctrl-C
    const code = (cause as NodeJS.ErrnoException).code ?? 'error';
    const reason = systemReason(cause, path);
    throw new RecsysError({
      place: path,
      found: `cannot be written: ${reason?.found ?? code} (${code})`,
      remedy: `${reason?.remedy ?? 'Check the folder and its permissions.'} The previous file is kept.`,
      cause,
    });
  }
}

/** Folders that this process has looked through. */
const tidied = new Set<string>();

/** Removes, once in each folder, the temporary files and folders of processes that have died. */
export async function removeLeftovers(folder: string): Promise<void> {
  if (tidied.has(folder)) return;
  tidied.add(folder);
  for (const name of (await readdir(folder).catch(() => [])).filter(isLeftover)) {
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Larger text files than this are not read whole. */
const MAX_TEXT_BYTES = 1 << 30;

/**
 * The size of a file in bytes. Throws DataError by cause, naming `wanted`, when it is not there, a folder, a pipe or a
 * device, or when the system does not let it be seen.
 */
export async function requireRegularFile(path: string, wanted: string): Promise<number> {
  const found = await stat(path).catch((cause: unknown) => {
    throw readError(path, wanted, cause);
  });
  if (found.isFile()) return found.size;
  throw new DataError({ place: path, found: found.isDirectory() ? 'a folder' : 'a pipe or device', wanted });
}

/** The bytes of a whole file. Throws DataError as `requireRegularFile` does, and for more than 1 GiB. */
export async function readWholeFile(path: string, wanted: string): Promise<Buffer<ArrayBuffer>> {
  const size = await requireRegularFile(path, wanted);
  if (size > MAX_TEXT_BYTES) throw new DataError({ place: path, found: `${size} bytes`, wanted });
  return await readFile(path).catch((cause: unknown) => {
    throw readError(path, wanted, cause);
  });
}

function readError(path: string, wanted: string, cause: unknown): unknown {
  const reason = systemReason(cause, path);
  if (reason === undefined) return cause;
  const other =
    reason.code === 'ENOENT' ? 'no such file' : `cannot be read: ${reason.found} (${reason.code})`;
  return new DataError({ place: path, found: brokenLinkBehind(reason.code, path) ?? other, wanted, cause });
}

/** Creates the folder. Throws DataError by cause, when it cannot be or when a file has its name. */
export async function requireFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw systemError(cause, path) ?? cause;
  });
}

/** What is in the folder; nothing where it is not there. Throws DataError by cause for a file, or where it may not be read. */
export async function entriesIn(folder: string): Promise<Dirent[]> {
  return await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && brokenLinkBehind(code, folder) === undefined) return [];
    throw systemError(cause, folder) ?? cause;
  });
}

/** `readWholeFile` as UTF-8 text. */
export async function readTextFile(path: string, wanted: string): Promise<string> {
  return (await readWholeFile(path, wanted)).toString('utf8');
}

/** What the name of a damaged file that was put aside ends with. */
export const DAMAGED = '.damaged';

/**
 * Puts a damaged file aside, under its name with `.damaged`, where a person can look at it. Returns a sentence for them.
 */
export async function putAside(path: string): Promise<string> {
  const aside = `${path}${DAMAGED}`;
  await rm(aside, { recursive: true, force: true }).catch(() => {});
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  return moved ? `${path} is damaged and was put aside as ${basename(aside)}` : `${path} is damaged`;
}

/** SHA-256 of a file's bytes, in hex. */
export async function sha256OfFile(path: string): Promise<string> {
  return await hashOfFile(path, { algorithm: 'sha256' });
}

/** Hash of a file's bytes, in hex; `prefix` gives bytes that come before them, from the number of bytes in the file. */
export async function hashOfFile(
  path: string,
  { algorithm, prefix }: { algorithm: string; prefix?: (bytes: number) => string },
): Promise<string> {
  const hash = createHash(algorithm);
  if (prefix) hash.update(prefix((await stat(path)).size));
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Whether there is a file or folder of this name that this process may see. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** The folder of the XDG base directory specification for a user's caches or data: $XDG_CACHE_HOME, by default ~/.cache. */
export function xdgFolder(kind: 'cache' | 'data', env: Record<string, string | undefined>): string {
  if (kind === 'cache') return env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share');
}

/** SHA-256 of bytes or text, in hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
