/**
 * Locks of files and folders between processes. The operating system holds them, so that one of a process that died,
 * however it died, is gone with it; over NFS they hold between machines.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { RecsysError } from '../errors.ts';
import { systemError } from './system-errors.ts';

export interface Lock {
  release(): Promise<void>;
}

/** Codes of file systems that cannot lock: there the run goes on without. */
const NO_LOCKS = new Set(['ENOLCK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);

/**
 * Takes the lock of `target`, a file or folder that need not exist; its folder is created. Throws RecsysError when another
 * process has it, naming that process, and when the folder cannot be written, so that this is known before the work.
 */
export async function lock(target: string, remedy: string): Promise<Lock> {
  const path = join(dirname(target), `.${basename(target)}.lock`);
  const { tryLock } = await import('fs-native-extensions');
  for (;;) {
    const file = await openLock(path, target);
    try {
      if (!lockHandle(tryLock, file)) {
        const holder = await file.readFile('utf8').catch(() => '');
        throw new RecsysError({
          place: target,
          found: `another run${holder === '' ? '' : ` (${holder.trim()})`} is writing it`,
          remedy,
        });
      }
      if (await isPresent(file, path)) {
        await file.truncate(0);
        await file.write(`process ${process.pid} on ${hostname()}`, 0);
        return { release: () => release(file, path) };
      }
    } catch (error) {
      await file.close().catch(() => {});
      throw systemError(error, path) ?? error;
    }
    await file.close(); // its holder has just removed it: take the next one
  }
}

/** Runs `work` with the locks of `targets`, which are taken in this order and released after it. */
export async function withLocks<T>(
  targets: readonly string[],
  remedy: string,
  work: () => Promise<T>,
): Promise<T> {
  const locks: Lock[] = [];
  try {
    for (const target of new Set(targets)) locks.push(await lock(target, remedy));
    return await work();
  } finally {
    for (const held of locks) await held.release();
  }
}

async function openLock(path: string, target: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await open(path, 'a+');
  } catch (cause) {
    throw systemError(cause, dirname(target)) ?? cause;
  }
}

function lockHandle(tryLock: (fd: number) => boolean, { fd }: FileHandle): boolean {
  try {
    return tryLock(fd);
  } catch (error) {
    if (NO_LOCKS.has((error as NodeJS.ErrnoException).code ?? '')) return true;
    throw error;
  }
}

/** Is the open file still the one of this name? The former holder removes it when it releases the lock. */
async function isPresent(file: FileHandle, path: string): Promise<boolean> {
  const [own, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return named !== undefined && own.ino === named.ino && own.dev === named.dev;
}

async function release(file: FileHandle, path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => {});
  await file.close().catch(() => {});
}

/** This machine, as temporary names say it; distinct from others that share a disk. */
const machine = hostname().replace(/[^A-Za-z0-9-]/g, '') || 'host';
const TEMPORARY_NAME = /^\..+\.([A-Za-z0-9-]+)~(\d+)~[0-9a-f]{8}\.tmp$/;

/** A hidden name beside `path` that no other process, on this machine or another, uses: for what is not complete yet. */
export function temporaryName(path: string): string {
  const unique = `${machine}~${process.pid}~${randomUUID().slice(0, 8)}`;
  return join(dirname(path), `.${basename(path)}.${unique}.tmp`);
}

/** Was this name given by a process of this machine that has died since? */
export function isLeftover(name: string): boolean {
  const [, host, pid] = TEMPORARY_NAME.exec(name) ?? [];
  return host === machine && Number(pid) !== process.pid && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
