/** `recsys finetune-gpt2`: fine-tune GPT-2 on viewing histories, recommend with it, score it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { LanguageRecord } from '../experiment/record.ts';
import { gpt2Options } from '../models/gpt2/options.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { addFlags, readFlags } from './shared/flags.ts';
import { describeLimits, describeShares } from './shared/language.ts';
import { comparisonSchema, modelsNamed } from './shared/models.ts';

const compareWith = comparisonSchema(['popularity', 'popularity-count', 'mf']);

export function finetuneGpt2Command(): Command {
  const command = new Command('finetune-gpt2').description(
    'GPT-2 fine-tuned on viewing histories, its lists scored like every other model; no Python, no network with --init scratch',
  );
  addFlags(command, gpt2Options, compareWith, dataSchema, protocolSchema, outputSchema);
  return command.action(async (typed: Record<string, unknown>) => {
    const output = readFlags(outputSchema, typed);
    const { resultsDir } = output;
    const options = readFlags(gpt2Options, typed);
    const spec = {
      options,
      data: readFlags(dataSchema, typed),
      protocol: readFlags(protocolSchema, typed),
      comparisonModels: modelsNamed(readFlags(compareWith, typed).compareWith, '--compare-with'),
      resultsDir,
    };
    const { openEngine } = await import('../models/gpt2/engine/open.ts');
    const { runGpt2 } = await import('../experiment/language/gpt2.ts');
    const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
    const { languageRecordSchema } = await import('../experiment/record.ts');
    const { recordTable } = await import('../report/record-table.ts');
    const path = join(resultsDir, 'gpt2_recommendations.json');
    const run = async (context: CommandContext) => {
      const engine = await openEngine(options, context.threads);
      const record = await runGpt2(spec, engine, context);
      print(output.json ? jsonText(record) : recordTable(record) + describeLists(record));
      const notes = await saveRecord(path, languageRecordSchema, record);
      for (const note of notes) context.progress.note(note);
    };
    await withContext(output, (context) => withRecords([path], () => run(context)));
  });
}

/** Match classes, limits, and one user's list to look at. */
function describeLists(record: LanguageRecord): string {
  const lines = [describeShares(record.language), ...describeLimits(record)];
  const [first] = record.language.users;
  if (first) lines.push(`The reply for user ${first.userId}:`, first.reply.trim());
  return `${lines.join('\n')}\n`;
}
