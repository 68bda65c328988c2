/**
 * Parsed ratings kept in the user's cache folder, so that a large file is parsed once. One cache file for each ratings
 * file, about 16 bytes a rating; it may be deleted at any time. A cache file that does not belong to the file as it is
 * now, or that is damaged, is ignored and replaced.
 */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { sha256, writeFileAtomic, xdgFolder } from '../../util/files.ts';
import type { Ratings } from '../dataset.ts';
import { statFile } from '../files/content.ts';
import { readRatings, type RatingColumns, type ReadOptions } from './file.ts';
import type { RatingForm } from './form.ts';
import { runInWorker } from './parser.js';

/** Smaller files are parsed faster than a cache is looked up. */
const MIN_BYTES_CACHED = 10_000_000;
/** Goes up when the meaning of a cache file changes. */
const CACHE_VERSION = 4;
/** The header stands in the first bytes, as JSON and blanks; the last bytes are SHA-256 of everything before them. */
const HEADER_BYTES = 1024;
const DIGEST_BYTES = 32;

const headerSchema = z.object({
  version: z.literal(CACHE_VERSION),
  /** What the columns were made from: size and time of the file, and how it was read. */
  key: z.string(),
  rows: z.int().min(1),
  firstLine: z.int(),
  hasTimestamps: z.boolean(),
  hasRatings: z.boolean(),
  withoutTime: z.int(),
  scale: z.object({ min: z.number(), max: z.number(), step: z.number() }).nullable(),
  notes: z.array(z.string()),
  source: z.object({ name: z.string(), sha256: z.string(), bytes: z.int() }),
});
type Header = z.output<typeof headerSchema>;

/** $RECSYS_CACHE_DIR; without it recsys/ in $XDG_CACHE_HOME, by default ~/.cache. */
function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['RECSYS_CACHE_DIR']) return resolve(env['RECSYS_CACHE_DIR']);
  return join(xdgFolder('cache', env), 'recsys');
}

/**
 * `readRatings`, from the cache where that is possible; otherwise what it returns is put there. A cache that cannot be
 * read or written costs time and nothing else. RECSYS_NO_CACHE turns it off.
 */
export async function cachedRatings(
  path: string,
  form: RatingForm,
  options: ReadOptions = {},
): Promise<RatingColumns> {
  const { size, mtimeMs } = await statFile(path, form.file, 'ratings');
  if (size < MIN_BYTES_CACHED || process.env['RECSYS_NO_CACHE']) return readRatings(path, form, options);
  const key = sha256(JSON.stringify([size, mtimeMs, form]));
  const file = join(cacheFolder(), `${basename(path)}.${sha256(resolve(path)).slice(0, 16)}.cache`);
  const cached = await readCache(file, key).catch(() => null); // not there, or not readable
  if (cached !== null) return cached;
  const parsed = await readRatings(path, form, options);
  await writeCache(file, key, parsed).catch(() => {});
  return parsed;
}

/** Null when the file is about other ratings or damaged; throws when it cannot be read. */
async function readCache(path: string, key: string): Promise<RatingColumns | null> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(HEADER_BYTES);
    await readAt(file, head, 0);
    const { key: foundKey, rows, ...header } = headerSchema.parse(JSON.parse(head.toString('utf8')));
    const to = HEADER_BYTES + 16 * rows;
    if (foundKey !== key || (await file.stat()).size !== to + DIGEST_BYTES) return null;
    const columns = columnsOf(rows);
    const hashed = runInWorker({ task: 'hash', file: file.fd, to });
    const read = readColumns(file, columns);
    await Promise.allSettled([hashed, read]); // the file must stay open until both have stopped reading it
    await read;
    const digest = Buffer.alloc(DIGEST_BYTES);
    await readAt(file, digest, to);
    if ((await hashed) !== digest.toString('hex')) return null;
    const { version: _, ...facts } = header;
    return { columns, texts: {}, ...facts };
  } finally {
    await file.close();
  }
}

async function readColumns(file: FileHandle, columns: Ratings): Promise<void> {
  let at = HEADER_BYTES;
  for (const bytes of bytesOf(columns)) {
    await readAt(file, bytes, at);
    at += bytes.length;
  }
}

async function writeCache(path: string, key: string, parsed: RatingColumns): Promise<void> {
  const { columns, texts, ...facts } = parsed;
  if (texts.users || texts.items) return; // only numbers are kept
  const header: Header = { version: CACHE_VERSION, key, rows: columns.values.length, ...facts };
  await writeFileAtomic(path, withDigest(header, columns), { durable: false });
}

/** The bytes of a cache file, in pieces. */
function* withDigest(header: Header, columns: Ratings): Generator<Uint8Array> {
  const hash = createHash('sha256');
  const head = Buffer.from(JSON.stringify(header).padEnd(HEADER_BYTES));
  if (head.length > HEADER_BYTES) throw new Error('more to say than a header holds');
  for (const bytes of [head, ...bytesOf(columns)]) {
    hash.update(bytes);
    yield bytes;
  }
  yield hash.digest();
}

function columnsOf(rows: number): Ratings {
  return {
    users: new Int32Array(rows),
    items: new Int32Array(rows),
    values: new Float32Array(rows),
    timestamps: new Int32Array(rows),
  };
}

/** The memory of the columns, in the order in which the cache holds them. */
function bytesOf({ users, items, values, timestamps }: Ratings): Uint8Array[] {
  return [users, items, values, timestamps].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
}

async function readAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new Error('the file ends too early');
    done += bytesRead;
  }
}
