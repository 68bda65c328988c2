/** `recsys fit gpt2 --save DIR`: GPT-2 trained for use, on texts or on item tokens. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { thresholdInStars } from '../../data/training-set.ts';
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
import { outputSchema, withContext } from '../shared/context.ts';
import {
  addFlagGroup,
  addFlags,
  DATA_HEADING,
  OUTPUT_HEADING,
  readFlags,
  type Typed,
} from '../shared/flags.ts';
import { readGpt2, type TypedGpt2 } from '../shared/gpt2.ts';
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

async function fitGpt2(typed: Typed): Promise<void> {
  const { save } = readFlags(saveSchema, typed);
  const output = readFlags(outputSchema, typed);
  const gpt2 = readGpt2(typed);
  const data = readFlags(dataSchema, typed);
  const fit = readFlags(fitSchema, typed);
  const { threshold } = readFlags(thresholdSchema, typed);
  requireSavable(gpt2);
  await withContext(output, async (context) => {
    const opened = await gpt2.kind.open(gpt2.options, context);
    await opened.requireBaseKept(save);
    context.progress.note(`engine: ${opened.engine}`);
    const maker: ModelMaker = ({ source, protocol: { split }, dataset, train }) =>
      opened.model(
        { data: source, protocol: { k: [LIST_LENGTH], split } },
        {
          threshold: thresholdInStars(thresholdOn(dataset.scale, threshold), train),
          // Checkpoints, the log and the Hugging Face folder stand beside the saved model.
          output: save,
          log: join(save, 'training.jsonl'),
        },
      );
    const { fitAndSave } = await import('../../use/fit.ts');
    printManifest(await fitAndSave(save, maker, data, fit, context), save, output.json);
  });
}

/** Throws UsageError for the template whose lists are written. */
function requireSavable({ options }: TypedGpt2): void {
  if (options['template'] !== 'original') return;
  throw new UsageError({
    place: '--template',
    found: 'original, whose lists are written and not ranked: it cannot be saved for use',
    wanted: 'liked',
    remedy: 'Leave out --template, or run `recsys finetune-gpt2 --template original`.',
  });
}
