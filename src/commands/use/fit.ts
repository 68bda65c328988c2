/** `recsys fit MODEL --save DIR`: a model for use, saved so that `recsys recommend` needs no training. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { dataSchema } from '../../experiment/protocol.ts';
import { isLoadable, registry, specOf, type ModelName } from '../../models/registry.ts';
import { fitSchema } from '../../use/fit-options.ts';
import { print } from '../../util/process/terminal.ts';
import { outputSchema, withContext } from '../shared/context.ts';
import { addFlags, readFlags } from '../shared/flags.ts';

const saveSchema = z.object({
  save: z
    .string()
    .meta({ placeholder: 'dir' })
    .describe('folder to save the model in; a model that is there is replaced'),
});

export function fitCommand(): Command {
  const fit = new Command('fit').description(
    'fit a model and save it, for `recsys recommend` and `recsys serve`',
  );
  const models = (Object.keys(registry) as ModelName[]).filter(isLoadable);
  for (const model of models) fit.addCommand(fitOneCommand(model));
  return fit;
}

function fitOneCommand(model: ModelName): Command {
  const { options, summary } = registry[model];
  const command = new Command(model).description(summary);
  addFlags(command, saveSchema, options, dataSchema, fitSchema, outputSchema);
  return command.action(async (typed: Record<string, unknown>) => {
    const { save } = readFlags(saveSchema, typed);
    const spec = specOf(model, readFlags(options, typed));
    const output = readFlags(outputSchema, typed);
    const { fitAndSave } = await import('../../use/fit.ts');
    await withContext(output, async (context) => {
      const fits = join(output.resultsDir, 'cache', 'fits');
      const data = readFlags(dataSchema, typed);
      const manifest = await fitAndSave(save, spec, data, readFlags(fitSchema, typed), { ...context, fits });
      if (output.json) {
        print(`${JSON.stringify(manifest, null, 2)}\n`);
        return;
      }
      const { split, trainRatings } = manifest.fittedOn;
      const part = split === 'none' ? 'all' : `the training part of a ${split} split,`;
      const count = trainRatings.toLocaleString('en-US');
      print(
        `${spec.name} fitted on ${part} ${count} ratings of ${manifest.dataset.name}, saved in ${save}\n`,
      );
    });
  });
}
