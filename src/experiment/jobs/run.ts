/** Jobs, done wherever a runner does them; outcomes are stored as they come. */
import { AbortedError } from '../../util/errors.ts';
import type { Progress } from '../../util/progress.ts';
import type { Job, Outcome } from './job.ts';
import type { OutcomeStore } from './store.ts';

export interface JobsContext {
  progress: Progress;
  signal: AbortSignal;
  /** How far a job under way is, by its index in the jobs: "mf: als 7/16 sweeps". */
  onLine?: (n: number, line: string) => void;
}

/**
 * Does jobs in any order and calls `onDone` once for each that is done, by its index in `jobs`. Starts no job for which
 * `mayStart` says no. Throws what a job throws; AbortedError when the signal fires.
 */
export interface JobRunner {
  /** "2 processes", for notes. */
  description: string;
  run(
    jobs: readonly Job[],
    onDone: (n: number, outcome: Outcome) => Promise<void>,
    mayStart: () => boolean,
    context: JobsContext,
  ): Promise<void>;
  close(): Promise<void>;
}

/**
 * The outcome of each job, from the store where it is there; undefined for those that `mayStart` kept from starting.
 * `onDone` is called for each. Throws AbortedError saying how many are kept when the signal fires.
 */
export async function runJobs(
  jobs: readonly Job[],
  { runner, store }: { runner: JobRunner; store: OutcomeStore },
  onDone: (outcome: Outcome, n: number) => void,
  mayStart: () => boolean,
  context: JobsContext,
): Promise<{ outcomes: (Outcome | undefined)[]; stored: number }> {
  const outcomes: (Outcome | undefined)[] = [];
  for (const [n, job] of jobs.entries()) {
    const outcome = await store.read(job);
    outcomes.push(outcome);
    if (outcome) onDone(outcome, n);
  }
  const missing = [...jobs.keys()].filter((n) => outcomes[n] === undefined);
  const keep = async (index: number, outcome: Outcome) => {
    const n = missing[index]!;
    await store.write(jobs[n]!, outcome);
    outcomes[n] = outcome;
    onDone(outcome, n);
  };
  try {
    if (missing.length > 0)
      await runner.run(
        missing.map((n) => jobs[n]!),
        keep,
        mayStart,
        { ...context, onLine: (index, line) => context.onLine?.(missing[index]!, line) },
      );
  } catch (error) {
    if (!context.signal.aborted) throw error;
    const done = outcomes.filter((outcome) => outcome !== undefined).length;
    throw new AbortedError({
      found: `stopped: ${done} of ${jobs.length} jobs are done and kept`,
      remedy: 'The same command goes on from there.',
    });
  }
  return { outcomes, stored: jobs.length - missing.length };
}
