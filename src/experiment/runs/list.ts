/** The runs that a results folder holds: one per model of a record, with what was set and what came out. */
import { join } from 'node:path';
import { metricKeys, type MetricKey } from '../../evaluation/metric-keys.ts';
import { DataError } from '../../util/errors.ts';
import { withUniqueNames } from '../compare/recorded-models.ts';
import { claimsToBeRecord, jsonFilesIn } from '../compare/files.ts';
import { anyRecordSchema, type AnyRecord, type ModelResult } from '../record.ts';
import { OLDER_RECORDS, readRecord } from '../store.ts';

/** A value of a run; undefined where the run has none. */
export type RunValue = string | number | boolean | undefined;

export interface Run {
  /** Unique among the runs that are listed: the model's, with what tells it apart. */
  name: string;
  /** Path from the results folder, or as it was named. */
  file: string;
  record: AnyRecord;
  result: ModelResult;
  /** By the names that sorting and filtering take, in the order of a table: what was run, options, metrics, seconds. */
  values: Record<string, RunValue>;
}

export interface RunList {
  runs: Run[];
  /** A sentence about each file that claims to be a record and cannot be read. */
  notes: string[];
}

/** Values that say what was run, before the options. */
const settingKeys = ['name', 'model', 'dataset', 'split', 'testShare', 'seed', 'threshold', 'k'] as const;

/**
 * Every model of the records named, or of all in `folder`; with `older`, also of those that later runs have replaced. Throws
 * DataError for a named file that is no record; others are left out with a note.
 */
export async function listRuns(files: readonly string[], folder: string, older = false): Promise<RunList> {
  const named = files.length > 0;
  const folders = older ? [folder, join(folder, OLDER_RECORDS)] : [folder];
  const paths = named ? files : (await Promise.all(folders.map(jsonFilesIn))).flat();
  const found: { file: string; record: AnyRecord }[] = [];
  const notes: string[] = [];
  for (const path of paths) {
    if (!named && !(await claimsToBeRecord(path))) continue;
    try {
      const record = await readRecord(path, anyRecordSchema);
      const file = !named && path.startsWith(join(folder, '/')) ? path.slice(join(folder, '/').length) : path;
      found.push({ file, record });
    } catch (error) {
      if (named || !(error instanceof DataError)) throw error;
      notes.push(error.message);
    }
  }
  return { runs: runsOf(found), notes };
}

/** Every model of every record, in order. */
export function runsOf(records: readonly { file: string; record: AnyRecord }[]): Run[] {
  const found = records.flatMap(({ file, record }) =>
    record.models.map((result) => ({ name: result.name, file, record, result })),
  );
  return withUniqueNames(found).map((run) => ({ ...run, values: valuesOf(run) }));
}

/** The metrics of a run at its largest cut-off, as numbers. */
function metricsOfRun({
  record,
  result,
}: Pick<Run, 'record' | 'result'>): Partial<Record<MetricKey, number>> {
  const own = result.metrics[String(Math.max(...record.protocol.k))];
  const numbers = metricKeys.flatMap((key) => {
    const value = own?.[key];
    const number = typeof value === 'object' ? value?.mean : value;
    return typeof number === 'number' ? [[key, number]] : [];
  });
  return Object.fromEntries(numbers) as Partial<Record<MetricKey, number>>;
}

function valuesOf(run: Omit<Run, 'values'>): Run['values'] {
  const { name, file, record, result } = run;
  const { protocol, environment, timing } = record;
  const metrics = metricsOfRun(run);
  return {
    name,
    file,
    experiment: record.experiment,
    model: result.model,
    dataset: record.dataset.name,
    split: protocol.split,
    testShare: protocol.testShare,
    seed: protocol.seeds?.map(({ seed }) => seed).join(',') ?? protocol.seed,
    threshold: protocol.threshold,
    k: Math.max(...protocol.k),
    users: result.users.evaluated,
    ...Object.fromEntries(
      Object.entries(result.hyperparameters).map(([key, value]) => [optionKey(key), shownOption(value)]),
    ),
    ...Object.fromEntries(metricKeys.map((key) => [key, metrics[key]])),
    fitSeconds: timing[`${result.name}.fit`],
    recommendSeconds: timing[`${result.name}.recommend`],
    date: environment.date,
    recsys: environment.recsys,
  };
}

/** An option whose name a run has already, such as `model` of a chat model, is `options.model`. */
function optionKey(key: string): string {
  return (settingKeys as readonly string[]).includes(key) ? `options.${key}` : key;
}

function shownOption(value: unknown): RunValue {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return Array.isArray(value) ? value.map(String).join(',') || 'none' : JSON.stringify(value);
}
