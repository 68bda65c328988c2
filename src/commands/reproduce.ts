/** `recsys reproduce FILE`: run a recorded experiment again; exit 1 when a number differs. */
import { Command } from 'commander';
import { z } from 'zod';
import { RecsysError } from '../util/errors.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext } from './shared/context.ts';
import { addFlags, readFlags, type Typed } from './shared/flags.ts';

const schema = outputSchema.pick({ resultsDir: true, threads: true, quiet: true, verbose: true }).extend({
  trials: z
    .int()
    .min(0)
    .optional()
    .describe('of a search: only so many of the first trials, and the winner (default: all)'),
});

export function reproduceCommand(): Command {
  const command = new Command('reproduce').argument(
    '[file]',
    'a results record',
    'results/baseline_metrics.json',
  );
  return addFlags(command, schema).action(async (file: string, typed: Typed) => {
    const options = readFlags(schema, typed);
    const { reproduce } = await import('../experiment/reproduce.ts');
    const { differences, recorded, note } = await withContext(options, (context) =>
      reproduce(file, { ...context, resultsDir: options.resultsDir }, options.trials),
    );
    if (differences.length > 0) {
      const shown = differences.slice(0, 20);
      const lines = shown.map(
        ({ path, recorded, found }) => `  ${path}: recorded ${show(recorded)}, found ${show(found)}`,
      );
      if (differences.length > shown.length) lines.push(`  and ${differences.length - shown.length} more`);
      throw new RecsysError({
        place: file,
        found: `${differences.length} of the recorded values differ:\n${lines.join('\n')}`,
        ...(note !== undefined && { remedy: note }),
      });
    }
    const names = recorded.models.map(({ name }) => name).join(', ');
    print(`${file}: reproduced to the digit (${names})\n${note === undefined ? '' : `${note}\n`}`);
  });
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
