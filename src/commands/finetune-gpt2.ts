/** `recsys finetune-gpt2`: fine-tune GPT-2 on viewing histories, recommend with it, score it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { Gpt2Fields } from '../experiment/jobs/records.ts';
import type { FineTuningSpec } from '../experiment/language/gpt2/fine-tune.ts';
import type { LanguageRecord } from '../experiment/record.ts';
import type { RunContext } from '../experiment/run.ts';
import type { ModelSpec } from '../models/registry.ts';
import { optionsAffectingResult } from '../util/options.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { experimentCommand, runSchema } from './shared/experiment.ts';
import { readFlags, type Typed } from './shared/flags.ts';
import { gpt2Flags, readGpt2, type TypedGpt2 } from './shared/gpt2.ts';
import { isElsewhere, jobsSchema, withJobs } from './shared/jobs.ts';
import { comparisonSchema, readModels } from './shared/models.ts';
import { readHybrid, retrievalSchema } from './shared/retrieval.ts';

const compareWith = comparisonSchema(['popularity', 'popularity-count', 'mf']);

export const gpt2Sections = {
  top: runSchema,
  gpt2: gpt2Flags.extend({ ...compareWith.shape, ...retrievalSchema.shape }),
  data: dataSchema,
  protocol: protocolSchema,
  output: outputSchema.extend(jobsSchema.shape),
};

export function finetuneGpt2Command(): Command {
  const command = new Command('finetune-gpt2');
  return experimentCommand(command, gpt2Sections, finetuneGpt2);
}

/** Trains GPT-2, asks it for lists, shows the record and saves it. */
export async function finetuneGpt2(typed: Typed): Promise<void> {
  const output = readFlags(outputSchema, typed);
  const { resultsDir } = output;
  const gpt2 = readGpt2(typed);
  const { name = 'gpt2', seeds } = readFlags(runSchema, typed);
  const retrieval = readFlags(retrievalSchema, typed);
  const hybrid = readHybrid(retrieval);
  const spec = {
    data: readFlags(dataSchema, typed),
    protocol: readFlags(protocolSchema, typed),
    comparisonModels: readModels(readFlags(compareWith, typed).compareWith, '--compare-with'),
    candidates: retrieval.candidates,
    ...(hybrid && { hybrid }),
    resultsDir,
  };
  const jobs = readFlags(jobsSchema, typed);
  const asJobs = seeds !== undefined || isElsewhere(jobs);
  const { recordOfGpt2 } = await import('../experiment/jobs/records.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { languageRecordSchema } = await import('../experiment/record.ts');
  const { recordTable } = await import('../report/record-table.ts');
  const { listsText } = await import('../report/language/lists.ts');
  const path = join(resultsDir, `${name}_recommendations.json`);
  const runAndSave = async (context: CommandContext) => {
    const record = asJobs
      ? await withJobs(
          jobs,
          output,
          name,
          context,
          (means) => recordOfGpt2({ ...spec, seeds }, gpt2JobOf(gpt2, spec), means, context),
          { gpt2: (seed) => keepingOf(gpt2, resultsDir, seeds === undefined ? undefined : seed) },
        )
      : await run(gpt2, spec, context);
    if (record === undefined) return;
    print(output.json ? jsonText(record) : recordTable(record) + listsText(record));
    const notes = await saveRecord(path, languageRecordSchema, record);
    for (const note of notes) context.progress.note(note);
  };
  await withContext(output, (context) => withRecords([path], () => runAndSave(context)));
}

const outputFlag = gpt2Flags.pick({ output: true });

type Spec = Omit<FineTuningSpec, 'output'>;

async function run(gpt2: TypedGpt2, spec: Spec, context: RunContext): Promise<LanguageRecord> {
  const { output, options, onFitted } = keepingOf(gpt2, spec.resultsDir);
  const opened = await gpt2.kind.open(options, { ...context, onFitted });
  return await opened.run({ ...spec, output });
}

/** What a run keeps on this machine: checkpoints, the model, the log. With several seeds, each has a folder of its own. */
function keepingOf({ kind, options }: TypedGpt2, resultsDir: string, seed?: number) {
  const { output: given = join(resultsDir, kind.folder) } = readFlags(outputFlag, options);
  const output = seed === undefined ? given : `${given}-seed-${seed}`;
  return { resultsDir, output, options, onFitted: savingIn(output) };
}

/** Saves the trained model in `folder` for `recsys recommend`; where it cannot be saved, that of an earlier run goes. */
function savingIn(folder: string): NonNullable<RunContext['onFitted']> {
  return async (spec, fitted, prepared) => {
    const { saveFitted } = await import('../use/fit.ts');
    const { removeSavedModel } = await import('../use/saved-model.ts');
    if (fitted.save) await saveFitted(folder, spec, fitted, prepared);
    else await removeSavedModel(folder);
  };
}

function gpt2JobOf(
  { tokens, kind, options }: TypedGpt2,
  { comparisonModels, candidates, hybrid }: Spec,
): Gpt2Fields {
  return {
    tokens,
    options: optionsAffectingResult(kind.schema, options),
    comparisonModels: comparisonModels.map(jobModel),
    candidates: candidates ?? 'none',
    ...(hybrid && { hybrid: { ...hybrid, model: jobModel(hybrid.model) } }),
  };
}

function jobModel({ name, model, hyperparameters }: ModelSpec) {
  return { name, model, hyperparameters };
}
