/** `recsys baseline`, and a command per model of the registry (`recsys mf`): models under one protocol. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { ModelsSpec } from '../experiment/jobs/records.ts';
import type { ResultsRecord } from '../experiment/record.ts';
import { modelNames, registry, specOf, type ModelName, type ModelSpec } from '../models/registry.ts';
import { UsageError } from '../util/errors.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext, type OutputOptions } from './shared/context.ts';
import { addFlags, readFlags, type Typed } from './shared/flags.ts';
import { isElsewhere, jobsSchema, withJobs, type JobsOptions } from './shared/jobs.ts';
import { experimentCommand, runSchema } from './shared/experiment.ts';
import { readModels } from './shared/models.ts';

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
  output: outputSchema.extend(jobsSchema.shape),
};

export function baselineCommand(): Command {
  const command = new Command('baseline');
  addFlags(command, modelsSchema);
  const specs = (typed: Typed) => readModels(readFlags(modelsSchema, typed).models, '--models');
  return modelsCommand(command, 'baseline', specs);
}

/** One command per model of the registry. */
export function modelCommands(): Command[] {
  return (Object.keys(registry) as ModelName[]).map(modelCommand);
}

/** The command of one model of the registry, with the model's own options as flags. */
export function modelCommand(model: ModelName): Command {
  const { options, summary } = registry[model];
  const command = addFlags(new Command(model).description(summary), options);
  return modelsCommand(command, model, (typed) => [specOf(model, readFlags(options, typed))]);
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
  const { name: experiment = own, seeds } = readFlags(runSchema, typed);
  const spec = { experiment, data: readFlags(dataSchema, typed), models };
  const protocol = readFlags(protocolSchema, typed);
  const jobs = readFlags(jobsSchema, typed);
  const asJobs = seeds !== undefined || isElsewhere(jobs);
  const { saveModels, saveRecommendations } = readSave(typed, {
    'several seeds': seeds !== undefined,
    'models that other processes fit': asJobs,
    'users who are held out of training': protocol.heldOutUsers !== undefined,
  });
  const output: OutputOptions = readFlags(outputSchema, typed);
  const { runExperiment } = await import('../experiment/run.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { recordSchema } = await import('../experiment/record.ts');

  const path = join(output.resultsDir, `${experiment}_metrics.json`);
  const run = async (context: CommandContext) => {
    const fits = join(output.resultsDir, 'cache', 'fits');
    const saver = saveModels && (await import('../use/fit.ts')).saverOfModels(saveModels);
    // A model that cannot be saved, such as on a full disk, loses no metric: the error comes after the record.
    const unsaved: unknown[] = [];
    const onFitted: typeof saver =
      saver && ((...fitted) => saver(...fitted).catch((error) => void unsaved.push(error)));
    const runContext = { ...context, fits, ...(onFitted && { onFitted }) };
    const asked = { ...spec, protocol, seeds };
    const done = asJobs
      ? { record: await jobsRecord(asked, jobs, output, context) }
      : await runExperiment(asked, runContext);
    const { record } = done;
    if (record === undefined) return;
    if (output.json) print(jsonText(record));
    else {
      const { recordTable } = await import('../report/record-table.ts');
      print(recordTable(record));
    }
    const notes = await saveRecord(path, recordSchema, record);
    if (unsaved.length > 0) throw unsaved[0];
    if (saveModels) notes.push(...models.map(({ name }) => `saved ${join(saveModels, name)}`));
    if (saveRecommendations && 'lists' in done) {
      const { saveLists } = await import('../experiment/lists.ts');
      const files = await saveLists(join(output.resultsDir, `${experiment}_recommendations`), done);
      notes.push(...files.map((file) => `saved ${file}`));
    }
    for (const note of notes) context.progress.note(note);
  };
  const savedModels = async (parent: string) => {
    const { MANIFEST } = await import('../use/saved-model.ts');
    return models.map(({ name }) => join(parent, name, MANIFEST));
  };
  const saved = saveModels === undefined ? [] : await savedModels(saveModels);
  await withContext(output, (context) => withRecords([path, ...saved], () => run(context)));
}

/** The record made by jobs; undefined where --emit wrote them. Fits of this process are kept as without jobs. */
async function jobsRecord(
  spec: ModelsSpec,
  jobs: JobsOptions,
  output: OutputOptions,
  context: CommandContext,
): Promise<ResultsRecord | undefined> {
  const { recordOfModels } = await import('../experiment/jobs/records.ts');
  const fits = join(output.resultsDir, 'cache', 'fits');
  const name = spec.experiment;
  return await withJobs(jobs, output, name, context, (means) => recordOfModels(spec, means, context), {
    fits,
  });
}

/** Throws UsageError where one of `hindrances` keeps models or lists from being saved. */
function readSave(typed: Typed, hindrances: Record<string, boolean>): z.output<typeof saveSchema> {
  const save = readFlags(saveSchema, typed);
  const found = Object.keys(hindrances).find((name) => hindrances[name]);
  if (found === undefined || (save.saveModels === undefined && !save.saveRecommendations)) return save;
  const flag = save.saveModels === undefined ? '--save-recommendations' : '--save-models';
  throw new UsageError({ place: flag, found, remedy: `Leave out ${flag}.` });
}
