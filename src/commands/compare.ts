/** `recsys compare`: every approach that has a record, on one page, with honest uncertainty. */
import { join } from 'node:path';
import { Command } from 'commander';
import { outputSchema, withContext } from './shared/context.ts';
import { addFlags, readFlags } from './shared/flags.ts';

const output = outputSchema.omit({ threads: true });

export function compareCommand(): Command {
  const command = new Command('compare')
    .description('compare recorded results: one table, paired tests, one page with pictures')
    .argument('[files...]', 'results records (default: all in the results folder)');
  return addFlags(command, output).action(async (files: string[], typed: Record<string, unknown>) => {
    const { resultsDir, json, quiet } = readFlags(output, typed);
    const { compare } = await import('../experiment/compare/index.ts');
    const { comparisonSchema } = await import('../experiment/compare/record.ts');
    const { jsonText, saveRecord } = await import('../experiment/store.ts');
    const { comparePage, compareReport } = await import('../report/compare/page.ts');
    const { writeFileAtomic } = await import('../util/files.ts');

    await withContext({ quiet }, async (context) => {
      const found = await compare({ files, resultsDir }, context);
      const numbers = join(resultsDir, 'comparison.json');
      const page = join(resultsDir, 'comparison.html');
      await saveRecord(numbers, comparisonSchema, found);
      await writeFileAtomic(page, await comparePage(found, ['recsys', ...process.argv.slice(2)].join(' ')));
      process.stdout.write(json ? jsonText(found) : compareReport(found));
      for (const file of [numbers, page]) context.progress.note(`saved ${file}`);
    });
  });
}
