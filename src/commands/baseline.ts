/** `recsys baseline`, and a command per model of the registry (`recsys mf`): models under one protocol. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import { modelNames, registry, specOf, type ModelName, type ModelSpec } from '../models/registry.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext, type OutputOptions } from './shared/context.ts';
import { addFlags, readFlags } from './shared/flags.ts';
import { modelsNamed } from './shared/models.ts';

const listsSchema = z.object({
  saveRecommendations: z
    .boolean()
    .default(false)
    .describe('also save the lists: CSV, and JSON with titles, beside the record'),
  saveModels: z
    .string()
    .optional()
    .meta({ placeholder: 'dir' })
    .describe('also save the fitted models, each in a folder of its name, for `recsys recommend`'),
});

const modelsSchema = z.object({
  models: z
    .array(z.string())
    .default(['popularity', 'popularity-count', 'mf', 'fm'])
    .describe(`models to run, of ${modelNames.join(', ')}`),
});

const shared = [dataSchema, protocolSchema, listsSchema, outputSchema] as const;

export function baselineCommand(): Command {
  const command = new Command('baseline').description(
    'popularity, matrix factorization and factorization machine under one protocol',
  );
  addFlags(command, modelsSchema, ...shared);
  return command.action(async (typed: Record<string, unknown>) => {
    const { models } = readFlags(modelsSchema, typed);
    await runAndReport('baseline', modelsNamed(models, '--models'), typed);
  });
}

/** One command per model of the registry, with the model's own options as flags. */
export function modelCommands(): Command[] {
  return (Object.keys(registry) as ModelName[]).map((model) => {
    const { options, summary } = registry[model];
    const command = addFlags(new Command(model).description(summary), options, ...shared);
    return command.action(async (typed: Record<string, unknown>) => {
      await runAndReport(model, [specOf(model, readFlags(options, typed))], typed);
    });
  });
}

async function runAndReport(
  experiment: string,
  models: ModelSpec[],
  typed: Record<string, unknown>,
): Promise<void> {
  const data = readFlags(dataSchema, typed);
  const protocol = readFlags(protocolSchema, typed);
  const lists = readFlags(listsSchema, typed);
  const output: OutputOptions = readFlags(outputSchema, typed);
  const { runExperiment } = await import('../experiment/run.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { recordSchema } = await import('../experiment/record.ts');

  const path = join(output.resultsDir, `${experiment}_metrics.json`);
  const run = async (context: CommandContext) => {
    const fits = join(output.resultsDir, 'cache', 'fits');
    const { saveModels } = lists;
    const onFitted = saveModels && (await import('../use/fit.ts')).saverOfModels(saveModels);
    const outcome = await runExperiment(
      { experiment, data, protocol, models },
      { ...context, fits, ...(onFitted && { onFitted }) },
    );
    if (output.json) print(jsonText(outcome.record));
    else {
      const { recordTable } = await import('../report/record-table.ts');
      print(recordTable(outcome.record));
    }
    const notes = await saveRecord(path, recordSchema, outcome.record);
    if (saveModels) notes.push(...models.map(({ name }) => `saved ${join(saveModels, name)}`));
    if (lists.saveRecommendations) {
      const { saveLists } = await import('../experiment/lists.ts');
      const files = await saveLists(join(output.resultsDir, `${experiment}_recommendations`), outcome);
      notes.push(...files.map((file) => `saved ${file}`));
    }
    for (const note of notes) context.progress.note(note);
  };
  await withContext(output, (context) => withRecords([path], () => run(context)));
}
