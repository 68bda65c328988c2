import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpt2ConfigSchema, parameterShapes } from '../../../../src/models/gpt2/network/config.ts';
import {
  readAdapter,
  targetLayers,
  writeAdapter,
  type Adapter,
} from '../../../../src/models/gpt2/network/peft.ts';
import { openSafetensors } from '../../../../src/huggingface/safetensors.ts';
import { Rng } from '../../../../src/util/rng.ts';

const config = gpt2ConfigSchema.parse({
  model_type: 'gpt2',
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
  vocab_size: 9,
});

function adapter(targets: string[], rank = 3): Adapter {
  const rng = new Rng(1);
  const random = (shape: [number, number]) => ({
    shape,
    data: Float32Array.from({ length: shape[0] * shape[1] }, () => rng.normal()),
  });
  const layers = targetLayers(config, targets).map((layer) => {
    const [inputs, outputs] = parameterShapes(config).get(`${layer}.weight`) as [number, number];
    return [layer, { a: random([inputs, rank]), b: random([rank, outputs]) }] as const;
  });
  return { rank, alpha: 16, dropout: 0.1, targets, layers: new Map(layers) };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peft-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('a LoRA adapter', () => {
  it('comes back as it was written', async () => {
    const written = adapter(['c_attn', 'mlp.c_proj']);
    await writeAdapter(folder, written, 'gpt2');
    expect(await readAdapter(folder, config)).toEqual(written);
  });

  it('has the names and shapes of PEFT: A is (rank, in), B is (out, rank)', async () => {
    await writeAdapter(folder, adapter(['c_attn']), 'gpt2');
    const file = await openSafetensors(join(folder, 'adapter_model.safetensors'));
    const shapes = Object.fromEntries([...file.entries].map(([name, { shape }]) => [name, shape]));
    await file.close();
    const layer = (n: number) => `base_model.model.transformer.h.${n}.attn.c_attn`;
    expect(shapes).toEqual({
      [`${layer(0)}.lora_A.weight`]: [3, 8],
      [`${layer(0)}.lora_B.weight`]: [24, 3],
      [`${layer(1)}.lora_A.weight`]: [3, 8],
      [`${layer(1)}.lora_B.weight`]: [24, 3],
    });
  });

  it('names its targets as PEFT does: c_proj is in both parts of a block, attn.c_proj in one', () => {
    expect(targetLayers(config, ['c_proj'])).toHaveLength(4);
    expect(targetLayers(config, ['attn.c_proj'])).toEqual([
      'transformer.h.0.attn.c_proj',
      'transformer.h.1.attn.c_proj',
    ]);
    expect(() => targetLayers(config, ['q_proj'])).toThrow(/'q_proj', expected c_attn/);
  });

  it('of another model or of another kind is refused by name', async () => {
    await writeAdapter(folder, adapter(['c_attn']), 'gpt2');
    await expect(readAdapter(folder, { ...config, n_embd: 16 })).rejects.toThrow(
      /c_attn\.lora_A\.weight: shape \[3, 8\], expected shape \[3, 16\]/,
    );
    const path = join(folder, 'adapter_config.json');
    const settings = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...settings, use_dora: true }));
    await expect(readAdapter(folder, config)).rejects.toThrow(/adapter_config\.json: use_dora/);
  });
});
