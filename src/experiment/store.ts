/** Reading and writing records in the results folder: validated both ways, written atomically. */
import { copyFile, link, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import stringify from 'json-stringify-pretty-compact';
import { z } from 'zod';
import { DataError, RecsysError } from '../util/errors.ts';
import { readTextFile, sha256, writeFileAtomic } from '../util/files.ts';
import { parseAs } from '../util/parse.ts';
import { temporaryName, withLocks } from '../util/process/lock.ts';
import { addMissingMetrics } from './older-records/missing-metrics.ts';
import { upgradeRecord } from './older-records/upgrade.ts';
import { SCHEMA_VERSION, type AnyRecord } from './record.ts';
import { requireConsistent } from './stored/consistency.ts';
import { joinRecord, partRecord } from './stored/per-user-file.ts';

/** Folder, in the one of the records, for records that later runs have replaced. */
export const OLDER_RECORDS = 'older';

/** What to do about a file that is none of what a run saves. */
const RUN_AGAIN = 'Name another file, or run the command again that saves it.';

/**
 * Takes the locks of the records that a run will write, runs it, and releases them. Throws RecsysError before the work when
 * the folder cannot be written or another run is writing one of them.
 */
export async function withRecords<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  return await withLocks(
    paths,
    'Wait for it, or give this run a folder of its own with --results-dir.',
    work,
  );
}

/**
 * Writes a record as JSON that a person can read and `diff` can compare, with a checksum. Returns sentences about it:
 *
 * - values per user of more than 10,000 users go into a compressed file in `per-user/` beside it;
 * - a record there that says the same, besides `environment` and `timing`, stays as it is;
 * - another one is moved to `older/` under a name with its date, so that no run replaces the results of another;
 * - where `path` cannot be written, the record goes to the system's folder for temporary files and the error says so.
 *
 * Throws DataError naming the field when a number is NaN or infinite or the record does not fit its schema; nothing is
 * written then.
 */
export async function saveRecord<S extends z.ZodType>(
  path: string,
  schema: S,
  record: z.input<S>,
): Promise<string[]> {
  const checked = check(path, schema, record) as object;
  const { record: stored, write } = partRecord(checked);
  const text = jsonText({ ...stored, checksum: checksumOf(stored) });
  const writeBoth = async (to: string) => {
    await write(to); // first: a record never names a file that is not there
    await writeFileAtomic(to, text);
  };
  const before = await readTextFile(path, 'a record').catch(() => undefined);
  if (before !== undefined && saysTheSame(before, text)) {
    await write(path); // it may have been lost
    return [`${path} holds the same numbers and stays`];
  }
  try {
    const kept = before === undefined ? [] : [await keepOlder(path, before)];
    await writeBoth(path);
    return [...kept, `saved ${path}`];
  } catch (error) {
    throw await saveElsewhere(path, writeBoth, error);
  }
}

const versionedSchema = z.object({ schemaVersion: z.int() });

const datedSchema = z.object({ environment: z.object({ date: z.string() }) });

/** Puts a record into `older/` as well, under its name with its date. Returns a sentence about it. */
async function keepOlder(path: string, text: string): Promise<string> {
  const dated = datedSchema.safeParse(parseJson(text));
  const date = dated.data?.environment.date ?? new Date().toISOString();
  const folder = join(dirname(path), OLDER_RECORDS);
  const name = `${basename(path, '.json')}.${date.slice(0, 24).replace(/[^0-9A-Za-z]+/g, '-')}.${sha256(text).slice(0, 8)}.json`;
  await mkdir(folder, { recursive: true });
  const kept = join(folder, name);
  await link(path, kept).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') await copyFile(path, kept); // a file system without links
  });
  return `kept the record before it as ${kept}`;
}

/** The error to throw when `path` could not be written: it says where the record is instead. */
async function saveElsewhere(
  path: string,
  write: (to: string) => Promise<void>,
  error: unknown,
): Promise<unknown> {
  const other = join(
    tmpdir(),
    basename(temporaryName(path)).replace(/^\./, 'recsys-').replace(/tmp$/, 'json'),
  );
  if (resolve(dirname(path)) === tmpdir()) return error;
  try {
    await write(other);
  } catch {
    return error;
  }
  if (!(error instanceof RecsysError)) return error;
  return new RecsysError({
    ...error.facts,
    remedy: `The record is not lost: it is in ${other}. ${error.facts.remedy ?? ''}`.trim(),
  });
}

/** Are two records the same besides where and how fast they were made? */
function saysTheSame(before: string, after: string): boolean {
  const [a, b] = [parseJson(before), parseJson(after)].map((value) => {
    if (typeof value !== 'object' || value === null) return undefined;
    return { ...value, environment: undefined, timing: undefined, checksum: undefined };
  });
  return a !== undefined && isDeepStrictEqual(a, b);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** SHA-256 of a record's JSON without its checksum, in hex; spaces do not count. */
function checksumOf(record: object): string {
  return sha256(JSON.stringify({ ...record, checksum: undefined }));
}

/** Indented JSON in which an array or object that fits on a line stays on it. */
export function jsonText(value: unknown): string {
  return `${stringify(value, { maxLength: 120 })}\n`;
}

/**
 * Reads and validates a record, of the present version or a former one. Throws DataError naming file and field for one that
 * is damaged, was changed, or contradicts itself.
 */
export async function readRecord<S extends z.ZodType<AnyRecord>>(
  path: string,
  schema: S,
): Promise<z.output<S>> {
  return (await readVersionedRecord(path, schema)).record;
}

/** As `readRecord`, with the schema version of the file; undefined where it has none. */
export async function readVersionedRecord<S extends z.ZodType<AnyRecord>>(
  path: string,
  schema: S,
): Promise<{ record: z.output<S>; version: number | undefined }> {
  const text = await readTextFile(
    path,
    'a results record, such as `recsys baseline` or another command saves',
  );
  const value = parseJson(text);
  if (value === undefined)
    throw new DataError({ place: path, found: 'not JSON', wanted: 'a results record', remedy: RUN_AGAIN });
  requireChecksum(path, value);
  const upgraded = upgradeRecord(await joinRecord(path, value));
  addMissingMetrics(upgraded);
  const { data } = versionedSchema.safeParse(value);
  const record = check(path, schema, upgraded);
  requireConsistent(path, record);
  return { record, version: data?.schemaVersion };
}

/** Reads a saved file of another kind than an experiment's record. Throws DataError naming file and field. */
export async function readSaved<S extends z.ZodType>(
  path: string,
  schema: S,
  wanted: string,
): Promise<z.output<S>> {
  const value = parseJson(await readTextFile(path, wanted));
  if (value === undefined) throw new DataError({ place: path, found: 'not JSON', wanted, remedy: RUN_AGAIN });
  requireChecksum(path, value);
  return parseAs(schema, value, { place: path, wanted });
}

function check<S extends z.ZodType>(path: string, schema: S, value: unknown): z.output<S> {
  return parseAs(schema, value, {
    place: path,
    wanted: `a results record of version ${SCHEMA_VERSION} or earlier`,
    remedy: RUN_AGAIN,
  });
}

/** Throws DataError when a record is not as it was saved. Records of older versions have no checksum. */
function requireChecksum(path: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || !('checksum' in value)) return;
  const { checksum } = value;
  const found = checksumOf(value);
  if (checksum === found) return;
  throw new DataError({
    place: path,
    found: `SHA-256 ${found}: the record was changed or damaged after it was saved`,
    wanted: String(checksum),
    remedy: 'Run the experiment again, or remove the line "checksum" if the change was meant.',
  });
}
