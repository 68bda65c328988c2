/** `recsys openai`: GPT-4o, or any server that speaks its API, for a sample of users. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import type { CostEstimate, OpenAiSpec } from '../experiment/language/chat.ts';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import type { LanguageRecord } from '../experiment/record.ts';
import { chatOptions } from '../models/chat/options.ts';
import { variants } from '../models/registry.ts';
import { UsageError } from '../util/errors.ts';
import { outputSchema, withContext } from './shared/context.ts';
import { addFlags, readFlags } from './shared/flags.ts';

const names = Object.keys(variants);

const runSchema = z.object({
  numUsers: z.int().min(1).default(5).describe('size of the seeded sample of users'),
  users: z
    .string()
    .optional()
    .meta({ placeholder: 'ids' })
    .describe('these user ids instead of a sample: 425,12'),
  candidates: z
    .string()
    .regex(
      /^(?:none|bm25:[1-9]\d{0,3}|[a-z-]+:[1-9]\d{0,3})$/u,
      'expected none, bm25:N or MODEL:N, such as mf:100',
    )
    .default('none')
    .meta({ placeholder: 'source:n' })
    .describe('let the model choose from n candidates of a fitted model (mf:100) or a text index (bm25:100)'),
  hybrid: z
    .enum(names as [string])
    .optional()
    .describe('also blend the ranking with this model’s'),
  hybridWeight: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'weight of the chat model in the blend (default: chosen on as many validation users, who are asked too)',
    ),
  compareWith: z
    .array(z.enum(names as [string]))
    .default(['mf', 'popularity'])
    .describe('models to evaluate on the same users'),
  replay: z
    .string()
    .optional()
    .meta({ placeholder: 'file' })
    .describe('score stored answers instead of asking: JSONL with userId, and text or titles'),
  dryRun: z
    .boolean()
    .default(false)
    .describe('print tokens and cost and ask nobody; --verbose shows the prompts'),
  maxCost: z
    .number()
    .positive()
    .optional()
    .meta({ placeholder: 'usd' })
    .describe('stop before the request that could exceed this many USD'),
  priceInput: z
    .number()
    .min(0)
    .optional()
    .meta({ placeholder: 'usd' })
    .describe('USD per million input tokens'),
  priceOutput: z
    .number()
    .min(0)
    .optional()
    .meta({ placeholder: 'usd' })
    .describe('USD per million output tokens'),
});

export function openAiCommand(): Command {
  const command = new Command('openai').description(
    'GPT-4o recommendations with reasons, scored like every other model; needs OPENAI_API_KEY or a local --base-url',
  );
  addFlags(command, runSchema, chatOptions, dataSchema, protocolSchema, outputSchema);
  return command.action(async (typed: Record<string, unknown>) => {
    const run = readFlags(runSchema, typed);
    const output = readFlags(outputSchema, typed);
    const spec = specOf(run, typed, output.resultsDir);
    const { estimateOpenAi, runOpenAi } = await import('../experiment/language/chat.ts');
    if (run.dryRun) {
      const estimate = await withContext(output, (context) => estimateOpenAi(spec, context));
      process.stdout.write(describeEstimate(estimate, spec, output.verbose));
      return;
    }
    const { saveRecord, jsonText } = await import('../experiment/store.ts');
    const { languageRecordSchema } = await import('../experiment/record.ts');
    const { recordTable } = await import('../report/table.ts');
    await withContext(output, async (context) => {
      const record = await runOpenAi(spec, context);
      const path = join(output.resultsDir, 'openai_recommendations.json');
      await saveRecord(path, languageRecordSchema, record);
      process.stdout.write(output.json ? jsonText(record) : recordTable(record) + describeAnswers(record));
      context.progress.note(`saved ${path}`);
    });
  });
}

function specOf(
  run: z.output<typeof runSchema>,
  typed: Record<string, unknown>,
  resultsDir: string,
): OpenAiSpec {
  const { priceInput, priceOutput, users, hybrid, hybridWeight, replay, maxCost, candidates } = run;
  const source = candidates.split(':')[0]!;
  if (source !== 'none' && source !== 'bm25' && !names.includes(source)) {
    throw new UsageError({
      place: '--candidates',
      found: `'${source}'`,
      wanted: `bm25 or one of ${names.join(', ')}`,
    });
  }
  if ((priceInput === undefined) !== (priceOutput === undefined)) {
    throw new UsageError({
      place: priceInput === undefined ? '--price-input' : '--price-output',
      found: 'one price',
      wanted: 'both --price-input and --price-output',
    });
  }
  if (replay !== undefined && hybrid !== undefined && hybridWeight === undefined) {
    throw new UsageError({
      place: '--hybrid',
      found: 'no weight, and stored answers hold no validation users to choose it on',
      remedy: 'Give --hybrid-weight.',
    });
  }
  return {
    options: readFlags(chatOptions, typed),
    data: readFlags(dataSchema, typed),
    protocol: readFlags(protocolSchema, typed),
    numUsers: run.numUsers,
    candidates,
    compareWith: run.compareWith,
    resultsDir,
    ...(users !== undefined && { users }),
    ...(hybrid !== undefined && { hybrid }),
    ...(hybridWeight !== undefined && { hybridWeight }),
    ...(replay !== undefined && { replay }),
    ...(maxCost !== undefined && { maxCost }),
    ...(priceInput !== undefined &&
      priceOutput !== undefined && { price: { input: priceInput, output: priceOutput } }),
  };
}

function describeEstimate(estimate: CostEstimate, { options }: OpenAiSpec, withPrompts: boolean): string {
  const { users, inputTokens, outputTokens, cost, pricesAsOf, questions } = estimate;
  const money =
    cost === undefined
      ? `no price is known for ${options.model}: give --price-input and --price-output`
      : `at most ${cost.toFixed(4)} USD (prices: ${pricesAsOf})`;
  const lines = [
    `${options.model}: ${users} users, ${inputTokens} input tokens, at most ${outputTokens} output tokens, ${money}.`,
    'Nobody was asked.',
  ];
  if (withPrompts) {
    for (const { messages } of questions) {
      lines.push('', ...messages.map(({ role, content }) => `[${role}]\n${content}`));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Below this many users, differences between models are mostly chance. */
const FEW_USERS = 100;

function describeAnswers({ language, models }: LanguageRecord): string {
  const { shares, details, historiesCut, users } = language;
  const percent = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .map(([name, share]) => `${(100 * share).toFixed(1)}% ${name}`);
  const lines = [
    `Answers: ${count(users.map(({ state }) => state))}. Titles: ${percent.join(', ') || 'none'}.`,
  ];
  if (historiesCut > 0) lines.push(`${historiesCut} histories were too long for the prompt and were cut.`);
  if (typeof details['candidateRecall'] === 'number') {
    lines.push(
      `Recall of the candidate lists, the ceiling of any answer: ${details['candidateRecall'].toFixed(4)}.`,
    );
  }
  if (typeof details['hybridWeight'] === 'number') {
    lines.push(`Weight of the chat model in the hybrid: ${details['hybridWeight']}.`);
  }
  const cost = typeof details['costUsd'] === 'number' ? `, ${details['costUsd'].toFixed(4)} USD` : '';
  lines.push(`Tokens: ${String(details['inputTokens'])} in, ${String(details['outputTokens'])} out${cost}.`);
  const { evaluated } = models[0]!.users;
  if (evaluated < FEW_USERS) {
    lines.push(
      `${evaluated} users say little: the intervals above are wide, and only differences outside them mean anything.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function count(states: string[]): string {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, n]) => `${n} ${state}`).join(', ');
}
