/** `recsys evaluate`: any tool's lists, scored by the evaluator that scores our own. */
import { Command } from 'commander';
import { z } from 'zod';
import { conventions } from '../evaluation/metrics.ts';
import type { ResultsRecord } from '../experiment/record.ts';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import { interruptible } from '../util/process/signals.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { experimentCommand } from './shared/experiment.ts';
import { readFlags, type Typed } from './shared/flags.ts';

const filesSchema = z.object({
  recommendations: z
    .string()
    .meta({ placeholder: 'file' })
    .describe('lists to score: userId, movieId and rank or score, with or without a header'),
  listColumns: z
    .string()
    .optional()
    .meta({ placeholder: 'list' })
    .describe('which column of the lists is what, by name or number: user=1,item=2,rank=3 or score=3'),
  compat: z
    .enum(Object.keys(conventions) as [keyof typeof conventions])
    .default('recsys')
    .describe('whose metric definitions to use'),
  output: z.string().optional().meta({ placeholder: 'file' }).describe('also save the record there'),
});
const reportSchema = outputSchema.pick({ json: true, quiet: true, verbose: true });

export const evaluateSections = {
  evaluate: filesSchema,
  data: dataSchema,
  protocol: protocolSchema,
  output: reportSchema,
};

export function evaluateCommand(): Command {
  const command = new Command('evaluate');
  return experimentCommand(command, evaluateSections, evaluateLists);
}

/** Scores the lists of a file, shows the record and, where asked to, saves it. */
export async function evaluateLists(typed: Typed): Promise<void> {
  const { recommendations, compat, output, listColumns } = readFlags(filesSchema, typed);
  const data = readFlags(dataSchema, typed);
  const protocol = readFlags(protocolSchema, typed);
  const report = readFlags(reportSchema, typed);
  const { evaluateFile } = await import('../experiment/evaluate.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { recordSchema } = await import('../experiment/record.ts');
  const { recordTable } = await import('../report/record-table.ts');
  const run = async (context: CommandContext) => {
    const lists = { recommendations, data, protocol, convention: compat, listColumns };
    const record = await interruptible(context.signal, () => evaluateFile(lists, context));
    print(report.json ? jsonText(record) : recordTable(record) + describeLists(record));
    if (output === undefined) return;
    for (const note of await saveRecord(output, recordSchema, record)) context.progress.note(note);
  };
  const paths = output === undefined ? [] : [output];
  await withContext({ quiet: report.quiet, threads: 1 }, (context) => withRecords(paths, () => run(context)));
}

function describeLists({ models }: ResultsRecord): string {
  const { facts } = models[0]!;
  return (
    `Lists ordered by ${facts['orderedBy']}; ${facts['ratedInTrain']} recommendations were rated in train, ` +
    `${facts['unknownMovies']} are unknown movies (both count as misses), ${facts['repeatedMovies']} were ` +
    `repeated, ${facts['unknownUsers']} users are unknown.\n`
  );
}
