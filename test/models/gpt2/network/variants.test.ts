import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundledTokenizer } from '../../../../src/huggingface/tokenizer.ts';
import type { Parameters } from '../../../../src/huggingface/tensors.ts';
import { OnnxDecoder } from '../../../../src/models/gpt2/decoding/onnx.ts';
import { TfjsDecoder } from '../../../../src/models/gpt2/decoding/tfjs.ts';
import { loadBase, saveModel } from '../../../../src/models/gpt2/network/base.ts';
import { readCheckpoint, writeCheckpoint } from '../../../../src/models/gpt2/network/checkpoint.ts';
import { gpt2ConfigSchema, type Gpt2Config } from '../../../../src/models/gpt2/network/config.ts';
import { merge, readAdapter, targetLayers, writeAdapter } from '../../../../src/models/gpt2/network/peft.ts';
import { initialParameters } from '../../../../src/models/gpt2/network/presets.ts';
import { loadTfjs } from '../../../../src/models/gpt2/network/tfjs-backend.ts';
import { gpt2Trainable } from '../../../../src/models/gpt2/training/loss-graph.ts';
import { TfjsTrainee } from '../../../../src/models/gpt2/training/tfjs-trainee.ts';
import { OnnxTrainee } from '../../../../src/training/onnx-trainee.ts';
import { silentProgress } from '../../../../src/util/progress.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { gradientErrors, readFixture, readReference, variantFolder } from '../fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'variants-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Largest distance of the logits behind `text` from `wanted`; its last tokens are decoded one at a time. */
async function logitError(config: Gpt2Config, parameters: Parameters, text: number[], wanted: number[]) {
  const decoder = new OnnxDecoder(config, parameters, 1);
  await decoder.start([text.slice(0, 3)]);
  let logits = new Float32Array();
  for (const token of text.slice(3)) logits = new Float32Array(await decoder.step(Int32Array.of(token)));
  await decoder.dispose();
  return wanted.reduce((most, value, n) => Math.max(most, Math.abs(value - logits[n]!)), 0);
}

describe.each(['gelu-untied', 'relu-inverse'])('a GPT-2 of architecture %s', (name) => {
  it("has Hugging Face's logits, loss and gradients", async () => {
    const { config, parameters, reference, batch } = await readFixture(variantFolder(name));
    const { ids, last_logits_of_first: wanted } = reference;
    expect(await logitError(config, parameters, ids[0]!, wanted)).toBeLessThan(1e-5);
    const trainee = await OnnxTrainee.create(gpt2Trainable({ config, parameters, checkpointing: false }), 1);
    const { loss, gradients } = await trainee.gradients(batch);
    await trainee.dispose();
    expect(loss).toBeCloseTo(reference.loss, 5);
    const errors = await gradientErrors(gradients, config.n_embd, variantFolder(name));
    expect([...errors.keys()].sort()).toEqual([...parameters.keys()].sort());
    for (const [tensor, error] of errors) expect(error, tensor).toBeLessThan(1e-5);
  });

  it('is the same on TensorFlow.js', async () => {
    const { config, parameters, reference, batch } = await readFixture(variantFolder(name));
    const backend = await loadTfjs(false);
    const decoder = new TfjsDecoder(backend, config, parameters);
    const logits = await decoder.start([reference.ids[0]!]);
    decoder.dispose();
    for (const [n, value] of reference.last_logits_of_first.entries())
      expect(logits[n]).toBeCloseTo(value, 4);
    const trainee = new TfjsTrainee(backend, config, parameters);
    const { gradients } = await trainee.gradients(batch);
    trainee.dispose();
    const errors = await gradientErrors(gradients, config.n_embd, variantFolder(name));
    for (const [tensor, error] of errors) expect(error, tensor).toBeLessThan(1e-4);
  });

  it('comes back from a folder as it was written', async () => {
    const { config, parameters } = await readFixture(variantFolder(name));
    await writeCheckpoint(folder, config, parameters);
    expect(await readCheckpoint(folder, config)).toEqual(parameters);
  });
});

describe('an adapter that PEFT wrote', () => {
  it("merged into its base has PEFT's logits", async () => {
    const { config, parameters } = await readFixture(variantFolder('gelu-untied'));
    const adapter = await readAdapter(variantFolder('adapter'), config);
    const { ids, last_logits_of_first: wanted } = await readReference(variantFolder('adapter'));
    expect(await logitError(config, merge(parameters, adapter), ids[0]!, wanted)).toBeLessThan(1e-5);
    expect(await logitError(config, parameters, ids[0]!, wanted)).toBeGreaterThan(0.1);
  });

  const settings = 'adapter_config.json';
  it.each([
    [
      'rank_pattern',
      { c_attn: 4 },
      /rank_pattern: {"c_attn":4}, which is not computed here.*Merge it in Python/,
    ],
    ['modules_to_save', ['wte'], /modules_to_save/],
    ['use_rslora', true, /use_rslora/],
    ['init_lora_weights', 'pissa', /init_lora_weights/],
    ['bias', 'all', /bias/],
    ['target_modules', ['c_attn'], /mlp\.c_proj\.lora_A\.weight: a tensor that no target module has/],
  ])('with %s %j is refused by it', async (name, value, message) => {
    const { config } = await readFixture(variantFolder('gelu-untied'));
    await cp(variantFolder('adapter'), folder, { recursive: true });
    const given = JSON.parse(await readFile(join(folder, settings), 'utf8')) as Record<string, unknown>;
    await writeFile(join(folder, settings), JSON.stringify({ ...given, [name]: value }));
    await expect(readAdapter(folder, config)).rejects.toThrow(message);
  });
});

describe('a folder of adapters as --model', () => {
  const sizes = { model_type: 'gpt2', n_embd: 4, n_layer: 1, n_head: 2, n_positions: 16 };
  const config = gpt2ConfigSchema.parse(sizes);
  const context = {
    progress: silentProgress,
    signal: new AbortController().signal,
    env: { HF_HUB_OFFLINE: '1' },
  };
  const load = (model: string) =>
    loadBase({ model, init: 'pretrained', preset: 'tiny' }, context, new Rng(1));

  /** An adapter that adds 1/2 to one weight. */
  async function writeTo(place: string, base: string) {
    const pair = {
      a: { shape: [4, 1], data: Float32Array.of(1, 0, 0, 0) },
      b: { shape: [1, 12], data: Float32Array.from({ length: 12 }, (_, n) => Number(n === 0)) },
    };
    const layers = new Map(targetLayers(config, ['c_attn']).map((layer) => [layer, pair]));
    await writeAdapter(place, { rank: 1, alpha: 0.5, dropout: 0, targets: ['c_attn'], layers }, base);
  }

  it('is the model that it names with the adapters merged', async () => {
    const base = join(folder, 'base');
    const parameters = initialParameters(config, new Rng(1));
    await saveModel(base, { name: 'micro', config, parameters, tokenizer: await bundledTokenizer() });
    await writeTo(join(folder, 'adapter'), base);
    const loaded = await load(join(folder, 'adapter'));
    const name = 'transformer.h.0.attn.c_attn.weight';
    const difference = loaded.parameters
      .get(name)!
      .data.map((value, n) => value - parameters.get(name)!.data[n]!);
    expect(difference[0]).toBeCloseTo(0.5, 6);
    expect(difference.subarray(1).every((value) => value === 0)).toBe(true);
  });

  it('holds what was saved last, adapters or a whole model, and nothing of the other kind', async () => {
    const [base, place] = [join(folder, 'base'), join(folder, 'place')];
    const tokenizer = await bundledTokenizer();
    const model = (seed: number) => ({
      name: 'micro',
      config,
      parameters: initialParameters(config, new Rng(seed)),
      tokenizer,
    });
    await saveModel(base, model(1));
    await saveModel(place, model(2));
    const whole = await readdir(place);
    await writeTo(place, base);
    expect(await readdir(place)).not.toContain('model.safetensors');
    const name = 'transformer.h.0.mlp.c_fc.weight';
    expect((await load(place)).parameters.get(name)).toEqual(model(1).parameters.get(name));
    await saveModel(place, model(3));
    expect((await load(place)).parameters).toEqual(model(3).parameters);
    expect(await readdir(place)).toEqual(whole);
  });

  it('is refused where that model cannot be had, naming it', async () => {
    await writeTo(folder, './not/here/at/all');
    await expect(load(folder)).rejects.toThrow(
      /adapter_config\.json: base_model_name_or_path '\.\/not\/here.*no such folder/,
    );
    await writeTo(folder, 'scratch/tiny');
    await expect(load(folder)).rejects.toThrow(
      /'scratch\/tiny', random weights that were not saved.*--merge/,
    );
  });
});

describe('an output layer of its own', () => {
  it('that config.json ties to the embedding is refused', async () => {
    const { config, parameters } = await readFixture(variantFolder('gelu-untied'));
    await writeCheckpoint(folder, config, parameters);
    await expect(readCheckpoint(folder, { ...config, tie_word_embeddings: true })).rejects.toThrow(
      /lm_head\.weight: other values than the token embedding/,
    );
  });

  it('that is missing is missed by name', async () => {
    const { config, parameters } = await readFixture(variantFolder('relu-inverse'));
    await writeCheckpoint(folder, config, parameters);
    await expect(readCheckpoint(folder, { ...config, tie_word_embeddings: false })).rejects.toThrow(
      /lm_head\.weight: no such tensor/,
    );
  });
});
