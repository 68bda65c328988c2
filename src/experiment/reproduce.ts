/** Runs a recorded experiment again and names every number that differs. */
import { isDeepStrictEqual } from 'node:util';
import { registry, type ModelName, type ModelSpec } from '../models/registry.ts';
import { DataError } from '../util/errors.ts';
import { protocolSchema } from './protocol.ts';
import { recordSchema, type ResultsRecord } from './record.ts';
import { runExperiment, type ExperimentSpec, type RunContext } from './run.ts';
import { readRecord } from './store.ts';

/** One value that came out differently: `models.1.metrics.10.f1.mean`. */
export interface Difference {
  path: string;
  recorded: unknown;
  found: unknown;
}

/**
 * Runs the experiment of the record in `path` again. Returns every difference outside `environment` and `timing`,
 * none when it reproduces. Throws DataError when the record is not one of the classical models' experiments.
 */
export async function reproduce(
  path: string,
  context: RunContext,
): Promise<{ differences: Difference[]; recorded: ResultsRecord }> {
  const recorded = await readRecord(path, recordSchema);
  const { record } = await runExperiment(specOfRecord(path, recorded), context);
  return { recorded, differences: differences(reproducible(recorded), reproducible(record)) };
}

/** The part of a record that must be the same on every machine and every run. */
export function reproducible(record: ResultsRecord): unknown {
  return JSON.parse(JSON.stringify({ ...record, environment: undefined, timing: undefined }));
}

function specOfRecord(path: string, record: ResultsRecord): ExperimentSpec {
  const models = record.models.map(({ name, model, hyperparameters }): ModelSpec => {
    if (!(model in registry)) {
      throw new DataError({
        place: path,
        found: `model '${model}'`,
        wanted: `one that can be run again without a network: ${Object.keys(registry).join(', ')}`,
      });
    }
    return { name, model: model as ModelName, hyperparameters };
  });
  const { testShare, seed, k, threshold, split } = record.protocol;
  const protocol = protocolSchema.parse({
    ...(split !== 'predefined' && { split, testShare }),
    seed,
    k,
    threshold,
  });
  return { experiment: record.experiment, data: record.source, protocol, models };
}

/** Leaves of two JSON values that differ, depth first, with the path from the root. */
export function differences(recorded: unknown, found: unknown, path = ''): Difference[] {
  if (isDeepStrictEqual(recorded, found)) return [];
  if (!isContainer(recorded) || !isContainer(found)) return [{ path, recorded, found }];
  const keys = new Set([...Object.keys(recorded), ...Object.keys(found)]);
  return [...keys].flatMap((key) =>
    differences(recorded[key], found[key], path === '' ? key : `${path}.${key}`),
  );
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
