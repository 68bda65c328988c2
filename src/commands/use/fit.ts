/** `recsys fit MODEL --save DIR`: a model for use, saved so that `recsys recommend` needs no training. */
import { join } from 'node:path';
import { Command } from 'commander';
import { dataSchema } from '../../experiment/protocol.ts';
import { isLoadable, registry, specOf, type ModelName } from '../../models/registry.ts';
import { fitSchema } from '../../use/fit-options.ts';
import { outputSchema, withContext } from '../shared/context.ts';
import {
  addFlagGroup,
  addFlags,
  DATA_HEADING,
  OUTPUT_HEADING,
  readFlags,
  type Typed,
} from '../shared/flags.ts';
import { fitGpt2Command } from './fit-gpt2.ts';
import { printManifest, saveSchema } from './saved.ts';

export function fitCommand(): Command {
  const fit = new Command('fit');
  const models = (Object.keys(registry) as ModelName[]).filter(isLoadable);
  for (const model of models) fit.addCommand(fitOneCommand(model));
  fit.addCommand(fitGpt2Command());
  return fit;
}

function fitOneCommand(model: ModelName): Command {
  const { options, summary } = registry[model];
  const command = new Command(model).description(summary);
  addFlags(command, saveSchema, options);
  addFlagGroup(command, DATA_HEADING, dataSchema, fitSchema);
  addFlagGroup(command, OUTPUT_HEADING, outputSchema);
  return command.action(async (typed: Typed) => {
    const { save } = readFlags(saveSchema, typed);
    const spec = specOf(model, readFlags(options, typed));
    const output = readFlags(outputSchema, typed);
    const { fitAndSave } = await import('../../use/fit.ts');
    await withContext(output, async (context) => {
      const fits = join(output.resultsDir, 'cache', 'fits');
      const data = readFlags(dataSchema, typed);
      const manifest = await fitAndSave(save, spec, data, readFlags(fitSchema, typed), { ...context, fits });
      printManifest(manifest, save, output.json);
    });
  });
}
