/** The weight files of a Hugging Face folder: `model.safetensors`, or shards of it beside their index. */
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../util/errors.ts';
import { exists, readTextFile } from '../util/files.ts';

export const weightsFile = 'model.safetensors';
export const shardIndexFile = 'model.safetensors.index.json';

/** Shards lie beside their index: a name with a slash could lead anywhere. */
const shardIndex = z.object({ weight_map: z.record(z.string(), z.string().regex(/^\w[\w.-]*$/)) });

/** Paths of the files that hold a folder's weights. Throws DataError when there are none. */
export async function weightFiles(folder: string): Promise<string[]> {
  const whole = join(folder, weightsFile);
  if (await exists(whole)) return [whole];
  const index = join(folder, shardIndexFile);
  if (await exists(index)) return (await shardNames(index)).map((name) => join(folder, name));
  const pickled = await exists(join(folder, 'pytorch_model.bin'));
  throw new DataError({
    place: folder,
    found: pickled ? 'only pytorch_model.bin' : 'no weights',
    wanted: `${weightsFile} or ${shardIndexFile}`,
    remedy: pickled
      ? 'Convert it in Python with model.save_pretrained(folder), which writes safetensors.'
      : 'Point --model at a folder written by save_pretrained or by this program.',
  });
}

/** File names of the shards that an index lists. Throws DataError when it is no index. */
export async function shardNames(indexPath: string): Promise<string[]> {
  const text = await readTextFile(indexPath, 'the index of a sharded model');
  try {
    const { weight_map: map } = shardIndex.parse(JSON.parse(text));
    return [...new Set(Object.values(map))].sort();
  } catch (cause) {
    throw new DataError({ place: indexPath, found: 'no weight_map', wanted: 'an index of shards', cause });
  }
}
