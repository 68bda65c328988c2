/** `recsys runs`: what is in the results folder, sorted, filtered, compared, exported. */
import { Command } from 'commander';
import { z } from 'zod';
import { UsageError } from '../util/errors.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema } from './shared/context.ts';
import { addFlags, readFlags, type Typed } from './shared/flags.ts';
import { formatSchema, readFormat } from './shared/formats.ts';

const schema = z.object({
  sort: z
    .string()
    .optional()
    .describe('by this value, highest first: f1, date, factors (default: as in the folder)'),
  reverse: z.boolean().default(false).describe('the other way round'),
  where: z
    .array(z.string())
    .default([])
    .meta({ placeholder: 'conditions' })
    .describe('only runs for which these hold: model=mf,factors>=64,f1>0.18'),
  columns: z
    .array(z.string())
    .optional()
    .describe('values to show: names of settings, options and metrics, such as name,factors,f1'),
  diff: z.boolean().default(false).describe('show what differs between the runs, in settings and scores'),
  older: z.boolean().default(false).describe('also the records that later runs have replaced'),
  mlflow: z
    .string()
    .optional()
    .meta({ placeholder: 'dir' })
    .describe('also write the runs there in the layout of MLflow’s file store'),
});
const output = outputSchema.pick({ resultsDir: true, json: true, quiet: true, verbose: true });

export function runsCommand(): Command {
  const command = new Command('runs').argument(
    '[files...]',
    'results records (default: all in the results folder)',
  );
  return addFlags(command, schema, formatSchema, output).action(async (files: string[], typed: Typed) => {
    const { sort, reverse, where, columns, diff, older, mlflow } = readFlags(schema, typed);
    const { resultsDir, json, quiet } = readFlags(output, typed);
    const format = readFormat(typed);
    const { listRuns } = await import('../experiment/runs/list.ts');
    const { filterRuns, requireKey, sortRuns } = await import('../experiment/runs/select.ts');
    const { differencesTable, runsTable } = await import('../report/runs/table.ts');
    const note = (line: string) => quiet || process.stderr.write(`${line}\n`);

    const { runs: all, notes } = await listRuns(files, resultsDir, older);
    for (const line of notes) note(`note: left out: ${line}`);
    const chosen = filterRuns(all, where);
    const runs =
      sort === undefined ? (reverse ? chosen.toReversed() : chosen) : sortRuns(chosen, sort, reverse);
    for (const key of columns ?? []) requireKey(all, key, '--columns');
    if (diff && runs.length < 2) {
      throw new UsageError({ place: '--diff', found: `${runs.length} runs`, wanted: 'at least two' });
    }
    if (json)
      print(
        `${JSON.stringify(
          runs.map(({ values }) => values),
          null,
          2,
        )}\n`,
      );
    else if (diff) print(differencesTable(runs, format));
    else if (runs.length === 0)
      note(all.length === 0 ? `${resultsDir} holds no results record.` : 'No run meets --where.');
    else print(runsTable(runs, columns, format));
    if (mlflow === undefined) return;
    const { exportToMlflow } = await import('../experiment/runs/mlflow.ts');
    await exportToMlflow(runs, mlflow);
    note(`saved ${runs.length} runs in ${mlflow}: mlflow ui --backend-store-uri ${mlflow}`);
  });
}
