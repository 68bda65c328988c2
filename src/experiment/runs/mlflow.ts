/**
 * Runs in the layout of MLflow's file store, which `mlflow ui --backend-store-uri FOLDER` reads: a folder per experiment
 * (here: data set) with a meta.yaml, in it one per run with meta.yaml, params, metrics and tags, a file for each value
 * (mlflow/store/tracking/file_store.py, meta.yaml of MLflow 2 and 3).
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { metricKeys } from '../../evaluation/metric-keys.ts';
import { sha256, writeFileAtomic } from '../../util/files.ts';
import { jsonText } from '../store.ts';
import type { Run } from './list.ts';

/** Status of a finished run, and "LOCAL" as the type of its source, as MLflow's protocol buffers number them. */
const RUN_FINISHED = 3;
const SOURCE_LOCAL = 4;

/**
 * Writes `runs` under `folder`. The same run gets the same id, so that an export can be repeated. Returns the number of
 * MLflow experiments.
 */
export async function exportToMlflow(runs: readonly Run[], folder: string): Promise<number> {
  const experiments = groupByDataset(runs);
  for (const [dataset, own] of experiments) {
    const id = experimentId(dataset);
    const times = own.map(({ record }) => Date.parse(record.environment.date));
    await writeYaml(join(folder, id, 'meta.yaml'), {
      artifact_location: pathToFileURL(resolve(folder, id)).href,
      creation_time: Math.min(...times),
      experiment_id: id,
      last_update_time: Math.max(...times),
      lifecycle_stage: 'active',
      name: dataset,
    });
    for (const run of own) await writeRun(run, id, join(folder, id));
  }
  return experiments.size;
}

function groupByDataset(runs: readonly Run[]): Map<string, Run[]> {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const { name } = run.record.dataset;
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return groups;
}

/** 18 digits, as MLflow's own ids: MLflow takes an experiment's id for a number. */
function experimentId(dataset: string): string {
  return String(BigInt(`0x${sha256(dataset).slice(0, 15)}`))
    .slice(0, 18)
    .padStart(18, '1');
}

async function writeRun(
  { name, file, record, result, values }: Run,
  experiment: string,
  folder: string,
): Promise<void> {
  const { environment, timing, dataset, protocol } = record;
  const id = sha256(JSON.stringify([file, result.name, record.checksum, environment.date])).slice(0, 32);
  const own = join(folder, id);
  const start = Date.parse(environment.date);
  const seconds = (timing[`${result.name}.fit`] ?? 0) + (timing[`${result.name}.recommend`] ?? 0);
  await writeYaml(join(own, 'meta.yaml'), {
    artifact_uri: pathToFileURL(resolve(own, 'artifacts')).href,
    end_time: start + Math.round(1000 * seconds),
    entry_point_name: '',
    experiment_id: experiment,
    lifecycle_stage: 'active',
    run_id: id,
    run_name: name,
    run_uuid: id,
    source_name: 'recsys',
    source_type: SOURCE_LOCAL,
    source_version: '',
    start_time: start,
    status: RUN_FINISHED,
    tags: [],
    user_id: 'recsys',
  });
  const params = {
    ...values,
    ...Object.fromEntries(
      [...metricKeys, 'fitSeconds', 'recommendSeconds', 'date'].map((key) => [key, undefined]),
    ),
  };
  await writeValues(join(own, 'params'), params);
  await writeValues(join(own, 'metrics'), metricLines(result, values, start));
  await writeValues(join(own, 'tags'), {
    'mlflow.runName': name,
    'mlflow.source.name': 'recsys',
    'mlflow.source.type': 'LOCAL',
    'mlflow.user': 'recsys',
    'recsys.file': file,
    'recsys.splitDigest': protocol.splitDigest,
    'recsys.dataDigest': sha256(JSON.stringify(dataset.files.map(({ sha256 }) => sha256))),
  });
  await writeFileAtomic(join(own, 'artifacts', 'result.json'), jsonText({ ...result, protocol, dataset }), {
    durable: false,
  });
}

/** `f1_at_10` with the ends of its interval, as "time value step"; what is not defined is left out. */
function metricLines(result: Run['result'], values: Run['values'], time: number): Record<string, string> {
  const lines: Record<string, string> = {};
  const add = (key: string, value: unknown) => {
    if (typeof value === 'number') lines[key] = `${time} ${value} 0\n`;
  };
  for (const [k, metrics] of Object.entries(result.metrics)) {
    for (const key of metricKeys) {
      const value = metrics[key];
      if (typeof value !== 'object' || value === null) add(`${key}_at_${k}`, value);
      else {
        add(`${key}_at_${k}`, value.mean);
        add(`${key}_at_${k}_low`, value.ci95[0]);
        add(`${key}_at_${k}_high`, value.ci95[1]);
      }
    }
  }
  add('fit_seconds', values['fitSeconds']);
  add('recommend_seconds', values['recommendSeconds']);
  return lines;
}

async function writeValues(folder: string, values: Record<string, unknown>): Promise<void> {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    await writeFileAtomic(join(folder, key), typeof value === 'string' ? value : JSON.stringify(value), {
      durable: false,
    });
  }
}

async function writeYaml(path: string, value: object): Promise<void> {
  await writeFileAtomic(path, stringify(value), { durable: false });
}
