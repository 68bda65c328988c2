/** `recsys probe`: does a chat model know the data set by heart? */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import type { ProbeSpec } from '../experiment/probe/index.ts';
import { dataSchema, protocolOfRecord, protocolSchema } from '../experiment/protocol.ts';
import { chatOptions, resolveModel } from '../models/chat/options.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from './shared/context.ts';
import {
  addFlagGroup,
  addFlags,
  DATA_HEADING,
  OUTPUT_HEADING,
  PROTOCOL_HEADING,
  readFlags,
  type Typed,
} from './shared/flags.ts';
import { priceSchema, readPrice } from './shared/price.ts';

const count = z.int().min(0).max(10_000);

const probeFlags = z.object({
  items: count.default(100).describe('movies whose lines are asked for by id'),
  users: count.default(20).describe('users whose first rows are asked for by id'),
  ratings: count.default(50).describe('users whose next rating is asked for'),
  replay: z
    .string()
    .optional()
    .meta({ placeholder: 'file' })
    .describe('score the answers of a probe’s record again instead of asking'),
  dryRun: z
    .boolean()
    .default(false)
    .describe('print tokens and cost and make no request; --verbose shows the questions'),
});

/** Options that shape recommendations, or that only they have. */
const askingOptions = chatOptions.omit({
  topN: true,
  historyTokens: true,
  fewShot: true,
  prompt: true,
  repeat: true,
  permutations: true,
  batch: true,
  batchTokens: true,
});

export function probeCommand(): Command {
  const command = new Command('probe');
  addFlags(command, probeFlags, askingOptions, priceSchema);
  addFlagGroup(command, DATA_HEADING, dataSchema);
  addFlagGroup(command, PROTOCOL_HEADING, protocolSchema);
  addFlagGroup(command, OUTPUT_HEADING, outputSchema);
  return command.action(async (typed: Typed) => {
    const flags = readFlags(probeFlags, typed);
    const output = readFlags(outputSchema, typed);
    const spec = await readSpec(flags, typed, output.resultsDir);
    const { estimateProbe, runProbe } = await import('../experiment/probe/index.ts');
    const { probeReport, probeEstimateText } = await import('../report/language/probe.ts');
    if (flags.dryRun) {
      const estimate = await withContext(output, (context) => estimateProbe(spec, context));
      print(probeEstimateText(estimate, spec.options.model, output.verbose));
      return;
    }
    const { jsonText, saveRecord, withRecords } = await import('../experiment/store.ts');
    const { probeSchema } = await import('../experiment/probe/record.ts');
    const model = spec.replayed?.model ?? spec.options.model;
    const path = join(output.resultsDir, `probe_${model.replaceAll(/[^\w.-]+/gu, '-')}.json`);
    const ask = async (context: CommandContext) => {
      const record = await runProbe(spec, context);
      print(output.json ? jsonText(record) : probeReport(record));
      for (const note of await saveRecord(path, probeSchema, record)) context.progress.note(note);
    };
    await withContext(output, (context) => withRecords([path], () => ask(context)));
  });
}

async function readSpec(
  { items, users, ratings, replay }: z.output<typeof probeFlags>,
  typed: Typed,
  resultsDir: string,
): Promise<ProbeSpec> {
  const options = chatOptions.parse(readFlags(askingOptions, typed));
  const prices = readFlags(priceSchema, typed);
  const price = readPrice(prices);
  const { readProbe } = await import('../experiment/probe/read.ts');
  const replayed = replay === undefined ? undefined : await readProbe(replay);
  const counted = z
    .object({ items: count, users: count, ratings: count })
    .safeParse(replayed?.hyperparameters);
  return {
    options: resolveModel(options, new Date()),
    data: replayed?.source ?? readFlags(dataSchema, typed),
    protocol: replayed ? protocolOfRecord(replayed.protocol) : readFlags(protocolSchema, typed),
    counts: counted.data ?? { items, users, ratings },
    resultsDir,
    ...(prices.maxCost !== undefined && { maxCost: prices.maxCost }),
    ...(price && { price }),
    ...(replayed && { replayed }),
  };
}
