/** A plan: one description of experiments, whose fields are the flags of the commands. One zod schema. */
import { z } from 'zod';
import { dataSchema, protocolSchema } from '../../experiment/protocol.ts';
import { modelNames, optionsOf } from '../../models/registry.ts';
import { saveSchema } from '../baseline.ts';
import { compareSchema } from '../compare.ts';
import { evaluateSections } from '../evaluate.ts';
import { exploreSchema } from '../explore.ts';
import { gpt2Sections } from '../finetune-gpt2.ts';
import { openAiSections } from '../openai.ts';
import { outputSchema } from '../shared/context.ts';
import { runSchema } from '../shared/experiment.ts';
import { jobsSchema } from '../shared/jobs.ts';
import { searchSchema } from '../tune/tune.ts';

/** A model with its options; the name tells it apart in the record. */
const modelEntry = (name: string) =>
  z.strictObject({
    model: z.literal(name),
    name: runSchema.shape.name.describe('unique name in the record (default: that of the model)'),
    options: optionsOf(name).strict().optional(),
  });

const [firstModel, ...otherModels] = modelNames;
const modelEntries = z.discriminatedUnion('model', [modelEntry(firstModel!), ...otherModels.map(modelEntry)]);

export const planSchema = z
  .strictObject({
    ...runSchema.shape,
    data: dataSchema.strict().optional().describe('which ratings'),
    protocol: protocolSchema.strict().optional().describe('how they are split, and what counts as a hit'),
    models: z
      .array(z.union([z.enum([firstModel!, ...otherModels]), modelEntries]))
      .min(1)
      .optional()
      .describe('models of the registry, each by its name or with options; as `recsys baseline` runs them'),
    save: saveSchema.strict().optional().describe('what else `models` leave beside their record'),
    gpt2: gpt2Sections.gpt2.strict().optional().describe('as `recsys finetune-gpt2` runs it'),
    openai: openAiSections.openai.strict().optional().describe('as `recsys openai` runs it'),
    searches: z.array(searchSchema).min(1).optional().describe('as `recsys tune` runs them'),
    evaluate: evaluateSections.evaluate.strict().optional().describe('as `recsys evaluate` runs it'),
    explore: exploreSchema.strict().optional().describe('as `recsys explore` looks at the data'),
    compare: compareSchema.strict().optional().describe('as `recsys compare`, of what the others left'),
    output: outputSchema
      .extend(jobsSchema.shape)
      .strict()
      .optional()
      .describe('where results go, threads, progress'),
  })
  .describe(
    'Experiments for `recsys run`, in the order: explore, searches, models, gpt2, openai, evaluate, compare.',
  );

export type Plan = z.output<typeof planSchema>;
