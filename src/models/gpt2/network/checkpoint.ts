/** A model's weights in a Hugging Face folder: `model.safetensors`, whole or in shards, beside `config.json`. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../../util/errors.ts';
import { writeFileAtomic } from '../../../util/files.ts';
import { adapterFiles } from '../../../huggingface/hub.ts';
import { weightFiles, weightsFile } from '../../../huggingface/shards.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { configJson, outputLayer, parameterShapes, type Gpt2Config } from './config.ts';
import { openSafetensors, writeSafetensors, type SafetensorsFile } from '../../../huggingface/safetensors.ts';

const CONFIG = 'config.json';
const PREFIX = 'transformer.';
/** Causal masks that old checkpoints carry as buffers. */
const maskBuffer = /\.attn\.(masked_)?bias$/;

/**
 * Reads all parameters of a GPT-2 as float32. Names may come with or without the `transformer.` prefix; mask buffers,
 * a tied `lm_head` and other heads are left aside. Throws DataError naming the tensor, the shape expected and the
 * shape found; also when the file holds more layers than `config` says.
 */
export async function readCheckpoint(folder: string, config: Gpt2Config): Promise<Parameters> {
  const files: SafetensorsFile[] = [];
  try {
    for (const path of await weightFiles(folder)) files.push(await openSafetensors(path));
    const locations = locateTensors(files, outputLayer(config));
    const shapes = parameterShapes(config);
    rejectSurplus(locations, shapes);
    const parameters: Parameters = new Map();
    for (const [name, shape] of shapes) {
      const location = locations.get(name);
      checkShape(name, shape, location, folder);
      const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
      await location!.file.readInto(location!.name, data);
      requireFinite(data, `${location!.file.path}: ${location!.name}`);
      parameters.set(name, { shape, data });
    }
    if (config.tie_word_embeddings) await requireTied(files, parameters);
    return parameters;
  } finally {
    for (const file of files) await file.close();
  }
}

/**
 * Writes `config.json` and `model.safetensors`, which `GPT2LMHeadModel.from_pretrained` reads. Adapters that were in the
 * folder go when the model is whole: PEFT would take it for theirs.
 */
export async function writeCheckpoint(
  folder: string,
  config: Gpt2Config,
  parameters: Parameters,
): Promise<void> {
  await writeSafetensors(join(folder, weightsFile), parameters);
  await writeFileAtomic(join(folder, CONFIG), `${JSON.stringify(configJson(config), null, 2)}\n`);
  for (const name of Object.values(adapterFiles)) await rm(join(folder, name), { force: true });
}

/** Removes what `writeCheckpoint` wrote, first `config.json`, without which a folder holds no model. */
export async function removeCheckpoint(folder: string): Promise<void> {
  for (const name of [CONFIG, weightsFile]) await rm(join(folder, name), { force: true });
}

/** Hugging Face keeps an output layer of its own where the file has one, whatever config.json says. */
async function requireTied(files: readonly SafetensorsFile[], parameters: Parameters): Promise<void> {
  const untied = 'lm_head.weight';
  const file = files.find(({ entries }) => entries.has(untied));
  if (file === undefined) return;
  const embedding = parameters.get('transformer.wte.weight')!;
  const output = new Float32Array(embedding.data.length);
  const isOfSize = file.entries.get(untied)!.shape.join() === embedding.shape.join();
  if (isOfSize) await file.readInto(untied, output);
  if (isOfSize && output.every((value, n) => value === embedding.data[n])) return;
  throw new DataError({
    place: `${file.path}: ${untied}`,
    found: 'other values than the token embedding, to which config.json ties it',
    wanted: 'the same values, or "tie_word_embeddings": false in config.json',
  });
}

function requireFinite(values: Float32Array, place: string): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new DataError({
    place,
    found: `${values[at]} at entry ${at}`,
    wanted: 'finite weights',
    remedy: 'The training that wrote them diverged: use an earlier checkpoint.',
  });
}

/** Where a tensor lies. */
interface TensorLocation {
  file: SafetensorsFile;
  /** As the file spells it. */
  name: string;
}

/** Every tensor of the transformer, and the output layer, by its prefixed name. */
function locateTensors(files: SafetensorsFile[], output: string): Map<string, TensorLocation> {
  const locations = new Map<string, TensorLocation>();
  for (const file of files) {
    for (const name of file.entries.keys()) {
      const prefixed = /^(wte|wpe|ln_f|h)\./.test(name) ? PREFIX + name : name;
      const isOfModel = prefixed.startsWith(PREFIX) || prefixed === output;
      if (isOfModel && !maskBuffer.test(prefixed)) locations.set(prefixed, { file, name });
    }
  }
  return locations;
}

function rejectSurplus(locations: Map<string, TensorLocation>, shapes: Map<string, number[]>): void {
  for (const [name, location] of locations) {
    if (shapes.has(name)) continue;
    throw new DataError({
      place: `${location.file.path}: ${location.name}`,
      found: `a tensor of shape [${location.file.entries.get(location.name)!.shape.join(', ')}]`,
      wanted: 'no tensor of that name in a model of the size that config.json gives',
      remedy: 'Check n_layer in config.json.',
    });
  }
}

function checkShape(
  name: string,
  wanted: number[],
  location: TensorLocation | undefined,
  folder: string,
): void {
  const found = location?.file.entries.get(location.name)?.shape;
  if (found !== undefined && found.join() === wanted.join()) return;
  throw new DataError({
    place: `${location?.file.path ?? folder}: ${location?.name ?? name}`,
    found: found === undefined ? 'no such tensor' : `shape [${found.join(', ')}]`,
    wanted: `shape [${wanted.join(', ')}]`,
    remedy: 'Check that config.json belongs to these weights.',
  });
}
