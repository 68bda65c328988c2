/** `recsys explore`: one page about a data set, its numbers, and a summary. */
import { join } from 'node:path';
import { Command } from 'commander';
import { dataSchema, embeddedDataset, protocolSchema } from '../experiment/protocol.ts';
import { popularityOptions } from '../models/popularity/options.ts';
import { interruptible } from '../util/process/signals.ts';
import { print } from '../util/process/terminal.ts';
import { commandLine, outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { addFlags, readFlags, type Typed } from './shared/flags.ts';

/** The section of a plan, besides data and protocol. */
export const exploreSchema = popularityOptions.pick({ damping: true });

const schema = dataSchema
  .pick({ dataset: true, columns: true, strict: true })
  .extend(protocolSchema.pick({ testShare: true, seed: true, threshold: true }).shape)
  .extend(exploreSchema.shape);
const output = outputSchema.omit({ threads: true });

export function exploreCommand(): Command {
  const command = new Command('explore');
  return addFlags(command, schema, output).action(exploreAndReport);
}

/** Looks at a data set, shows the result, saves it and a page with pictures. */
export async function exploreAndReport(typed: Typed): Promise<void> {
  const { dataset = embeddedDataset, ...settings } = readFlags(schema, typed);
  const { resultsDir, json, quiet } = readFlags(output, typed);
  const { explore } = await import('../explore/index.ts');
  const { explorationSchema } = await import('../explore/record.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { explorePage } = await import('../report/explore/page.ts');
  const { exploreSummary } = await import('../report/explore/summary.ts');
  const { writeFileAtomic } = await import('../util/files.ts');

  const numbers = join(resultsDir, 'exploration.json');
  const run = async (context: CommandContext) => {
    const found = await interruptible(context.signal, () => explore({ dataset, ...settings }, context));
    const page = join(resultsDir, 'exploration.html');
    print(json ? jsonText(found) : exploreSummary(found));
    const notes = await saveRecord(numbers, explorationSchema, found);
    const html = await interruptible(context.signal, () => explorePage(found, commandLine()));
    await writeFileAtomic(page, html);
    for (const note of [...notes, `saved ${page}`]) context.progress.note(note);
  };
  await withContext({ quiet }, (context) => withRecords([numbers], () => run(context)));
}
