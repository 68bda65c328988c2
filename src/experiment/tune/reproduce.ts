/** Runs a recorded search again: its trials, then winner and defaults on test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, UsageError } from '../../util/errors.ts';
import { inProcessRunner } from '../jobs/local.ts';
import { OutcomeStore } from '../jobs/store.ts';
import { protocolOfRecord } from '../protocol.ts';
import type { RunContext } from '../run.ts';
import { tune, type TuneSpec } from './index.ts';
import { isUnfinished, type Trial, type Tuning } from './record.ts';

/**
 * The search of a record, made again, beside what the record holds of it. `limit` runs the trials below it and the winner
 * alone; the other trials are then left out of both. Throws UsageError for a limit with successive halving, where trials
 * depend on each other, DataError for a search that its time budget stopped between rungs, and what `tune` throws.
 */
export async function rerunSearch(
  path: string,
  recorded: Tuning,
  limit: number | undefined,
  context: RunContext,
): Promise<{ recorded: Tuning; found: Tuning }> {
  const isRun = chooseTrials(path, recorded, limit);
  const folder = await mkdtemp(join(tmpdir(), 'recsys-reproduce-'));
  try {
    // An empty store: every trial is run.
    const store = new OutcomeStore(folder, (line) => context.progress.note(line));
    const runner = inProcessRunner(context.threads);
    const found = await tune(specOf(recorded), { runner, store }, context, isRun);
    const own = (tuning: Tuning): Tuning => {
      const { divisions, ...search } = tuning.search;
      const known = recorded.search.divisions !== undefined; // older records do not say
      return {
        ...tuning,
        // What stopped a search, and the trials that this one left out, are not made again.
        search: { ...search, ...(known && { divisions }), stoppedBy: recorded.search.stoppedBy },
        trials: tuning.trials.filter(({ number }) => isRun(number)),
      };
    };
    return { recorded: own(recorded), found: own(found) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function chooseTrials(
  path: string,
  { trials, search: { halving, stoppedBy }, winner }: Tuning,
  limit: number | undefined,
): (number: number) => boolean {
  if (halving !== null && limit !== undefined) {
    throw new UsageError({
      place: '--trials',
      found: 'a search by successive halving, whose trials depend on each other',
      remedy: 'Leave out --trials.',
    });
  }
  if (halving !== null && stoppedBy === 'time-budget') {
    throw new DataError({
      place: path,
      found: 'a search by successive halving that its time budget stopped, which depends on the machine',
      wanted: 'a search that came to its end',
      remedy: 'Search again without a time budget.',
    });
  }
  const wasRun = (trial: Trial | undefined) => trial !== undefined && !isUnfinished(trial);
  return (number) =>
    wasRun(trials[number]) && (limit === undefined || number < limit || number === winner.number);
}

function specOf({ model, options, given, source, protocol, search }: Tuning): TuneSpec {
  const { method, trials, space, halving, carveSeeds, objective } = search;
  return {
    model,
    // Records from before `given` have all options, which fix what was not searched.
    options: given ?? options,
    space,
    data: source,
    protocol: protocolOfRecord(protocol),
    method,
    trials,
    ...(halving !== null && { halving }),
    carveSeeds,
    objective,
  };
}
