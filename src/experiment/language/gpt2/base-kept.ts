/** A fine-tuning must not cost the model that it starts from. */
import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { baseOfAdapter, isAdapterFolder } from '../../../models/gpt2/network/peft.ts';
import { UsageError } from '../../../util/errors.ts';

/** Where in the output folder `--merge` writes the merged model; every run removes an older one. */
export const MERGED = 'merged';

/** What a fine-tuning starts from, and what it makes of it. */
export interface Start {
  /** A folder, or a name on the hub; absent for random weights. */
  model?: string | undefined;
  /** Adapters alone are saved, which are of use with the weights of their model alone. */
  savesAdapters: boolean;
}

/**
 * Throws UsageError where saving in `output` would overwrite or remove the model, or that which its adapters belong to. A
 * whole model may take the place of the one that it was trained from. Throws DataError for adapters that cannot be read.
 */
export async function requireBaseKept({ model, savesAdapters }: Start, output: string): Promise<void> {
  if (model === undefined) return;
  const merged = join(output, MERGED);
  const base = (await isAdapterFolder(model)) ? await baseOfAdapter(model) : undefined;
  const lost =
    (await sameFolder(model, savesAdapters ? [output, merged] : [merged])) ??
    (base === undefined ? undefined : await sameFolder(base, [output, merged]));
  if (lost === undefined) return;
  throw new UsageError({
    place: `--model ${model}`,
    found: `weights in ${lost}, where this run would overwrite or remove them`,
    wanted: 'another folder to save in',
    remedy: 'Name one with --output, or --save of `recsys fit`.',
  });
}

/** The one of `folders` that is `folder`, by whatever path. */
async function sameFolder(folder: string, folders: readonly string[]): Promise<string | undefined> {
  const wanted = await realFolder(folder);
  for (const other of folders) if ((await realFolder(other)) === wanted) return other;
  return undefined;
}

/** Links followed; of what is not there, the path. */
async function realFolder(folder: string): Promise<string> {
  return await realpath(folder).catch(() => resolve(folder));
}
