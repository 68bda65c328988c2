/** The model that training starts from: of a preset, of a folder or from the hub; and the folder it is saved to. */
import { join } from 'node:path';
import { DataError } from '../../../util/errors.ts';
import type { Rng } from '../../../util/rng.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { readConfig, type Gpt2Config } from './config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { modelFolder, type HubContext } from '../../../huggingface/hub.ts';
import type { Gpt2ModelOptions } from '../options.ts';
import { baseOfAdapter, isAdapterFolder, merge, readAdapter } from './peft.ts';
import { initialParameters, presetConfig } from './presets.ts';
import { bundledTokenizer, loadTokenizer, type Gpt2Tokenizer } from '../../../huggingface/tokenizer.ts';

export interface BaseModel {
  /** "openai-community/gpt2", a folder, or "scratch/tiny". */
  name: string;
  config: Gpt2Config;
  parameters: Parameters;
  tokenizer: Gpt2Tokenizer;
}

/**
 * Loads what `options` name; adapters of PEFT with the model that they name, merged. `rng` draws the weights of
 * `--init scratch`, which needs neither network nor files. Throws RecsysError when the model cannot be had and DataError
 * when its files are wrong.
 */
export async function loadBase(
  { model, init, preset }: Pick<Gpt2ModelOptions, 'model' | 'init' | 'preset'>,
  context: HubContext,
  rng: Rng,
): Promise<BaseModel> {
  if (init === 'scratch') {
    const config = presetConfig(preset);
    const parameters = initialParameters(config, rng.derive('weights'));
    return { name: `scratch/${preset}`, config, parameters, tokenizer: await bundledTokenizer() };
  }
  const folder = await modelFolder(model, context);
  if (await isAdapterFolder(folder)) return await loadAdapted(model, folder, context);
  return await loadWhole(model, folder);
}

async function loadWhole(name: string, folder: string): Promise<BaseModel> {
  const config = await readConfig(folder);
  const tokenizer = await loadTokenizer(folder, config.vocab_size);
  return { name, config, parameters: await readCheckpoint(folder, config), tokenizer };
}

/** The model that the adapter of `folder` names, with the adapter merged. */
async function loadAdapted(name: string, folder: string, context: HubContext): Promise<BaseModel> {
  const baseName = await baseOfAdapter(folder);
  const place = `${join(folder, 'adapter_config.json')}: base_model_name_or_path '${baseName}'`;
  const baseFolder = await modelFolder(baseName, context, place);
  const base = await loadWhole(baseName, baseFolder);
  const adapter = await readAdapter(folder, base.config);
  return { ...base, name, parameters: merge(base.parameters, adapter) };
}

/** Writes a whole Hugging Face folder: weights, `config.json`, tokenizer. `loadBase` and `from_pretrained` read it. */
export async function saveModel(folder: string, { config, parameters, tokenizer }: BaseModel): Promise<void> {
  await tokenizer.save(folder);
  await writeCheckpoint(folder, config, parameters);
}

/** Longest text to train on and to write. Throws DataError when more is asked for than the model has positions. */
export function contextLengthOf({ n_positions: most }: Gpt2Config, asked: number | undefined): number {
  if (asked !== undefined && asked > most) {
    throw new DataError({
      place: '--context-length',
      found: `${asked}`,
      wanted: `at most ${most}, the model's n_positions`,
    });
  }
  return asked ?? Math.min(512, most);
}
