/** `recsys worker`: does jobs for others: of a queue, of a file, or of the process that started it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { UsageError } from '../../util/errors.ts';
import { outputSchema, withContext, type CommandContext } from '../shared/context.ts';
import { addFlags, readFlags, type Typed } from '../shared/flags.ts';

const schema = outputSchema.pick({ resultsDir: true, threads: true, quiet: true, verbose: true }).extend({
  jobs: z
    .string()
    .optional()
    .meta({ placeholder: 'file' })
    .describe('do a job of this file, which `--emit slurm` wrote, and end'),
  job: z.int().min(0).optional().describe('which line of --jobs, from 0: SLURM_ARRAY_TASK_ID'),
});

export function workerCommand(): Command {
  const command = new Command('worker').argument('[queue]', 'redis://HOST:PORT of Redis or Valkey');
  return addFlags(command, schema).action(async (address: string | undefined, typed: Typed) => {
    const options = readFlags(schema, typed);
    await withContext(options, (context) => workOn(address, options, context));
  });
}

async function workOn(
  address: string | undefined,
  { jobs, job, resultsDir }: z.output<typeof schema>,
  context: CommandContext,
): Promise<void> {
  const sources = [address, jobs].filter((source) => source !== undefined);
  if (sources.length > 1 || (jobs === undefined) !== (job === undefined)) {
    throw new UsageError({
      place: 'recsys worker',
      found: sources.length > 1 ? 'a queue and a file' : `--jobs and --job one without the other`,
      wanted: 'redis://HOST:PORT, or --jobs FILE --job N',
    });
  }
  if (jobs !== undefined && job !== undefined) {
    const { performLine } = await import('../../experiment/jobs/slurm.ts');
    const { OutcomeStore } = await import('../../experiment/jobs/store.ts');
    const store = new OutcomeStore(join(resultsDir, 'cache', 'jobs'), (line) => context.progress.note(line));
    await performLine(jobs, job, store, context);
    return;
  }
  if (address !== undefined) {
    const { work } = await import('../../experiment/jobs/queue.ts');
    await work(address, context);
    return;
  }
  if (process.send === undefined) {
    throw new UsageError({ place: 'recsys worker', found: 'no queue', wanted: 'redis://HOST:PORT' });
  }
  const { serveParent } = await import('../../experiment/jobs/local.ts');
  await serveParent(context.threads, context.signal);
}
