/** `recsys finetune-gpt2`: fine-tune GPT-2 on viewing histories, recommend with it, score it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { Gpt2Spec } from '../experiment/language/gpt2.ts';
import type { LanguageRecord } from '../experiment/record.ts';
import type { RunContext } from '../experiment/run.ts';
import { itemFlags, tokensFlag } from '../models/gpt2/item-options.ts';
import { gpt2Options } from '../models/gpt2/options.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { experimentCommand, runSchema, type Typed } from './shared/experiment.ts';
import { readFlags } from './shared/flags.ts';
import { readItemOptions, readTextOptions } from './shared/gpt2.ts';
import { describeLimits, describeReasons, describeShares } from './shared/language.ts';
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
  output: outputSchema,
};

export function finetuneGpt2Command(): Command {
  const command = new Command('finetune-gpt2').description(
    'GPT-2 fine-tuned on viewing histories, its lists scored like every other model; no Python, no network with --init scratch',
  );
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
  const { overSeeds } = await import('../experiment/seeds/run.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { languageRecordSchema } = await import('../experiment/record.ts');
  const { recordTable } = await import('../report/record-table.ts');
  const path = join(resultsDir, `${name}_recommendations.json`);
  const runAndSave = async (context: CommandContext) => {
    const record = await overSeeds(seeds, spec.protocol, context, (protocol) =>
      runOn[tokens](typed, { ...spec, protocol }, context),
    );
    print(output.json ? jsonText(record) : recordTable(record) + describeLists(record));
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
    const saving = await savingIn(options.output, context);
    return await runGpt2({ ...spec, options }, await openEngine(options, context.threads), saving);
  },
  async items(typed: Record<string, unknown>, spec: Spec, context: RunContext) {
    const options = ownFolder(readItemOptions(typed), typed, spec, 'gpt2-items');
    const { openEngine } = await import('../models/gpt2/engine/open.ts');
    const { runItemGpt2 } = await import('../experiment/language/gpt2-items.ts');
    const saving = await savingIn(options.output, context);
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

/** The context with a hook that saves the trained model in `folder` for `recsys recommend`, where it can be saved. */
async function savingIn(folder: string, context: RunContext): Promise<RunContext> {
  const { saveFitted } = await import('../use/fit.ts');
  const onFitted: RunContext['onFitted'] = async (spec, fitted, prepared) => {
    if (fitted.save) await saveFitted(folder, spec, fitted, prepared);
  };
  return { ...context, onFitted };
}

/** Match classes, limits, and one user's list to look at. */
function describeLists(record: LanguageRecord): string {
  const { language } = record;
  const lines = [describeShares(language), ...describeReasons(language), ...describeLimits(record)];
  const [first] = language.users;
  if (first) lines.push(`The reply for user ${first.userId}:`, first.reply.trim());
  return `${lines.join('\n')}\n`;
}
