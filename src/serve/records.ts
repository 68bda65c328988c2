/** The records of a results folder, read again only when a file has changed. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { claimsToBeRecord } from '../experiment/compare/files.ts';
import { anyRecordSchema, type AnyRecord } from '../experiment/record.ts';
import { readRecord } from '../experiment/store.ts';
import { RecsysError } from '../util/errors.ts';

export interface StoredRecord {
  /** Relative to the results folder. */
  file: string;
  record: AnyRecord;
}

export interface Unreadable {
  file: string;
  reason: string;
}

interface Cached {
  stamp: string;
  /** Undefined for JSON that is no record of an experiment. */
  content: StoredRecord | Unreadable | undefined;
}

/** JSON files above are not read: records of language models over 32 million ratings stay below. */
const MAX_BYTES = 256 * 2 ** 20;
/** Reads the records of a folder and of `older/` in it; nothing outside of it, whatever a symbolic link says. */
export class RecordFolder {
  readonly #folder: string;
  readonly #cache = new Map<string, Cached>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** In the order of their names; what cannot be read is listed with the reason. */
  async read(): Promise<{ records: StoredRecord[]; unreadable: Unreadable[] }> {
    const root = await realpath(this.#folder).catch(() => undefined);
    if (root === undefined) return { records: [], unreadable: [] };
    const contents = [];
    for (const file of [...(await jsonFiles(root, '')), ...(await jsonFiles(root, 'older'))]) {
      contents.push(await this.#content(root, file));
    }
    return {
      records: contents.filter((content) => content !== undefined && 'record' in content),
      unreadable: contents.filter((content) => content !== undefined && 'reason' in content),
    };
  }

  async #content(root: string, file: string): Promise<Cached['content']> {
    const path = await realpath(join(root, file)).catch(() => undefined);
    if (path === undefined || relative(root, path).split(sep)[0] === '..') return undefined;
    const { mtimeMs, size } = await stat(path);
    const stamp = `${path} ${mtimeMs} ${size}`;
    const cached = this.#cache.get(file);
    if (cached?.stamp === stamp) return cached.content;
    const content = size > MAX_BYTES ? { file, reason: 'over 256 MiB' } : await readOne(path, file);
    this.#cache.set(file, { stamp, content });
    return content;
  }
}

async function jsonFiles(root: string, folder: string): Promise<string[]> {
  const names = await readdir(join(root, folder)).catch(() => []);
  return names
    .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
    .sort()
    .map((name) => join(folder, name));
}

async function readOne(path: string, file: string): Promise<StoredRecord | Unreadable | undefined> {
  if (!(await claimsToBeRecord(path))) return undefined;
  try {
    const record = await readRecord(path, anyRecordSchema);
    return record.models.length === 0 ? undefined : { file, record };
  } catch (error) {
    if (!(error instanceof RecsysError)) throw error;
    return { file, reason: error.message.replaceAll(path, file) };
  }
}
