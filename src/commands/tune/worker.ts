/** `recsys worker`: does jobs for others: those of a queue or, without an address, of the process that started it. */
import { Command } from 'commander';
import { UsageError } from '../../util/errors.ts';
import { outputSchema, withContext } from '../shared/context.ts';
import { addFlags, readFlags } from '../shared/flags.ts';

const schema = outputSchema.pick({ threads: true, quiet: true, verbose: true });

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('do the trials of `recsys tune --queue`, on this machine, until Ctrl-C')
    .argument('[queue]', 'redis://HOST:PORT of Redis or Valkey');
  return addFlags(command, schema).action(
    async (address: string | undefined, typed: Record<string, unknown>) => {
      const options = readFlags(schema, typed);
      await withContext(options, async (context) => {
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
      });
    },
  );
}
