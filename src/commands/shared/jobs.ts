/** Where the jobs of a command are done: this process, several, a queue, or later by Slurm. */
import { join } from 'node:path';
import { z } from 'zod';
import type { Means } from '../../experiment/jobs/records.ts';
import type { PerformContext } from '../../experiment/jobs/perform.ts';
import { UsageError } from '../../util/errors.ts';
import type { CommandContext, OutputOptions } from './context.ts';

/** Results do not depend on any of them. */
export const jobsSchema = z.object({
  queue: z
    .string()
    .optional()
    .meta({ placeholder: 'address' })
    .describe('redis://HOST:PORT, where `recsys worker` on any machine takes jobs: trials, seeds, models'),
  workers: z.int().min(1).max(256).default(1).describe('processes of this machine that do jobs at once'),
  emit: z
    .enum(['slurm'])
    .optional()
    .describe('write an array job instead of doing the jobs; later, the same command gathers their outcomes'),
});

export type JobsOptions = z.output<typeof jobsSchema>;

/** Are jobs to be done elsewhere than in this process, one after another? */
export function isElsewhere({ queue, workers, emit }: JobsOptions): boolean {
  return queue !== undefined || workers > 1 || emit !== undefined;
}

/**
 * Runs `work` with a runner and the store in the results folder, and closes the runner. `keeping` says where jobs of this
 * process keep unfinished work. With --emit, `name` names the files; where jobs are left to do, they are written, which is
 * said, and undefined comes back. Throws UsageError for --emit with --queue.
 */
export async function withJobs<T>(
  options: JobsOptions,
  { resultsDir, threads }: Pick<OutputOptions, 'resultsDir' | 'threads'>,
  name: string,
  context: CommandContext,
  work: (means: Means) => Promise<T>,
  keeping: Pick<PerformContext, 'fits' | 'gpt2'> = {},
): Promise<T | undefined> {
  const { queue, workers, emit } = options;
  if (emit !== undefined && (queue !== undefined || workers > 1)) {
    const other = queue === undefined ? '--workers' : '--queue';
    throw new UsageError({ place: '--emit', found: `also ${other}`, remedy: 'Leave out one of them.' });
  }
  const { OutcomeStore } = await import('../../experiment/jobs/store.ts');
  const store = new OutcomeStore(join(resultsDir, 'cache', 'jobs'), (line) => context.progress.note(line));
  const runnerOf = async () => {
    if (emit !== undefined) {
      return (await import('../../experiment/jobs/slurm.ts')).slurmRunner(resultsDir, name, threads);
    }
    if (queue !== undefined) return await (await import('../../experiment/jobs/queue.ts')).queueRunner(queue);
    const { inProcessRunner, processesRunner } = await import('../../experiment/jobs/local.ts');
    return workers === 1
      ? inProcessRunner(context.threads, keeping)
      : processesRunner(workers, context.threads);
  };
  const runner = await runnerOf();
  try {
    return await work({ runner, store });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'JobsWritten') throw error;
    context.progress.note(error.message);
    return undefined;
  } finally {
    await runner.close();
  }
}
