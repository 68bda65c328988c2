/**
 * Locks of files and folders between processes. The operating system holds them, so that one of a process that died,
 * however it died, is gone with it; over NFS they hold between machines.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataError, RecsysError } from '../errors.ts';
import { systemError } from './system-errors.ts';

export interface Lock {
  release(): Promise<void>;
}

/** Codes of file systems that cannot lock: there the run goes on without. */
const NO_LOCKS = new Set(['ENOLCK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);
/** Between two attempts at a lock that another holds. */
const POLL_MS = 200;

/**
 * Takes the lock of `target`, a file or folder that need not exist; its folder is created. Throws RecsysError when another
 * process has it, naming that process, and when the folder cannot be written, so that this is known before the work.
 */
export async function lock(target: string, remedy: string): Promise<Lock> {
  const taken = await tryToLock(target);
  if ('release' in taken) return taken;
  throw new RecsysError({
    place: target,
    found: `another run${taken.holder === '' ? '' : ` (${taken.holder})`} is writing it`,
    remedy,
  });
}

/** As `lock`, but waits while another has it. Rejects with the signal's reason when it fires. */
export async function waitForLock(target: string, signal: AbortSignal): Promise<Lock> {
  for (;;) {
    signal.throwIfAborted();
    const taken = await tryToLock(target);
    if ('release' in taken) return taken;
    await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** The lock of `target`, or who holds it, where that is known. */
async function tryToLock(target: string): Promise<Lock | { holder: string }> {
  await requireReplaceable(target);
  const path = join(dirname(target), `.${basename(target)}.lock`);
  for (;;) {
    const file = await openLock(path, target);
    try {
      if (!lockHandle(file)) {
        const holder = await file.readFile('utf8').catch(() => '');
        await file.close();
        return { holder: holder.trim() };
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

/** Throws DataError for a pipe, socket or device, which a file that is renamed to it would take the place of. */
export async function requireReplaceable(target: string): Promise<void> {
  const found = await stat(target).catch(() => undefined); // none, or one whose folder says what is wrong with it
  if (found === undefined || found.isFile() || found.isDirectory()) return;
  throw new DataError({
    place: target,
    found: found.isCharacterDevice() || found.isBlockDevice() ? 'a device' : 'a pipe or socket',
    wanted: 'the name of a file',
    remedy: 'It is left as it is. With --json, the record goes to standard output.',
  });
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
    const folder = dirname(target);
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') await requireWritable(dirname(folder));
    throw systemError(cause, folder) ?? cause;
  }
}

/**
 * Throws by cause when nothing can be made in the nearest folder that is there: on a read-only file system, Node's
 * recursive mkdir says that there is no such folder.
 */
async function requireWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT' && dirname(folder) !== folder;
    if (isAbsent) return await requireWritable(dirname(folder));
    throw systemError(cause, folder) ?? cause;
  }
}

/** Takes an exclusive lock of an open file; false when another open file has it. The system drops it with the file. */
function lockHandle({ fd }: FileHandle): boolean {
  try {
    if (addon === undefined) addon = loadAddon();
    addon?.tryLock(fd, 0, 0, true);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return false;
    if (NO_LOCKS.has(code)) return true;
    throw error;
  }
}

/** What is used of fs-native-extensions. `length` 0 is the whole file. Throws EAGAIN when another has the lock. */
interface LockAddon {
  tryLock(fd: number, offset: number, length: number, exclusive: boolean): void;
}

let addon: LockAddon | null | undefined;

/**
 * The binary of fs-native-extensions for this system, or null where it has none: there, runs go on without locks. Its own
 * JavaScript would look for the same file, which takes several times as long as to load it.
 */
function loadAddon(): LockAddon | null {
  const file = `prebuilds/${process.platform}-${process.arch}/fs-native-extensions.node`;
  try {
    return createRequire(import.meta.url)(`fs-native-extensions/${file}`) as LockAddon;
  } catch {
    return null;
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
