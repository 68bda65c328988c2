/** `recsys finetune-gpt2`: fine-tune GPT-2 on viewing histories, recommend with it, score it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { Gpt2Spec } from '../experiment/language/gpt2.ts';
import type { LanguageRecord } from '../experiment/record.ts';
import type { RunContext } from '../experiment/run.ts';
import { gpt2ItemOptions, itemFlags, tokensFlag } from '../models/gpt2/item-options.ts';
import { gpt2Options } from '../models/gpt2/options.ts';
import { UsageError } from '../util/errors.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { experimentCommand, runSchema, type Typed } from './shared/experiment.ts';
import { flagName, readFlags } from './shared/flags.ts';
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
    refuseOthers(typed, itemFlags, tokensFlag, 'text');
    const options = ownFolder(readFlags(gpt2Options, typed), typed, spec, 'gpt2');
    const { openEngine } = await import('../models/gpt2/engine/open.ts');
    const { runGpt2 } = await import('../experiment/language/gpt2.ts');
    return await runGpt2({ ...spec, options }, await openEngine(options, context.threads), context);
  },
  async items(typed: Record<string, unknown>, spec: Spec, context: RunContext) {
    refuseOthers(typed, gpt2Options, gpt2ItemOptions, 'items');
    const options = ownFolder(readFlags(gpt2ItemOptions, typed), typed, spec, 'gpt2-items');
    const { openEngine } = await import('../models/gpt2/engine/open.ts');
    const { runItemGpt2 } = await import('../experiment/language/gpt2-items.ts');
    return await runItemGpt2({ ...spec, options }, await openEngine(options, context.threads), context);
  },
};

/** With several seeds, each has a folder of its own for its checkpoints and its model. */
function ownFolder<O extends { output?: string | undefined }>(
  options: O,
  typed: Typed,
  { protocol: { seed }, resultsDir }: Spec,
  name: string,
): O {
  if (readFlags(runSchema, typed).seeds === undefined) return options;
  return { ...options, output: `${options.output ?? join(resultsDir, name)}-seed-${seed}` };
}

/** Throws UsageError for a typed flag of `others` that `own` does not have. */
function refuseOthers(
  typed: Record<string, unknown>,
  others: z.ZodObject,
  own: z.ZodObject,
  tokens: string,
): void {
  for (const key of Object.keys(others.shape)) {
    if (typed[key] === undefined || key in own.shape) continue;
    throw new UsageError({
      place: flagName(key),
      found: `--tokens ${tokens}, which does not use it`,
      remedy: `Leave out ${flagName(key)}.`,
    });
  }
}

/** Match classes, limits, and one user's list to look at. */
function describeLists(record: LanguageRecord): string {
  const { language } = record;
  const lines = [describeShares(language), ...describeReasons(language), ...describeLimits(record)];
  const [first] = language.users;
  if (first) lines.push(`The reply for user ${first.userId}:`, first.reply.trim());
  return `${lines.join('\n')}\n`;
}
