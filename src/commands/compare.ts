/** `recsys compare`: every approach that has a record, on one page, with honest uncertainty. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { interruptible } from '../util/process/signals.ts';
import { print } from '../util/process/terminal.ts';
import { commandLine, outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { addFlags, readFlags, type Typed } from './shared/flags.ts';
import { formatSchema, readFormat } from './shared/formats.ts';

const output = outputSchema.omit({ threads: true });

export function compareCommand(): Command {
  const command = new Command('compare').argument(
    '[files...]',
    'results records (default: all in the results folder)',
  );
  return addFlags(command, formatSchema, output).action(compareAndReport);
}

/** The section of a plan. */
export const compareSchema = z.object({
  files: z.array(z.string()).default([]).describe('results records (default: all in the results folder)'),
  ...formatSchema.shape,
});

/** Compares records, shows the result, saves it and a page with pictures. */
export async function compareAndReport(files: string[], typed: Typed): Promise<void> {
  const { resultsDir, json, quiet } = readFlags(output, typed);
  const format = readFormat(typed);
  const { compare } = await import('../experiment/compare/index.ts');
  const { comparisonSchema } = await import('../experiment/compare/record.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { comparePage } = await import('../report/compare/page.ts');
  const { comparisonTable } = await import('../report/compare/paper.ts');
  const { compareReport } = await import('../report/compare/report.ts');
  const { writeFileAtomic } = await import('../util/files.ts');

  const numbers = join(resultsDir, 'comparison.json');
  const run = async (context: CommandContext) => {
    const found = await interruptible(context.signal, () => compare({ files, resultsDir }, context));
    const page = join(resultsDir, 'comparison.html');
    if (json) print(jsonText(found));
    else print(format === 'text' ? compareReport(found) : comparisonTable(found, format));
    const notes = await saveRecord(numbers, comparisonSchema, found);
    await writeFileAtomic(page, await comparePage(found, commandLine()));
    for (const note of [...notes, `saved ${page}`]) context.progress.note(note);
  };
  await withContext({ quiet }, (context) => withRecords([numbers], () => run(context)));
}
