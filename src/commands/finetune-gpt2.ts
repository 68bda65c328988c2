/** `recsys finetune-gpt2`: fine-tune GPT-2 on viewing histories, recommend with it, score it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { LanguageRecord } from '../experiment/record.ts';
import { gpt2GenerateOptions, gpt2ModelOptions, gpt2TrainOptions } from '../models/gpt2/options.ts';
import { variants } from '../models/registry.ts';
import { outputSchema, withContext } from './shared/context.ts';
import { addFlags, readFlags } from './shared/flags.ts';

const companySchema = z.object({
  compareWith: z
    .array(z.enum(Object.keys(variants) as [string]))
    .default(['popularity', 'popularity-count', 'mf'])
    .describe('models to evaluate on the same users'),
});

export function finetuneGpt2Command(): Command {
  const command = new Command('finetune-gpt2').description(
    'GPT-2 fine-tuned on viewing histories, its lists scored like every other model; no Python, no network with --init scratch',
  );
  addFlags(
    command,
    gpt2ModelOptions,
    gpt2TrainOptions,
    gpt2GenerateOptions,
    companySchema,
    dataSchema,
    protocolSchema,
    outputSchema,
  );
  return command.action(async (typed: Record<string, unknown>) => {
    const output = readFlags(outputSchema, typed);
    const { resultsDir } = output;
    const model = readFlags(gpt2ModelOptions, typed);
    const spec = {
      options: {
        ...model,
        ...readFlags(gpt2TrainOptions, typed),
        ...readFlags(gpt2GenerateOptions, typed),
      },
      data: readFlags(dataSchema, typed),
      protocol: readFlags(protocolSchema, typed),
      ...readFlags(companySchema, typed),
      resultsDir,
    };
    const { openEngine } = await import('../models/gpt2/engine/open.ts');
    const { runGpt2 } = await import('../experiment/language/gpt2.ts');
    const { saveRecord, jsonText } = await import('../experiment/store.ts');
    const { languageRecordSchema } = await import('../experiment/record.ts');
    const { recordTable } = await import('../report/table.ts');
    await withContext(output, async (context) => {
      const engine = await openEngine(model, context.threads);
      const record = await runGpt2(spec, engine, context);
      const path = join(resultsDir, 'gpt2_recommendations.json');
      await saveRecord(path, languageRecordSchema, record);
      process.stdout.write(output.json ? jsonText(record) : recordTable(record) + describeLists(record));
      context.progress.note(`saved ${path}`);
    });
  });
}

/** Match classes, and one user's list to look at. */
function describeLists({ language }: LanguageRecord): string {
  const { shares, historiesCut, users } = language;
  const percent = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .map(([name, share]) => `${(100 * share).toFixed(1)}% ${name}`);
  const lines = [`Titles: ${percent.join(', ') || 'none'}.`];
  if (historiesCut > 0) lines.push(`${historiesCut} histories were too long for the context and were cut.`);
  const [first] = users;
  if (first) lines.push(`What user ${first.userId} was told:`, first.reply.trim());
  return `${lines.join('\n')}\n`;
}
