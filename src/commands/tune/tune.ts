/** `recsys tune MODEL`: settings chosen on validation ratings; the test ratings are opened once, at the end. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { rankingMetrics, type RankingMetric } from '../../evaluation/metric-keys.ts';
import { dataSchema, protocolSchema } from '../../experiment/protocol.ts';
import { searchable, searchableModels } from '../../experiment/tune/models.ts';
import { searchMethods } from '../../experiment/tune/trials.ts';
import { dimensionSchema } from '../../models/search-space.ts';
import { isRegistered, registry } from '../../models/registry.ts';
import { print } from '../../util/process/terminal.ts';
import { commandLine, outputSchema, withContext, type CommandContext } from '../shared/context.ts';
import { experimentCommand, runSchema } from '../shared/experiment.ts';
import { addFlags, readFlags, type Typed } from '../shared/flags.ts';
import { jobsSchema, withJobs } from '../shared/jobs.ts';
import { gpt2Flags } from '../shared/gpt2.ts';
import { parseSpace, withWholeRanges } from './space.ts';

const tuneSchema = z.object({
  method: z
    .enum(searchMethods)
    .default('sobol')
    .describe('sobol: points that cover the space evenly; random: independent points'),
  trials: z.int().min(1).max(100_000).default(50).describe('settings to try, the defaults among them'),
  timeBudget: z
    .number()
    .positive()
    .optional()
    .meta({ placeholder: 'minutes' })
    .describe('start no trial after this many minutes'),
  halving: z
    .int()
    .min(2)
    .max(10)
    .optional()
    .describe('successive halving: give all trials few sweeps or epochs, then let the best of each n go on'),
  carveSeeds: z
    .array(z.int().min(0))
    .min(1)
    .default([1, 2, 3])
    .describe(
      'seeds, each of which divides train into a part to fit on and a part to score on; a score is the mean over them',
    ),
  objective: z
    .enum(rankingMetrics as [RankingMetric])
    .default('f1')
    .describe('metric at the largest cut-off, on validation'),
});

const spaceFlag = z.object({
  space: z
    .array(z.string())
    .default([])
    .meta({ placeholder: 'ranges' })
    .describe('in place of the model’s own: factors=32|64,regularization=0.01..0.1:log'),
});

/** One entry of a plan's `searches`. */
export const searchSchema = z.strictObject({
  model: z.enum(searchableModels as [string]),
  name: runSchema.shape.name.describe('the record is tuning_NAME.json (default: the model)'),
  options: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('fixed options, as flags of `recsys tune MODEL`'),
  space: z
    .record(z.string(), dimensionSchema)
    .optional()
    .describe('in place of the model’s own; of options of whole numbers, ranges are whole'),
  ...tuneSchema.shape,
});

export type SearchEntry = z.input<typeof searchSchema>;

const sections = {
  data: dataSchema,
  protocol: protocolSchema,
  output: outputSchema.extend(jobsSchema.shape),
};

export function tuneCommand(): Command {
  const tune = new Command('tune');
  for (const model of searchableModels) tune.addCommand(tuneOneCommand(model));
  return tune;
}

/** Flags of the model that `recsys tune MODEL` takes as fixed. */
function optionsSchema(model: string): z.ZodObject {
  if (isRegistered(model)) return registry[model].options;
  return gpt2Flags;
}

function tuneOneCommand(model: string): Command {
  const schema = optionsSchema(model);
  const summary = isRegistered(model)
    ? registry[model].summary
    : 'GPT-2 on texts or, with --tokens items, on item tokens';
  const command = addFlags(new Command(model).description(summary), tuneSchema, spaceFlag, schema);
  addFlags(command, runSchema.pick({ name: true }));
  const entryOf = (typed: Typed): SearchEntry => ({
    model,
    ...readFlags(runSchema.pick({ name: true }), typed),
    options: Object.fromEntries(
      Object.keys(schema.shape).flatMap((key) => (typed[key] === undefined ? [] : [[key, typed[key]]])),
    ),
    space: parseSpace(readFlags(spaceFlag, typed).space),
    ...readFlags(tuneSchema, typed),
  });
  return experimentCommand(
    command,
    sections,
    (typed) => tuneAndReport(entryOf(typed), typed),
    (typed) => ({ searches: [entryOf(typed)] }),
  );
}

/** Searches, shows the result, saves `tuning_NAME.json` and a page with pictures. */
export async function tuneAndReport(entry: SearchEntry, typed: Typed): Promise<void> {
  const { model, name = model, options = {}, space = {}, timeBudget, ...search } = searchSchema.parse(entry);
  const { schema } = searchable(model, options);
  readFlags(schema, options);
  const output = readFlags(outputSchema, typed);
  const jobs = readFlags(jobsSchema, typed);
  const spec = {
    model,
    options,
    space: withWholeRanges(space, schema),
    data: readFlags(dataSchema, typed),
    protocol: readFlags(protocolSchema, typed),
    ...search,
    timeBudgetMinutes: timeBudget,
  };
  const { tune } = await import('../../experiment/tune/index.ts');
  const { tuningSchema } = await import('../../experiment/tune/record.ts');
  const { jsonText, saveRecord, withRecords } = await import('../../experiment/store.ts');
  const { tuningPage } = await import('../../report/tune/page.ts');
  const { tuningReport } = await import('../../report/tune/report.ts');
  const { writeFileAtomic } = await import('../../util/files.ts');

  const path = join(output.resultsDir, `tuning_${name}.json`);
  const run = async (context: CommandContext) => {
    const found = await withJobs(jobs, output, `tuning_${name}`, context, (means) =>
      tune(spec, means, context),
    );
    if (found === undefined) return;
    print(output.json ? jsonText(found) : tuningReport(found));
    const notes = await saveRecord(path, tuningSchema, found);
    const page = path.replace(/[.]json$/, '.html');
    await writeFileAtomic(page, await tuningPage(found, commandLine()));
    for (const note of [...notes, `saved ${page}`]) context.progress.note(note);
  };
  await withContext(output, (context) => withRecords([path], () => run(context)));
}
