/** LoRA adapters in the layout of Hugging Face's PEFT: `adapter_config.json` and `adapter_model.safetensors`. */
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../../../util/errors.ts';
import { exists, readTextFile, writeFileAtomic } from '../../../util/files.ts';
import { parseJson } from '../../../util/parse.ts';
import { removeCheckpoint } from './checkpoint.ts';
import { parameterShapes, type Gpt2Config } from './config.ts';
import { transpose, type HostTensor, type Parameters } from '../../../huggingface/tensors.ts';
import { adapterFiles } from '../../../huggingface/hub.ts';
import { openSafetensors, writeSafetensors, type SafetensorsFile } from '../../../huggingface/safetensors.ts';

/** What is added to a linear layer: x (in) gets x A B alpha/rank on top of x W. */
export interface LoraPair {
  /** (in, rank) */
  a: HostTensor;
  /** (rank, out) */
  b: HostTensor;
}

export interface Adapter {
  rank: number;
  alpha: number;
  dropout: number;
  /** Names of layers as PEFT matches them: "c_attn" is every layer whose name ends so, "attn.c_proj" one kind. */
  targets: string[];
  /** By the layer's name, "transformer.h.0.attn.c_attn". */
  layers: Map<string, LoraPair>;
}

const { config: configFile, weights: weightsFile } = adapterFiles;
const PREFIX = 'base_model.model.';

/** Settings of methods that compute otherwise than plain LoRA, or change more than the target modules. */
const otherMethods =
  /^use_|_config$|_pattern$|^(modules_to_save|layers_to_transform|layer_replication|exclude_modules|target_parameters|trainable_token_indices|alora_invocation_tokens|lora_bias|revision)$/;

/** PEFT writes every setting, most of them as "nothing". */
function isOff(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

const adapterConfigSchema = z
  .looseObject({
    peft_type: z.literal('LORA'),
    base_model_name_or_path: z.string().min(1),
    r: z.int().min(1),
    lora_alpha: z.number().positive(),
    lora_dropout: z.number().min(0).max(1).default(0),
    target_modules: z.array(z.string()).min(1),
    bias: z.literal('none').default('none'),
    /** Others (PiSSA, OLoRA, CorDA, LoftQ) change the base model's weights as well. */
    init_lora_weights: z.union([z.boolean(), z.enum(['gaussian', 'orthogonal', 'eva'])]).default(true),
  })
  .superRefine((settings, context) => {
    for (const [name, value] of Object.entries(settings)) {
      if (!otherMethods.test(name) || isOff(value)) continue;
      const message = `${JSON.stringify(value)}, which is not computed here`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
  });

/** Whether `folder` holds adapters alone, without the weights of a whole model. */
export async function isAdapterFolder(folder: string): Promise<boolean> {
  return (await exists(join(folder, configFile))) && !(await exists(join(folder, 'config.json')));
}

/**
 * The name or folder of the model that an adapter belongs to. Throws DataError for an adapter of another kind, and for one
 * of random weights, which are kept nowhere.
 */
export async function baseOfAdapter(folder: string): Promise<string> {
  const place = join(folder, configFile);
  const { base_model_name_or_path: base } = await readSettings(place);
  if (!base.startsWith('scratch/')) return base;
  throw new DataError({
    place: `${place}: base_model_name_or_path`,
    found: `'${base}', random weights that were not saved`,
    wanted: 'a model on the Hugging Face hub or a folder',
    remedy: 'Train again with --merge, and give the folder `merged`.',
  });
}

/** Layers of the model that an adapter's targets name. Throws DataError for a target that names none. */
export function targetLayers(
  config: Gpt2Config,
  targets: readonly string[],
  place = 'LoRA targets',
): string[] {
  const layers = [...parameterShapes(config)]
    .filter(([name, shape]) => name.includes('.h.') && shape.length === 2)
    .map(([name]) => name.replace(/\.weight$/, ''));
  for (const target of targets) {
    if (layers.some((layer) => matches(layer, target))) continue;
    throw new DataError({
      place,
      found: `'${target}'`,
      wanted: 'c_attn, c_proj, c_fc, attn.c_proj or mlp.c_proj',
    });
  }
  return layers.filter((layer) => targets.some((target) => matches(layer, target)));
}

function matches(layer: string, target: string): boolean {
  return layer === target || layer.endsWith(`.${target}`);
}

/**
 * Writes an adapter that `PeftModel.from_pretrained(base, folder)` reads. `base` is the base model's name or folder. A whole
 * model that was in `folder` goes when the adapter is whole: the folder would be taken for it.
 */
export async function writeAdapter(folder: string, adapter: Adapter, base: string): Promise<void> {
  const tensors: Parameters = new Map();
  for (const [layer, { a, b }] of adapter.layers) {
    tensors.set(`${PREFIX}${layer}.lora_A.weight`, transpose(a));
    tensors.set(`${PREFIX}${layer}.lora_B.weight`, transpose(b));
  }
  await writeSafetensors(join(folder, weightsFile), tensors);
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: adapter.dropout,
    target_modules: adapter.targets,
    fan_in_fan_out: true, // GPT-2's layers are [in, out]
    bias: 'none',
    inference_mode: true,
  };
  await writeFileAtomic(join(folder, configFile), `${JSON.stringify(config, null, 2)}\n`);
  await removeCheckpoint(folder);
}

/** Reads an adapter for a model of this size. Throws DataError naming field or tensor when it does not fit. */
export async function readAdapter(folder: string, config: Gpt2Config): Promise<Adapter> {
  const settingsFile = join(folder, configFile);
  const settings = await readSettings(settingsFile);
  const file = await openSafetensors(join(folder, weightsFile));
  try {
    const shapes = parameterShapes(config);
    const layers = new Map<string, LoraPair>();
    for (const layer of targetLayers(config, settings.target_modules, `${settingsFile}: target_modules`)) {
      const [inputs, outputs] = shapes.get(`${layer}.weight`) as [number, number];
      const a = await readTensor(file, `${PREFIX}${layer}.lora_A.weight`, [settings.r, inputs]);
      const b = await readTensor(file, `${PREFIX}${layer}.lora_B.weight`, [outputs, settings.r]);
      layers.set(layer, { a: transpose(a), b: transpose(b) });
    }
    rejectSurplus(file, layers);
    const { r, lora_alpha: alpha, lora_dropout: dropout, target_modules: targets } = settings;
    return { rank: r, alpha, dropout, targets, layers };
  } finally {
    await file.close();
  }
}

function rejectSurplus(file: SafetensorsFile, layers: ReadonlyMap<string, LoraPair>): void {
  for (const name of file.entries.keys()) {
    const layer = name.slice(PREFIX.length).replace(/\.lora_[AB]\.weight$/, '');
    if (name === `${PREFIX}${layer}.lora_A.weight` || name === `${PREFIX}${layer}.lora_B.weight`) {
      if (layers.has(layer)) continue;
    }
    throw new DataError({
      place: `${file.path}: ${name}`,
      found: 'a tensor that no target module has',
      wanted: 'pairs of lora_A and lora_B alone',
      remedy: 'Merge the adapter in Python (merge_and_unload, save_pretrained), and give that folder.',
    });
  }
}

async function readSettings(place: string): Promise<z.output<typeof adapterConfigSchema>> {
  const text = await readTextFile(place, 'the settings of a PEFT adapter');
  const value = parseJson(text, { place, wanted: 'the settings of a PEFT adapter' });
  const result = adapterConfigSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataError({
    place: `${place}: ${issue!.path.join('.')}`,
    found: issue!.message,
    wanted: 'a plain LoRA adapter',
    remedy: 'Merge it in Python (merge_and_unload, save_pretrained), and give that folder.',
    cause: result.error,
  });
}

async function readTensor(file: SafetensorsFile, name: string, shape: number[]): Promise<HostTensor> {
  const found = file.entries.get(name)?.shape;
  if (found?.join() !== shape.join()) {
    throw new DataError({
      place: `${file.path}: ${name}`,
      found: found === undefined ? 'no such tensor' : `shape [${found.join(', ')}]`,
      wanted: `shape [${shape.join(', ')}]`,
      remedy: 'Check that the adapter belongs to this model.',
    });
  }
  const data = new Float32Array(shape[0]! * shape[1]!);
  await file.readInto(name, data);
  return { shape, data };
}

/** The parameters with W + A B alpha / rank in place of each adapted W. */
export function merge(parameters: Parameters, { rank, alpha, layers }: Adapter): Parameters {
  const result: Parameters = new Map(parameters);
  for (const [layer, { a, b }] of layers) {
    const name = `${layer}.weight`;
    const [inputs, outputs] = parameters.get(name)!.shape as [number, number];
    const data = parameters.get(name)!.data.slice();
    for (let i = 0; i < inputs; i++) {
      for (let r = 0; r < rank; r++) {
        const factor = (a.data[i * rank + r]! * alpha) / rank;
        for (let o = 0; o < outputs; o++) data[i * outputs + o]! += factor * b.data[r * outputs + o]!;
      }
    }
    result.set(name, { shape: [inputs, outputs], data });
  }
  return result;
}
