/** An experiment in six visible steps: load, split, fit, recommend, evaluate, record. */
import { createModel, type ModelSpec } from '../models/registry.ts';
import type { Progress } from '../util/progress.ts';
import { Rng } from '../util/rng.ts';
import { Stopwatch } from './environment.ts';
import { FitFile } from './fit-file.ts';
import { prepare, type Prepared } from './prepare.ts';
import type { DataOptions, Protocol } from './protocol.ts';
import { buildRecord, scoreLists, type Lists } from './score.ts';
import type { ModelResult, ResultsRecord } from './record.ts';

export interface ExperimentSpec {
  /** Kind of experiment, which names the record: "baseline", "mf", ... */
  experiment: string;
  data: DataOptions;
  protocol: Protocol;
  models: ModelSpec[];
}

export interface RunContext {
  progress: Progress;
  signal: AbortSignal;
  threads: number;
  /** Folder for what stopped fits leave; without it, nothing is kept. */
  fits?: string;
}

export interface Outcome {
  record: ResultsRecord;
  prepared: Prepared;
  /** The recommendations behind each model's metrics, by the model's name. */
  lists: Map<string, Lists>;
}

/**
 * Runs every model of `spec` under its protocol. Same spec, same numbers, on any machine and with any number of
 * threads. Throws DataError for bad data and AbortedError when the signal fires.
 */
export async function runExperiment(spec: ExperimentSpec, context: RunContext): Promise<Outcome> {
  const watch = new Stopwatch();
  const prepared = await prepare(spec.data, spec.protocol, context, watch);
  const results: ModelResult[] = [];
  const lists = new Map<string, Lists>();
  for (const model of spec.models) {
    const { result, list } = await runModel(model, prepared, context, watch);
    results.push(result);
    lists.set(model.name, list);
  }
  return { record: buildRecord(spec.experiment, prepared, results, watch), prepared, lists };
}

async function runModel(spec: ModelSpec, prepared: Prepared, context: RunContext, watch: Stopwatch) {
  const rng = new Rng(prepared.protocol.seed).derive(`model:${spec.name}`);
  const recommender = await watch.time('import', () => createModel(spec));
  const store = context.fits === undefined ? undefined : new FitFile(context.fits, prepared, spec);
  const fitted = await watch.time(`${spec.name}.fit`, () =>
    recommender.fit(prepared.train, { ...context, rng, ...(store && { store }) }),
  );
  await store?.remove();
  try {
    const users = prepared.evaluable;
    const k = Math.max(...prepared.protocol.k);
    const list = await watch.time(`${spec.name}.recommend`, async () => ({
      users,
      ...(await fitted.recommend(users, k)),
    }));
    const result = await watch.time(`${spec.name}.evaluate`, () =>
      scoreLists(prepared, spec, list, { fitted }),
    );
    return { result, list };
  } finally {
    await fitted.dispose?.();
  }
}
