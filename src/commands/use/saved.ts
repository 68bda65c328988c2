/** What commands that fit and save a model share. */
import { z } from 'zod';
import type { Manifest } from '../../use/saved-model.ts';
import { print } from '../../util/process/terminal.ts';

export const saveSchema = z.object({
  save: z
    .string()
    .meta({ placeholder: 'dir' })
    .describe('folder to save the model in; a model that is there is replaced'),
});

/** Says what was fitted on what and where it is, as a sentence or as `model.json`. */
export function printManifest(manifest: Manifest, folder: string, json: boolean): void {
  if (json) {
    print(`${JSON.stringify(manifest, null, 2)}\n`);
    return;
  }
  const { name, dataset, fittedOn } = manifest;
  const { split, trainRatings } = fittedOn;
  const part = split === 'none' ? 'all' : `the training part of a ${split} split,`;
  const count = trainRatings.toLocaleString('en-US');
  print(`${name} fitted on ${part} ${count} ratings of ${dataset.name}, saved in ${folder}\n`);
}
