/** `recsys baseline`, and a command per model of the registry (`recsys mf`): models under one protocol. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import { modelNames, registry, specOf, type ModelName, type ModelSpec } from '../models/registry.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext, type OutputOptions } from './shared/context.ts';
import { addFlags, readFlags } from './shared/flags.ts';
import { experimentCommand, runSchema, type Typed } from './shared/experiment.ts';
import { modelsNamed } from './shared/models.ts';

export const saveSchema = z.object({
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

const sections = {
  top: runSchema,
  data: dataSchema,
  protocol: protocolSchema,
  save: saveSchema,
  output: outputSchema,
};

export function baselineCommand(): Command {
  const command = new Command('baseline').description(
    'popularity, matrix factorization and factorization machine under one protocol',
  );
  addFlags(command, modelsSchema);
  const specs = (typed: Typed) => modelsNamed(readFlags(modelsSchema, typed).models, '--models');
  return modelsCommand(command, 'baseline', specs);
}

/** One command per model of the registry, with the model's own options as flags. */
export function modelCommands(): Command[] {
  return (Object.keys(registry) as ModelName[]).map((model) => {
    const { options, summary } = registry[model];
    const command = addFlags(new Command(model).description(summary), options);
    return modelsCommand(command, model, (typed) => [specOf(model, readFlags(options, typed))]);
  });
}

function modelsCommand(command: Command, name: string, specsOf: (typed: Typed) => ModelSpec[]): Command {
  return experimentCommand(
    command,
    sections,
    (typed) => runAndReport(name, specsOf(typed), typed),
    (typed) => ({
      name: readFlags(runSchema, typed).name ?? name,
      models: specsOf(typed).map(({ name, hyperparameters }) => ({ model: name, options: hyperparameters })),
    }),
  );
}

/** Runs models, shows the record and saves it as `NAME_metrics.json`; `typed` may name it otherwise. */
export async function runAndReport(own: string, models: ModelSpec[], typed: Typed): Promise<void> {
  const experiment = readFlags(runSchema, typed).name ?? own;
  const data = readFlags(dataSchema, typed);
  const protocol = readFlags(protocolSchema, typed);
  const lists = readFlags(saveSchema, typed);
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
