/** One file from a server to a partial file that is resumed: progress in MB, size and hash checked, no secret to another host. */
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { DataError, RecsysError, throwIfAborted } from '../errors.ts';
import { hashOfFile } from '../files.ts';
import { systemError } from '../process/system-errors.ts';
import type { Progress } from '../progress.ts';
import { addressOf, variantsOf, withoutSecrets } from './urls.ts';

export interface DownloadRequest {
  url: string;
  /** The file to complete, from where it ends if the server can, else from the start. Its folder must exist. */
  partial: string;
  /** What progress and errors call the content: "ml-25m", "openai-community/gpt2: model.safetensors". */
  label: string;
  /** Exact size; undefined where it is not known. */
  bytes: number | undefined;
  checksum: Checksum;
  /** Sent to the host of `url`, and to no other that it redirects to if the header is `authorization`. */
  headers?: Record<string, string>;
  /** What to do when the server cannot be reached, as sentences. */
  whenUnreachable: string;
  /** What to do when the content is not what it should be, as sentences. The partial file is deleted then. */
  whenDamaged: string;
  /** The error for an answer that is neither 200 nor the range asked for. */
  refusalError: (response: Response) => Error;
  progress: Progress;
  signal: AbortSignal;
  /** Give up after this long without a byte; 30 s by default. */
  stallMilliseconds?: number | undefined;
}

export interface Checksum {
  algorithm: 'md5' | 'sha1' | 'sha256';
  /** In hex. */
  value: string;
  /** Bytes that are hashed before the content, as git does; called with the size of the content. */
  prefix?: (bytes: number) => string;
}

/** No connection, a connection that broke, or a server that fell silent: another attempt may succeed. */
export class ConnectionError extends RecsysError {
  override name = 'ConnectionError';
}

/** Bytes of a megabyte, as progress counts them. */
export const MEGABYTE = 1_000_000;

/**
 * Completes `partial` and checks it. Interrupted, by the signal or by the network, it keeps what it has. Throws AbortedError or
 * the fetch's own abort error when the signal fires, ConnectionError, what `refusalError` makes, and DataError when size or hash
 * differ.
 */
export async function download(typed: DownloadRequest): Promise<void> {
  const { shown, secrets: ofAddress, ...address } = addressOf(typed.url);
  const request = { ...typed, ...address, headers: { ...address.headers, ...typed.headers } };
  const tokens = Object.values(request.headers).map((header) => header.replace(/^\w+ /u, ''));
  const secrets = [...ofAddress, ...variantsOf(tokens)];
  try {
    await fetchRest(request, shown);
  } catch (error) {
    throw error instanceof RecsysError ? redactedError(error, secrets) : error;
  }
  const found = await hashOfFile(request.partial, request.checksum);
  if (found === request.checksum.value) return;
  await rm(request.partial);
  throw new DataError({
    place: request.label,
    found: `${request.checksum.algorithm} ${found}`,
    wanted: request.checksum.value,
    remedy: request.whenDamaged,
  });
}

/** The error without secrets, such as a key that the server echoes. */
function redactedError(error: RecsysError, secrets: readonly string[]): RecsysError {
  const { place, found } = error.facts;
  const clean = (text: string) => withoutSecrets(text, secrets);
  error.message = clean(error.message);
  Object.assign(error.facts, { found: clean(found), ...(place !== undefined && { place: clean(place) }) });
  return error;
}

/** `shown` is the address without secrets. */
async function fetchRest(request: DownloadRequest, shown: string): Promise<void> {
  const { partial, bytes, signal, stallMilliseconds = 30_000 } = request;
  let have = await sizeOf(partial);
  if (bytes !== undefined && have === bytes) return;
  if (bytes !== undefined && have !== undefined && have > bytes) {
    await rm(partial);
    have = 0;
  }
  throwIfAborted(signal);
  const watchdog = new Watchdog(signal, stallMilliseconds);
  try {
    await save(await ask(request, have ?? 0, watchdog.signal), { ...request, url: shown }, watchdog);
  } catch (cause) {
    if (signal.aborted || cause instanceof RecsysError) throw cause;
    const ofThisMachine = watchdog.stalled ? undefined : machineError(cause, partial);
    if (ofThisMachine) throw ofThisMachine;
    const reason = watchdog.stalled
      ? `nothing came for ${stallMilliseconds / 1000} s`
      : `the connection failed (${codeOf(cause)})`;
    throw new ConnectionError({ place: shown, found: reason, remedy: request.whenUnreachable, cause });
  } finally {
    watchdog.stop();
  }
}

/** Codes that say nothing about the network, whichever call they come from. */
const CODES_OF_THIS_MACHINE = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'EIO',
  'ENOMEM',
  'EFBIG',
]);

/** The error of the disk, the memory or the limits of this machine; undefined for one of the network. `fetch` wraps them. */
function machineError(cause: unknown, partial: string): RecsysError | undefined {
  const inner = (cause as Error).cause ?? cause;
  const { code = '', syscall = '' } = inner as NodeJS.ErrnoException;
  const isOfFile = ['open', 'write', 'fsync', 'close', 'unlink', 'stat'].includes(syscall);
  return isOfFile || CODES_OF_THIS_MACHINE.has(code) ? systemError(inner, partial) : undefined;
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

/** Asks for the bytes from `from` on; the answer is 206 with them, or 200 with all. `fetch` keeps `authorization` to one host. */
async function ask(request: DownloadRequest, from: number, signal: AbortSignal): Promise<Response> {
  const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  const headers = { ...request.headers, ...range, 'accept-encoding': 'identity' };
  const response = await fetch(request.url, { headers, signal });
  const resumed =
    response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${from}-`);
  if (response.status === 200 || (from > 0 && resumed)) return response;
  await response.body?.cancel();
  if (from > 0) return ask(request, 0, signal); // 416, or another range than asked for: from the start
  throw request.refusalError(response);
}

/** Writes the body behind what `partial` holds (206) or over it (200). Throws when it is longer or shorter than it should be. */
async function save(
  response: Response,
  { partial, bytes, url, label, progress }: DownloadRequest,
  watchdog: Watchdog,
): Promise<void> {
  let have = response.status === 206 ? ((await sizeOf(partial)) ?? 0) : 0;
  const task = progress.start(`downloading ${label}`, Math.ceil((bytes ?? 0) / MEGABYTE), 'MB');
  task.resumeAt(Math.floor(have / MEGABYTE));
  const file = await open(partial, have > 0 ? 'a' : 'w');
  try {
    for await (const chunk of response.body ?? []) {
      watchdog.feed();
      await file.appendFile(chunk);
      task.advance(Math.floor((have + chunk.length) / MEGABYTE) - Math.floor(have / MEGABYTE));
      have += chunk.length;
      if (bytes !== undefined && have > bytes) break;
    }
  } finally {
    task.finish();
    await closeSynced(file);
  }
  if (bytes === undefined || have === bytes) return;
  if (have > bytes) {
    await rm(partial);
    throw new DataError({ place: url, found: `more than ${bytes} bytes`, wanted: `exactly ${bytes}` });
  }
  throw new DataError({
    place: url,
    found: `${have} bytes`,
    wanted: String(bytes),
    remedy: 'Run the command again: it goes on from where it stopped.',
  });
}

async function closeSynced(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

function codeOf(error: unknown): string {
  const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  return code ?? message;
}
