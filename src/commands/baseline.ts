/** `recsys baseline`, and a command per model of the registry (`recsys mf`): models under one protocol. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { ModelsSpec } from '../experiment/jobs/records.ts';
import type { ResultsRecord } from '../experiment/record.ts';
import type { Outcome } from '../experiment/run.ts';
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
  const run = readRun(own, models, typed);
  const { jsonText, withRecords } = await import('../experiment/store.ts');
  await withContext(run.output, async (context) =>
    withRecords(await filesOf(run), async () => {
      const done = await runModels(run, context);
      if (done === undefined) return;
      if (run.output.json) print(jsonText(done.record));
      else print((await import('../report/record-table.ts')).recordTable(done.record));
      for (const note of await saveRun(run, done)) context.progress.note(note);
    }),
  );
}

/** What was typed for a run. */
interface Run {
  spec: ModelsSpec & { models: ModelSpec[] };
  jobs: JobsOptions;
  /** Whether models are jobs of their own; then none is saved. */
  asJobs: boolean;
  save: z.output<typeof saveSchema>;
  output: OutputOptions;
}

/** Without `lists` where jobs made the record. */
type Done = (Outcome | { record: ResultsRecord }) & {
  /** Why models could not be saved, as on a full disk: that loses no metric, so it is an error after the record. */
  unsaved: unknown[];
};

function readRun(own: string, models: ModelSpec[], typed: Typed): Run {
  const { name: experiment = own, seeds } = readFlags(runSchema, typed);
  const data = readFlags(dataSchema, typed);
  const protocol = readFlags(protocolSchema, typed);
  const jobs = readFlags(jobsSchema, typed);
  const asJobs = seeds !== undefined || isElsewhere(jobs);
  const save = readSave(typed, {
    'several seeds': seeds !== undefined,
    'models that other processes fit': asJobs,
    'users who are held out of training': protocol.heldOutUsers !== undefined,
  });
  const spec = { experiment, data, models, protocol, seeds };
  return { spec, jobs, asJobs, save, output: readFlags(outputSchema, typed) };
}

function recordPath({ spec, output }: Run): string {
  return join(output.resultsDir, `${spec.experiment}_metrics.json`);
}

/** The record, and what makes a folder a saved model. */
async function filesOf(run: Run): Promise<string[]> {
  const { saveModels } = run.save;
  if (saveModels === undefined) return [recordPath(run)];
  const { MANIFEST } = await import('../use/saved-model.ts');
  return [recordPath(run), ...run.spec.models.map(({ name }) => join(saveModels, name, MANIFEST))];
}

/** Undefined where --emit wrote jobs. */
async function runModels(run: Run, context: CommandContext): Promise<Done | undefined> {
  const { spec, asJobs, save, output } = run;
  const unsaved: unknown[] = [];
  if (asJobs) {
    const record = await jobsRecord(run, context);
    return record && { record, unsaved };
  }
  const { runExperiment } = await import('../experiment/run.ts');
  const fits = join(output.resultsDir, 'cache', 'fits');
  const saver = save.saveModels && (await import('../use/fit.ts')).saverOfModels(save.saveModels);
  const onFitted: typeof saver =
    saver && ((...fitted) => saver(...fitted).catch((error) => void unsaved.push(error)));
  const outcome = await runExperiment(spec, { ...context, fits, ...(onFitted && { onFitted }) });
  return { ...outcome, unsaved };
}

/** Saves the record, and the lists where that was asked. Returns what to say; throws why models could not be saved. */
async function saveRun(run: Run, done: Done): Promise<string[]> {
  const { saveModels, saveRecommendations } = run.save;
  const { saveRecord } = await import('../experiment/store.ts');
  const { recordSchema } = await import('../experiment/record.ts');
  const notes = await saveRecord(recordPath(run), recordSchema, done.record);
  if (done.unsaved.length > 0) throw done.unsaved[0];
  if (saveModels) notes.push(...run.spec.models.map(({ name }) => `saved ${join(saveModels, name)}`));
  if (saveRecommendations && 'lists' in done) {
    const { saveLists } = await import('../experiment/lists.ts');
    const stem = join(run.output.resultsDir, `${run.spec.experiment}_recommendations`);
    notes.push(...(await saveLists(stem, done)).map((file) => `saved ${file}`));
  }
  return notes;
}

/** The record made by jobs; undefined where --emit wrote them. Fits of this process are kept as without jobs. */
async function jobsRecord(
  { spec, jobs, output }: Run,
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
