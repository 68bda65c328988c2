/** Finding the records to compare, and refusing those that cannot be compared. */
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { asWritten } from '../../data/ratings/values.ts';
import { DataError } from '../../util/errors.ts';
import { entriesIn, readTextFile } from '../../util/files.ts';
import { anyRecordSchema, type AnyRecord, type ResultsRecord } from '../record.ts';
import { readRecord } from '../store.ts';
import { readSavedLists, type SavedByModel } from './saved-lists.ts';

export interface RecordFile {
  /** Name without folder. */
  file: string;
  record: AnyRecord;
  /** Lists of its models that were saved beside it. */
  saved: SavedByModel;
}

/** Does a JSON value claim to be the record of an experiment? Pages' numbers and lists of recommendations do not. */
const claim = z.looseObject({ experiment: z.string(), protocol: z.unknown(), models: z.array(z.unknown()) });

/**
 * Reads the named records, or every record in the folder when none is named. Throws DataError for a file that is not
 * a record, for a damaged one, and when there is none.
 */
export async function readRecords(files: readonly string[], folder: string): Promise<RecordFile[]> {
  const named = files.length > 0;
  const paths = named ? files : await jsonFilesIn(folder);
  const names = shortestNames(paths);
  const records: RecordFile[] = [];
  for (const [n, path] of paths.entries()) {
    if (!named && !(await claimsToBeRecord(path))) continue;
    const record = await readRecord(path, anyRecordSchema);
    requireMetrics(path, record);
    records.push({ file: names[n]!, record, saved: await readSavedLists(path, record) });
  }
  if (records.length > 0) return records;
  throw new DataError({
    place: folder,
    found: 'no results record',
    wanted: 'at least one to compare',
    remedy: 'Run `recsys baseline` first.',
  });
}

/** Of each path the last part, with as many folders before it as tell it apart from the others. */
export function shortestNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => resolve(path).split(sep));
  const lastOf = (own: readonly string[], count: number) => own.slice(-count).join('/');
  return parts.map((own, n) => {
    const others = parts.filter((other, m) => m !== n && other.join() !== own.join());
    let count = 1;
    while (count < own.length && others.some((other) => lastOf(other, count) === lastOf(own, count))) count++;
    return lastOf(own, count);
  });
}

/** Throws DataError when there is no model, or when one has no metrics at a cut-off of the protocol. */
function requireMetrics(path: string, { protocol, models }: AnyRecord): void {
  if (models.length === 0) {
    throw new DataError({
      place: path,
      found: 'a record without models',
      wanted: 'at least one to compare',
      remedy: 'Leave it out, or run its command again.',
    });
  }
  for (const [n, { name, metrics }] of models.entries()) {
    for (const k of protocol.k) {
      if (metrics[k] !== undefined) continue;
      throw new DataError({
        place: `${path}: models.${n}.metrics`,
        found: `no metrics of ${name} at k = ${k}`,
        wanted: `metrics at every cut-off of the protocol, ${protocol.k.join(', ')}`,
        remedy: 'Run the experiment again.',
      });
    }
  }
}

/** Paths of the JSON files in a folder, by name; none where there is no folder. Throws DataError where it is a file. */
export async function jsonFilesIn(folder: string): Promise<string[]> {
  const entries = await entriesIn(folder);
  return entries
    .map(({ name }) => name)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(folder, name));
}

/** Does the file claim to be the record of an experiment, damaged or not? */
export async function claimsToBeRecord(path: string): Promise<boolean> {
  try {
    const parsed = claim.safeParse(JSON.parse(await readTextFile(path, 'a record')));
    return parsed.success && parsed.data.experiment !== 'comparison';
  } catch {
    return false; // not JSON, so not a record: readRecord reports it when it is named
  }
}

/** What two records must share, with the name under which a difference is reported. */
const conditions: [what: string, of: (record: ResultsRecord) => unknown][] = [
  ['data set', ({ dataset }) => dataset.files.map(({ name, sha256 }) => `${name} ${sha256}`).sort()],
  ['split', ({ protocol }) => protocol.split],
  ['seed', ({ protocol }) => protocol.seeds?.map(({ seed }) => seed) ?? protocol.seed],
  ['test share', ({ protocol }) => protocol.testShare],
  ['users held out', ({ protocol }) => protocol.heldOutUsers],
  ['threshold', ({ protocol }) => asWritten(protocol.threshold)],
  ['k', ({ protocol }) => protocol.k],
  [
    'split digest',
    ({ protocol }) => protocol.seeds?.map(({ splitDigest }) => splitDigest) ?? protocol.splitDigest,
  ],
];

/**
 * Throws DataError naming the first two files that differ in data set, split, seed, test share, threshold or k, and in
 * which of these; and for a record made with another tool's conventions.
 */
export function requireComparable(records: readonly RecordFile[]): void {
  for (const { file, record } of records) {
    if (record.protocol.convention === undefined) continue;
    throw new DataError({
      place: file,
      found: `metrics by the convention of ${record.protocol.convention}`,
      wanted: 'our own metrics',
      remedy: 'Evaluate again without --compat, or name the files to compare.',
    });
  }
  const [first, ...others] = records;
  for (const other of others) {
    for (const [what, of] of conditions) {
      const [a, b] = [of(first!.record), of(other.record)];
      if (JSON.stringify(a) === JSON.stringify(b)) continue;
      throw new DataError({
        place: `${first!.file} and ${other.file}`,
        found: `not comparable: other ${what} (${describeValue(what, first!.record, a)} and ${describeValue(what, other.record, b)})`,
        remedy:
          'Compare records that share it (`recsys compare FILE FILE`), or run one of them again with the settings of the other.',
      });
    }
  }
}

function describeValue(what: string, record: ResultsRecord, value: unknown): string {
  if (what === 'data set') {
    const [file] = record.dataset.files;
    return `${record.dataset.name}, ${file?.name ?? 'no file'} ${file?.sha256.slice(0, 12) ?? ''}`.trim();
  }
  if (value === undefined) return 'none';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
