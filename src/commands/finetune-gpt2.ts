/** `recsys finetune-gpt2`: fine-tune GPT-2 on viewing histories, recommend with it, score it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { PerformContext } from '../experiment/jobs/perform.ts';
import type { Gpt2Fields } from '../experiment/jobs/records.ts';
import type { Gpt2Spec } from '../experiment/language/gpt2.ts';
import type { RunContext } from '../experiment/run.ts';
import { gpt2ItemOptions, itemFlags, tokensFlag } from '../models/gpt2/item-options.ts';
import { gpt2Options } from '../models/gpt2/options.ts';
import type { ModelSpec } from '../models/registry.ts';
import { optionsAffectingResult } from '../util/options.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { experimentCommand, runSchema, type Typed } from './shared/experiment.ts';
import { readFlags } from './shared/flags.ts';
import { readItemOptions, readTextOptions } from './shared/gpt2.ts';
import { isElsewhere, jobsSchema, withJobs } from './shared/jobs.ts';
import { comparisonSchema, modelsNamed } from './shared/models.ts';
import { hybridAsked, retrievalSchema } from './shared/retrieval.ts';

const compareWith = comparisonSchema(['popularity', 'popularity-count', 'mf']);

export const gpt2Sections = {
  top: runSchema,
  gpt2: z.object({
    ...tokensFlag.shape,
    ...itemFlags.shape,
    ...gpt2Options.shape,
    ...compareWith.shape,
    ...retrievalSchema.shape,
  }),
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
  const { tokens } = readFlags(tokensFlag, typed);
  const { name = 'gpt2', seeds } = readFlags(runSchema, typed);
  const retrieval = readFlags(retrievalSchema, typed);
  const hybrid = hybridAsked(retrieval);
  const spec = {
    data: readFlags(dataSchema, typed),
    protocol: readFlags(protocolSchema, typed),
    comparisonModels: modelsNamed(readFlags(compareWith, typed).compareWith, '--compare-with'),
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
          (means) => recordOfGpt2({ ...spec, seeds }, gpt2JobOf(typed, spec), means, context),
          { gpt2: (seed) => keepingOf(typed, { ...spec, protocol: { ...spec.protocol, seed } }) },
        )
      : await runOn[tokens](typed, spec, context);
    if (record === undefined) return;
    print(output.json ? jsonText(record) : recordTable(record) + listsText(record));
    const notes = await saveRecord(path, languageRecordSchema, record);
    for (const note of notes) context.progress.note(note);
  };
  await withContext(output, (context) => withRecords([path], () => runAndSave(context)));
}

type Spec = Omit<Gpt2Spec, 'options'>;

/** The run on texts or on item tokens. Throws UsageError for a flag that only the other one has. */
const runOn = {
  async text(typed: Record<string, unknown>, spec: Spec, context: RunContext) {
    const options = ownFolder(readTextOptions(typed), typed, spec, 'gpt2');
    const { openEngine } = await import('../models/gpt2/engine/open.ts');
    const { runGpt2 } = await import('../experiment/language/gpt2.ts');
    const saving = { ...context, onFitted: savingIn(options.output) };
    return await runGpt2({ ...spec, options }, await openEngine(options, context.threads), saving);
  },
  async items(typed: Record<string, unknown>, spec: Spec, context: RunContext) {
    const options = ownFolder(readItemOptions(typed), typed, spec, 'gpt2-items');
    const { openEngine } = await import('../models/gpt2/engine/open.ts');
    const { runItemGpt2 } = await import('../experiment/language/gpt2-items.ts');
    const saving = { ...context, onFitted: savingIn(options.output) };
    return await runItemGpt2({ ...spec, options }, await openEngine(options, context.threads), saving);
  },
};

/** The options with the folder of checkpoints and model. With several seeds, each has one of its own. */
function ownFolder<O extends { output?: string | undefined }>(
  options: O,
  typed: Typed,
  { protocol: { seed }, resultsDir }: Spec,
  name: string,
): O & { output: string } {
  const output = options.output ?? join(resultsDir, name);
  const isOneOfMany = readFlags(runSchema, typed).seeds !== undefined;
  return { ...options, output: isOneOfMany ? `${output}-seed-${seed}` : output };
}

/** Saves the trained model in `folder` for `recsys recommend`, where it can be saved. */
function savingIn(folder: string): NonNullable<RunContext['onFitted']> {
  return async (spec, fitted, prepared) => {
    const { saveFitted } = await import('../use/fit.ts');
    if (fitted.save) await saveFitted(folder, spec, fitted, prepared);
  };
}

function gpt2JobOf(typed: Typed, { comparisonModels, candidates, hybrid }: Spec): Gpt2Fields {
  const { tokens } = readFlags(tokensFlag, typed);
  return {
    tokens,
    options:
      tokens === 'items'
        ? optionsAffectingResult(gpt2ItemOptions, readItemOptions(typed))
        : optionsAffectingResult(gpt2Options, readTextOptions(typed)),
    comparisonModels: comparisonModels.map(jobModel),
    candidates: candidates ?? 'none',
    ...(hybrid && { hybrid: { ...hybrid, model: jobModel(hybrid.model) } }),
  };
}

function jobModel({ name, model, hyperparameters }: ModelSpec) {
  return { name, model, hyperparameters };
}

/** What a seed keeps on this machine: checkpoints, the model, the log. */
function keepingOf(typed: Typed, spec: Spec): ReturnType<NonNullable<PerformContext['gpt2']>> {
  const isItems = readFlags(tokensFlag, typed).tokens === 'items';
  const options = isItems
    ? ownFolder(readItemOptions(typed), typed, spec, 'gpt2-items')
    : ownFolder(readTextOptions(typed), typed, spec, 'gpt2');
  return { resultsDir: spec.resultsDir, options, onFitted: savingIn(options.output) };
}
