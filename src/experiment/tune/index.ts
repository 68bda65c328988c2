/** `recsys tune` in four steps: split, search on validation ratings carved from train, open test once, record. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RankingMetric } from '../../evaluation/metric-keys.ts';
import { perUserMetrics } from '../../evaluation/per-user.ts';
import { comparePaired } from '../../evaluation/significance.ts';
import type { ModelSearch, SearchSpace } from '../../models/search-space.ts';
import { UsageError } from '../../util/errors.ts';
import { Rng } from '../../util/rng.ts';
import { environment, Stopwatch } from '../environment.ts';
import { sharedOf } from '../jobs/job.ts';
import type { JobRunner } from '../jobs/run.ts';
import type { OutcomeStore } from '../jobs/store.ts';
import { sampleUsers } from '../language/asked-users.ts';
import { prepare, type Prepared } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import { describeDataset, SCHEMA_VERSION, type ModelResult } from '../record.ts';
import { runModels, type RunContext } from '../run.ts';
import { searchable } from './models.ts';
import { divisionsText, isUnfinished, type Trial, type Tuning } from './record.ts';
import { searchTrials, winnerOf } from './search.ts';
import { completeSettings, spaceOf } from './space.ts';
import { drawSettings, type SearchMethod, type Settings } from './trials.ts';
import { fewerDivisions, runnableOf } from './validation.ts';

export interface TuneSpec {
  /** One of `searchableModels`. */
  model: string;
  /** Options that are fixed. */
  options: Record<string, unknown>;
  /** Dimensions in place of the model's own, or besides them. */
  space: SearchSpace;
  data: DataOptions;
  protocol: Protocol;
  method: SearchMethod;
  trials: number;
  halving?: number | undefined;
  carveSeeds: readonly number[];
  objective: RankingMetric;
  timeBudgetMinutes?: number | undefined;
}

/**
 * Same spec, same trials, same winner, for any number of workers; with a time budget, of the trials that were started in
 * time. `isRun` may leave trials out. Throws UsageError for a space that the model does not have or does not take, and what
 * jobs and `prepare` throw.
 */
export async function tune(
  spec: TuneSpec,
  means: { runner: JobRunner; store: OutcomeStore },
  context: RunContext,
  isRun: (trial: number) => boolean = () => true,
): Promise<Tuning> {
  const watch = new Stopwatch();
  const { data, protocol, model, method, carveSeeds, objective } = spec;
  const own = searchable(model, spec.options);
  const fixed = own.complete(spec.options);
  const search = own.search(fixed, { data, protocol });
  const halving = halvingOf(spec, search, fixed);
  const space = spaceOf(spec, own, search, halving?.option);
  const prepared = await prepare(data, protocol, context, watch);
  const rng = new Rng(protocol.seed).derive(`tune:${model}`);
  const settings: Settings[] = [{}, ...drawSettings(space, spec.trials - 1, method, rng)];
  const optionsOf = (chosen: Settings) => completeSettings(own, spec.options, chosen);
  settings.forEach(optionsOf); // refused before any work
  const divisions = fewerDivisions(prepared, protocol, carveSeeds);
  if (divisions !== undefined) context.progress.note(`note: ${divisionsText(divisions)}.`);

  const started = performance.now();
  const until = spec.timeBudgetMinutes === undefined ? Infinity : started + 60_000 * spec.timeBudgetMinutes;
  const { trials, seconds, stored } = await watch.time('search', () =>
    searchTrials(
      {
        settings,
        optionsOf,
        shared: sharedOf(data, protocol, prepared),
        model,
        carveSeeds,
        objective,
        ...(halving && { halving }),
        isRun,
        mayStart: () => performance.now() < until,
      },
      means,
      context,
    ),
  );
  if (stored > 0) context.progress.note(`${stored} outcomes were kept from before.`);
  const winner = winnerOf(trials);
  const test = await openTest(prepared, spec, [fixed, optionsOf(winner.settings)], context, watch);
  return {
    schemaVersion: SCHEMA_VERSION,
    experiment: 'tuning',
    source: prepared.source,
    dataset: describeDataset(prepared.dataset),
    protocol: prepared.protocol,
    model,
    options: fixed,
    given: spec.options,
    search: { ...searchOfRecord(spec, space, halving?.keep, trials), ...(divisions && { divisions }) },
    trials,
    winner: { number: winner.number, settings: winner.settings, score: winner.score },
    test,
    environment: environment(),
    timing: { ...watch.seconds, ...Object.fromEntries(seconds.map((own, n) => [`trial.${n}`, own])) },
  };
}

function searchOfRecord(
  { method, trials: asked, carveSeeds, objective, protocol }: TuneSpec,
  space: SearchSpace,
  halving: number | undefined,
  trials: readonly Trial[],
): Tuning['search'] {
  return {
    method,
    trials: asked,
    space,
    halving: halving ?? null,
    carveSeeds: [...carveSeeds],
    objective,
    k: Math.max(...protocol.k),
    stoppedBy: trials.some(isUnfinished) ? 'time-budget' : 'trials',
  };
}

/** Throws UsageError where the model has no rounds, or where they are searched themselves. */
function halvingOf(
  { halving, model, space }: TuneSpec,
  { rounds }: ModelSearch,
  fixed: Record<string, unknown>,
) {
  if (halving === undefined) return undefined;
  const all = rounds === undefined ? undefined : fixed[rounds];
  if (rounds === undefined || typeof all !== 'number') {
    throw new UsageError({
      place: '--halving',
      found: `${model}, which has no ${rounds === undefined ? 'sweeps or epochs' : `default of ${rounds}`}`,
      remedy: rounds === undefined ? 'Leave out --halving.' : `Give --${rounds}.`,
    });
  }
  if (rounds in space) {
    throw new UsageError({
      place: '--space',
      found: `'${rounds}', which --halving sets`,
      remedy: `Leave out ${rounds}.`,
    });
  }
  return { keep: halving, option: rounds, rounds: all };
}

/**
 * Defaults and winner on the test ratings. Both are fitted under the model's own name, so that equal options have equal
 * results.
 */
async function openTest(
  prepared: Prepared,
  { model, protocol }: TuneSpec,
  [defaults, tuned]: [Record<string, unknown>, Record<string, unknown>],
  context: RunContext,
  watch: Stopwatch,
): Promise<Tuning['test']> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-tuned-'));
  const results: ModelResult[] = [];
  try {
    for (const [name, hyperparameters] of [
      [model, defaults],
      [`${model} (tuned)`, tuned],
    ] as const) {
      const job = { name: model, model, hyperparameters };
      const runnable = await runnableOf(job, { protocol, prepared, folder: join(folder, name), context });
      const { numUsers } = hyperparameters;
      const users =
        typeof numUsers === 'number' ? sampleUsers(prepared.evaluable, numUsers, protocol) : undefined;
      const [run] = await watch.time(name, () =>
        runModels(prepared, [runnable], context, new Stopwatch(), users),
      );
      results.push({ ...run!.result, name });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const k = Math.max(...protocol.k);
  const [base, best] = results.map(({ perUser }) => perUserMetrics(perUser.hitRanks, perUser.relevant, k).f1);
  const pair = comparePaired(best!, base!, new Rng(protocol.seed).derive(`tune:test:${model}`));
  return {
    opened: 'once, after the search, for the winner and the defaults',
    models: results,
    pair: { users: base!.length, ...pair },
  };
}
