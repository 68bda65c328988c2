/** Files: atomic writes, hashes, and where this package lives. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RecsysError } from './errors.ts';

/** The package's root folder (holds package.json and data/), from src/ as from dist/. */
export const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Writes a whole file or nothing: temporary file beside it, fsync, rename. Creates the folder. Content that is too large
 * for one array can be given as chunks.
 * Throws RecsysError naming the file when the disk is full or the folder cannot be written.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array>,
  { durable = true }: { durable?: boolean } = {},
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${process.pid}-${temporaryFiles++}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(temporary, 'w');
    try {
      await writeFile(file, content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    const code = (cause as NodeJS.ErrnoException).code ?? 'error';
    throw new RecsysError({
      place: path,
      found: `cannot be written (${code})`,
      remedy:
        code === 'ENOSPC'
          ? 'Free some disk space and run again; the previous file is kept.'
          : 'Check the folder and its permissions.',
      cause,
    });
  }
}
/** Number of temporary files so far, which makes their names distinct. */
let temporaryFiles = 0;

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
