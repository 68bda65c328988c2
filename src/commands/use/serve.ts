/** `recsys serve`: saved models, recorded answers and runs as a local page and a JSON API. */
import { once } from 'node:events';
import { Command } from 'commander';
import { z } from 'zod';
import { print } from '../../util/process/terminal.ts';
import { outputSchema, withContext } from '../shared/context.ts';
import { addFlags, readFlags, type Typed } from '../shared/flags.ts';

const serveSchema = z.object({
  models: z
    .array(z.string())
    .default(['models'])
    .meta({ placeholder: 'dirs' })
    .describe('folders of saved models, or folders that hold such folders'),
  dataset: z
    .string()
    .optional()
    .meta({ placeholder: 'name|dir' })
    .describe(
      'folder of the data that the models were fitted on, where it is no release; shows histories and hits',
    ),
  host: z
    .string()
    .default('127.0.0.1')
    .meta({ placeholder: 'address' })
    .describe('address to listen on; any but 127.0.0.1 lets other machines in'),
  port: z.int().min(0).max(65_535).default(8377).describe('port to listen on; 0: any that is free'),
});
const resultsSchema = outputSchema.pick({ resultsDir: true }).extend({
  resultsDir: z
    .string()
    .default('results')
    .meta({ placeholder: 'dir' })
    .describe('folder of the records that are shown'),
});
const contextSchema = outputSchema.pick({ threads: true, quiet: true, verbose: true });

export function serveCommand(): Command {
  const command = new Command('serve');
  addFlags(command, serveSchema, resultsSchema, contextSchema);
  return command.action(async (typed: Typed) => {
    const options = readFlags(serveSchema, typed);
    const { resultsDir } = readFlags(resultsSchema, typed);
    const output = readFlags(contextSchema, typed);
    const { openServer } = await import('../../serve/index.ts');
    await withContext(output, async (context) => {
      const { listening, contents, refused } = await openServer({ ...options, resultsDir }, context);
      const note = (line: string) => context.progress.note(line);
      for (const { folder, reason } of refused) note(`note: ${folder} is not served: ${reason}`);
      for (const line of contents?.notes ?? []) note(`note: ${line}`);
      const names = contents?.models.map(({ id }) => id).join(', ');
      print(`${listening.url} shows ${names ?? 'runs; there is no saved model'}. Ctrl-C stops it.\n`);
      if (!context.signal.aborted) await once(context.signal, 'abort');
      await listening.close();
    });
  });
}
