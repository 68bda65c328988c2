/** `recsys openai`: GPT-4o, or any server that speaks its API, for a sample of users. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import type { ChatSpec } from '../experiment/language/chat.ts';
import { dataSchema, protocolSchema } from '../experiment/protocol.ts';
import { chatOptions, resolveModel, type ChatOptions } from '../models/chat/options.ts';
import { UsageError } from '../util/errors.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import { experimentCommand, runSchema } from './shared/experiment.ts';
import { readFlags, type Typed } from './shared/flags.ts';
import { comparisonSchema, readModels } from './shared/models.ts';
import { priceSchema, readPrice } from './shared/price.ts';
import { readHybrid, retrievalSchema } from './shared/retrieval.ts';

const compareWith = comparisonSchema(['mf', 'popularity']);

const chatRunSchema = z.object({
  numUsers: z.int().min(1).default(5).describe('size of the seeded sample of users'),
  users: z
    .string()
    .optional()
    .meta({ placeholder: 'ids' })
    .describe('these user ids instead of a sample: 425,12'),
  ...retrievalSchema.shape,
  replay: z
    .string()
    .optional()
    .meta({ placeholder: 'file' })
    .describe('score stored answers instead of asking: JSONL with userId, and text or titles'),
  dryRun: z
    .boolean()
    .default(false)
    .describe('print tokens and cost and make no request; --verbose shows the prompts'),
  ...priceSchema.shape,
});

export const openAiSections = {
  top: runSchema,
  openai: z.object({ ...chatRunSchema.shape, ...chatOptions.shape, ...compareWith.shape }),
  data: dataSchema,
  protocol: protocolSchema,
  output: outputSchema,
};

export function openAiCommand(): Command {
  const command = new Command('openai');
  return experimentCommand(command, openAiSections, askOpenAi);
}

/** Asks the chat model, shows the record and saves it. */
export async function askOpenAi(typed: Typed): Promise<void> {
  const run = readFlags(chatRunSchema, typed);
  const output = readFlags(outputSchema, typed);
  const { name, seeds } = readFlags(runSchema, typed);
  const spec = await readSpec(run, typed, output.resultsDir);
  if (run.dryRun) {
    const { estimateChat } = await import('../experiment/language/estimate.ts');
    const { estimateText } = await import('../report/language/cost.ts');
    for (const seed of seeds ?? [spec.protocol.seed]) {
      const own = { ...spec, protocol: { ...spec.protocol, seed } };
      const estimate = await withContext(output, (context) => estimateChat(own, context));
      print((seeds ? `Seed ${seed}: ` : '') + estimateText(estimate, own.options.model, output.verbose));
    }
    return;
  }
  const { runChat } = await import('../experiment/language/chat.ts');
  const { overSeeds } = await import('../experiment/seeds/run.ts');
  const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
  const { languageRecordSchema } = await import('../experiment/record.ts');
  const { recordTable } = await import('../report/record-table.ts');
  const { answersText } = await import('../report/language/lists.ts');
  const path = join(output.resultsDir, `${name ?? 'openai'}_recommendations.json`);
  const spending = { total: 0 }; // of all seeds: --max-cost is what they may cost together
  const ask = async (context: CommandContext) => {
    const record = await overSeeds(seeds, spec.protocol, context, (protocol) =>
      runChat({ ...spec, protocol, spending }, context),
    );
    print(output.json ? jsonText(record) : recordTable(record) + answersText(record));
    const notes = await saveRecord(path, languageRecordSchema, record);
    for (const note of notes) context.progress.note(note);
  };
  await withContext(output, (context) => withRecords([path], () => ask(context)));
}

async function readSpec(
  run: z.output<typeof chatRunSchema>,
  typed: Typed,
  resultsDir: string,
): Promise<ChatSpec> {
  const { users, numUsers, replay, maxCost, candidates } = run;
  const { parseCandidates } = await import('../experiment/language/candidates.ts');
  const hasCandidates = parseCandidates(candidates) !== undefined; // refused before any work
  const hybrid = readReplayableHybrid(run);
  const price = readPrice(run);
  const comparisonModels = readModels(readFlags(compareWith, typed).compareWith, '--compare-with');
  const { readStoredAnswers } = await import('../experiment/language/replay.ts');
  const options = readFlags(chatOptions, typed);
  const { findTemplate } = await import('../language/prompt-file.ts');
  const names = [...new Set(options.prompt ?? ['zero-shot'])];
  requireNoiseSense(options, names.length, hasCandidates, replay);
  return {
    options: resolveModel(options, new Date()),
    isDefaultModel: options.model === undefined,
    data: readFlags(dataSchema, typed),
    protocol: readFlags(protocolSchema, typed),
    numUsers,
    candidates,
    comparisonModels,
    templates: await Promise.all(names.map((name) => findTemplate(name, hasCandidates))),
    resultsDir,
    ...(users !== undefined && { userIds: users.split(',') }),
    ...(hybrid && { hybrid }),
    ...(replay !== undefined && { stored: await readStoredAnswers(replay) }),
    ...(maxCost !== undefined && { maxCost }),
    ...(price && { price }),
  };
}

/** Throws UsageError for orders of no candidates, and for noise to be measured on answers that are stored. */
function requireNoiseSense(
  { permutations = 1, repeat = 1 }: ChatOptions,
  prompts: number,
  hasCandidates: boolean,
  replay: string | undefined,
): void {
  if (permutations > 1 && !hasCandidates) {
    throw new UsageError({
      place: '--permutations',
      found: 'no candidates to put in order',
      remedy: 'Give --candidates, such as mf:100.',
    });
  }
  if (replay !== undefined && permutations * repeat * prompts > 1) {
    throw new UsageError({
      place: '--replay',
      found: 'several prompts, orders or repeats, and one stored answer a user',
      remedy: 'Leave out --permutations and --repeat, and name one --prompt.',
    });
  }
}

function readReplayableHybrid(run: z.output<typeof chatRunSchema>): ChatSpec['hybrid'] {
  const hybrid = readHybrid(run);
  if (hybrid === undefined || hybrid.weight !== undefined || run.replay === undefined) return hybrid;
  throw new UsageError({
    place: '--hybrid',
    found: 'no weight, and stored answers hold no validation users to choose it on',
    remedy: 'Give --hybrid-weight.',
  });
}
