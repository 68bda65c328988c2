/** `recsys fit gpt2 --save DIR`: GPT-2 trained for use, on texts or on item tokens. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema, protocolSchema, thresholdOn } from '../../experiment/protocol.ts';
import { itemFlags, tokensFlag } from '../../models/gpt2/item-options.ts';
import {
  gpt2GenerateOptions,
  gpt2ModelOptions,
  gpt2TextOptions,
  gpt2TrainOptions,
} from '../../models/gpt2/options.ts';
import { fitSchema } from '../../use/fit-options.ts';
import type { ModelMaker } from '../../use/fit.ts';
import { UsageError } from '../../util/errors.ts';
import { outputSchema, withContext, type CommandContext } from '../shared/context.ts';
import { addFlagGroup, addFlags, DATA_HEADING, OUTPUT_HEADING, readFlags } from '../shared/flags.ts';
import { readItemOptions, readTextOptions } from '../shared/gpt2.ts';
import { printManifest, saveSchema } from './saved.ts';

const thresholdSchema = protocolSchema.pick({ threshold: true }).extend({
  threshold: protocolSchema.shape.threshold
    .unwrap()
    .optional()
    .describe('a rating of at least this is liked (default: 4 of 5 stars, and as high on another scale)'),
});

/** Cut-off of the F1 that validation measures. */
const LIST_LENGTH = 10;

export function fitGpt2Command(): Command {
  const command = new Command('gpt2').description('GPT-2 on item tokens, or on titles as text');
  const options = z.object({
    ...tokensFlag.shape,
    ...itemFlags.shape,
    ...gpt2ModelOptions.shape,
    ...gpt2TextOptions.shape,
    ...gpt2TrainOptions.omit({ output: true }).shape,
    ...gpt2GenerateOptions.pick({ width: true }).shape,
  });
  addFlags(command, saveSchema, options, thresholdSchema);
  addFlagGroup(command, DATA_HEADING, dataSchema, fitSchema);
  addFlagGroup(command, OUTPUT_HEADING, outputSchema);
  return command.action(fitGpt2);
}

async function fitGpt2(typed: Record<string, unknown>): Promise<void> {
  const { save } = readFlags(saveSchema, typed);
  const output = readFlags(outputSchema, typed);
  const { tokens } = readFlags(tokensFlag, typed);
  const data = readFlags(dataSchema, typed);
  const fit = readFlags(fitSchema, typed);
  const { threshold } = readFlags(thresholdSchema, typed);
  await withContext(output, async (context) => {
    const { maker, description } = await makers[tokens]({ typed, save, threshold }, context);
    context.progress.note(`engine: ${description}`);
    const { fitAndSave } = await import('../../use/fit.ts');
    printManifest(await fitAndSave(save, maker, data, fit, context), save, output.json);
  });
}

interface Asked {
  typed: Record<string, unknown>;
  save: string;
  threshold: number | undefined;
}
type Maker = (asked: Asked, context: CommandContext) => Promise<{ maker: ModelMaker; description: string }>;

const makers: Record<'text' | 'items', Maker> = {
  async text({ typed, save, threshold }, context) {
    const options = readTextOptions(typed);
    if (options.template === 'original') {
      throw new UsageError({
        place: '--template',
        found: 'original, whose lists are written and not ranked: it cannot be saved for use',
        wanted: 'liked',
        remedy: 'Leave out --template, or run `recsys finetune-gpt2 --template original`.',
      });
    }
    const { openEngine } = await import('../../models/gpt2/engine/open.ts');
    const { gpt2Model } = await import('../../experiment/language/gpt2.ts');
    const engine = await openEngine(options, context.threads);
    const maker: ModelMaker = (input) =>
      gpt2Model(
        { options, protocol: { k: [LIST_LENGTH] } },
        engine,
        placeOf(input, save, threshold),
        context,
      );
    return { maker, description: engine.description };
  },
  async items({ typed, save, threshold }, context) {
    const options = readItemOptions(typed);
    const { openEngine } = await import('../../models/gpt2/engine/open.ts');
    const { itemModel } = await import('../../experiment/language/gpt2-items.ts');
    const engine = await openEngine(options, context.threads);
    const maker: ModelMaker = (input) => {
      const protocol = { k: [LIST_LENGTH], split: input.protocol.split };
      const spec = { options, data: input.source, protocol };
      return itemModel(spec, engine, placeOf(input, save, threshold), context);
    };
    return { maker, description: engine.description };
  },
};

/** Checkpoints, the log and the Hugging Face folder stand beside the saved model. */
function placeOf({ dataset, train }: Parameters<ModelMaker>[0], save: string, threshold: number | undefined) {
  return {
    threshold: thresholdOn(dataset.scale, threshold) / train.starUnit,
    output: save,
    log: join(save, 'training.jsonl'),
  };
}
