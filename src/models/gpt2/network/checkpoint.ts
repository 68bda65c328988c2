/** A model's weights in a Hugging Face folder: `model.safetensors`, whole or in shards, beside `config.json`. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../../../util/errors.ts';
import { writeFileAtomic } from '../../../util/files.ts';
import { configJson, parameterShapes, type Gpt2Config, type Parameters } from './config.ts';
import { openSafetensors, writeSafetensors, type SafetensorsFile } from '../../../huggingface/safetensors.ts';

const PREFIX = 'transformer.';
/** Causal masks that old checkpoints carry as buffers. */
const maskBuffer = /\.attn\.(masked_)?bias$/;

export const weightsFile = 'model.safetensors';
export const shardIndexFile = 'model.safetensors.index.json';

/**
 * Reads all parameters of a GPT-2 as float32. Names may come with or without the `transformer.` prefix; mask buffers,
 * the tied `lm_head` and other heads are left aside. Throws DataError naming the tensor, the shape expected and the
 * shape found; also when the file holds more layers than `config` says.
 */
export async function readCheckpoint(folder: string, config: Gpt2Config): Promise<Parameters> {
  const files: SafetensorsFile[] = [];
  try {
    for (const path of await weightFiles(folder)) files.push(await openSafetensors(path));
    const places = locate(files);
    const shapes = parameterShapes(config);
    rejectSurplus(places, shapes);
    const parameters: Parameters = new Map();
    for (const [name, shape] of shapes) {
      const place = places.get(name);
      checkShape(name, shape, place, folder);
      const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
      await place!.file.readInto(place!.name, data);
      parameters.set(name, { shape, data });
    }
    return parameters;
  } finally {
    for (const file of files) await file.close();
  }
}

/** Writes `config.json` and `model.safetensors`, which `GPT2LMHeadModel.from_pretrained` reads. */
export async function writeCheckpoint(
  folder: string,
  config: Gpt2Config,
  parameters: Parameters,
): Promise<void> {
  await writeSafetensors(join(folder, weightsFile), parameters);
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(configJson(config), null, 2)}\n`);
}

interface Place {
  file: SafetensorsFile;
  /** As the file spells it. */
  name: string;
}

/** Every tensor of the transformer by its prefixed name. */
function locate(files: SafetensorsFile[]): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const file of files) {
    for (const name of file.entries.keys()) {
      const prefixed = /^(wte|wpe|ln_f|h)\./.test(name) ? PREFIX + name : name;
      if (prefixed.startsWith(PREFIX) && !maskBuffer.test(prefixed)) places.set(prefixed, { file, name });
    }
  }
  return places;
}

function rejectSurplus(places: Map<string, Place>, shapes: Map<string, number[]>): void {
  for (const [name, place] of places) {
    if (shapes.has(name)) continue;
    throw new DataError({
      place: `${place.file.path}: ${place.name}`,
      found: `a tensor of shape [${place.file.entries.get(place.name)!.shape.join(', ')}]`,
      wanted: 'no tensor of that name in a model of the size that config.json gives',
      remedy: 'Check n_layer in config.json.',
    });
  }
}

function checkShape(name: string, wanted: number[], place: Place | undefined, folder: string): void {
  const found = place?.file.entries.get(place.name)?.shape;
  if (found !== undefined && found.join() === wanted.join()) return;
  throw new DataError({
    place: `${place?.file.path ?? folder}: ${place?.name ?? name}`,
    found: found === undefined ? 'no such tensor' : `shape [${found.join(', ')}]`,
    wanted: `shape [${wanted.join(', ')}]`,
    remedy: 'Check that config.json belongs to these weights.',
  });
}

/** Shards lie beside their index: a name with a slash could lead anywhere. */
const shardIndex = z.object({ weight_map: z.record(z.string(), z.string().regex(/^\w[\w.-]*$/)) });

async function weightFiles(folder: string): Promise<string[]> {
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
  try {
    const { weight_map: map } = shardIndex.parse(JSON.parse(await readFile(indexPath, 'utf8')));
    return [...new Set(Object.values(map))].sort();
  } catch (cause) {
    throw new DataError({ place: indexPath, found: 'no weight_map', wanted: 'an index of shards', cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
