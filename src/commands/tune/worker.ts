/** `recsys worker`: does jobs for others. Without an address, for the process that started it. */
import { Command } from 'commander';
import { UsageError } from '../../util/errors.ts';
import { outputSchema, withContext } from '../shared/context.ts';
import { addFlags, readFlags } from '../shared/flags.ts';

const schema = outputSchema.pick({ threads: true, quiet: true, verbose: true });

export function workerCommand(): Command {
  const command = new Command('worker').description('do trials for `recsys tune`');
  return addFlags(command, schema).action(async (typed: Record<string, unknown>) => {
    const options = readFlags(schema, typed);
    await withContext(options, async ({ signal, threads }) => {
      if (process.send === undefined) {
        throw new UsageError({
          found: 'no process to work for',
          remedy: '`recsys tune --workers` starts workers.',
        });
      }
      const { serveParent } = await import('../../experiment/jobs/local.ts');
      await serveParent(threads, signal);
    });
  });
}
