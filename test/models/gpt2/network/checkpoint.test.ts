import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../../../src/models/gpt2/network/checkpoint.ts';
import {
  gpt2ConfigSchema,
  parameterShapes,
  parseConfig,
  readConfig,
} from '../../../../src/models/gpt2/network/config.ts';
import type { Parameters } from '../../../../src/huggingface/tensors.ts';
import { initialParameters, presetConfig } from '../../../../src/models/gpt2/network/presets.ts';
import { presetNames } from '../../../../src/models/gpt2/options.ts';
import { halfToFloat, openSafetensors, writeSafetensors } from '../../../../src/huggingface/safetensors.ts';
import { Rng } from '../../../../src/util/rng.ts';

const fixture = join(import.meta.dirname, '../../../fixtures/gpt2-tiny');
const config = gpt2ConfigSchema.parse({
  model_type: 'gpt2',
  vocab_size: 11,
  n_positions: 6,
  n_embd: 4,
  n_layer: 2,
  n_head: 2,
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gpt2-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A safetensors file from raw bytes, for what our writer does not write. */
async function writeRaw(path: string, tensors: [string, string, number[], Buffer][]): Promise<void> {
  let offset = 0;
  const header = Object.fromEntries(
    tensors.map(([name, dtype, shape, bytes]) => {
      const begin = offset;
      offset += bytes.length;
      return [name, { dtype, shape, data_offsets: [begin, offset] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path, Buffer.concat([length, text, ...tensors.map(([, , , bytes]) => bytes)]));
}

async function readOne(path: string, name: string, count: number): Promise<Float32Array> {
  const file = await openSafetensors(path);
  const target = new Float32Array(count);
  await file.readInto(name, target);
  await file.close();
  return target;
}

describe('files that people have', () => {
  it('may have no token that begins a text, and several that end it', () => {
    const given = { model_type: 'gpt2', bos_token_id: null, eos_token_id: [50256, 198] };
    expect(parseConfig(given, 'config.json')).toMatchObject({
      bos_token_id: null,
      eos_token_id: [50256, 198],
    });
  });

  it('are refused by the name of a tensor with a weight that is no number', async () => {
    const parameters = initialParameters(config, new Rng(1));
    parameters.get('transformer.ln_f.bias')!.data[2] = NaN;
    await writeCheckpoint(folder, config, parameters);
    await expect(readCheckpoint(folder, config)).rejects.toThrow(/ln_f\.bias: NaN at entry 2/);
  });
});

describe('a checkpoint', () => {
  it("written by Hugging Face is read: the fixture's weights have the shapes of its config.json", async () => {
    const config = await readConfig(fixture);
    const parameters = await readCheckpoint(fixture, config);
    expect([...parameters.keys()].sort()).toEqual([...parameterShapes(config).keys()].sort());
    expect(parameters.get('transformer.wte.weight')!.shape).toEqual([97, 32]);
    expect(parameters.get('transformer.h.1.ln_2.weight')!.data.every((value) => value !== 0)).toBe(true);
  });

  it('comes back from a folder exactly as it was written', async () => {
    const parameters = initialParameters(config, new Rng(1));
    await writeCheckpoint(folder, config, parameters);
    expect(await readConfig(folder)).toEqual(config);
    expect(await readCheckpoint(folder, config)).toEqual(parameters);
  });

  it('without the `transformer.` prefix, with mask buffers and an lm_head, is the same model', async () => {
    const parameters = initialParameters(config, new Rng(2));
    const hub: Parameters = new Map(
      [...parameters].map(([name, tensor]) => [name.replace('transformer.', ''), tensor]),
    );
    hub.set('h.0.attn.bias', { shape: [1, 1, 6, 6], data: new Float32Array(36) });
    hub.set('h.0.attn.masked_bias', { shape: [], data: new Float32Array(1) });
    hub.set('lm_head.weight', parameters.get('transformer.wte.weight')!);
    await writeSafetensors(join(folder, 'model.safetensors'), hub);
    expect(await readCheckpoint(folder, config)).toEqual(parameters);
  });

  it('in shards is read through its index', async () => {
    const parameters = initialParameters(config, new Rng(3));
    const names = [...parameters.keys()];
    const map: Record<string, string> = {};
    for (const [i, part] of [names.slice(0, 5), names.slice(5)].entries()) {
      const file = `model-0000${i + 1}-of-00002.safetensors`;
      for (const name of part) map[name] = file;
      await writeSafetensors(join(folder, file), new Map(part.map((name) => [name, parameters.get(name)!])));
    }
    await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    expect(await readCheckpoint(folder, config)).toEqual(parameters);
  });

  it('of another width is refused with tensor, expected and found shape', async () => {
    await writeCheckpoint(folder, config, initialParameters(config, new Rng(4)));
    await expect(readCheckpoint(folder, { ...config, n_embd: 8 })).rejects.toThrow(
      /transformer\.wte\.weight: shape \[11, 4\], expected shape \[11, 8\]/,
    );
  });

  it('with fewer or more layers than config.json says is refused', async () => {
    await writeCheckpoint(folder, config, initialParameters(config, new Rng(5)));
    await expect(readCheckpoint(folder, { ...config, n_layer: 3 })).rejects.toThrow(
      /transformer\.h\.2\.ln_1\.weight: no such tensor, expected shape \[4\]/,
    );
    await expect(readCheckpoint(folder, { ...config, n_layer: 1 })).rejects.toThrow(
      /transformer\.h\.1\.\S+: a tensor of shape/,
    );
  });

  it('cut off anywhere is refused: in its length, its header and its values', async () => {
    const path = join(folder, 'model.safetensors');
    for (const [bytes, message] of [
      [5, /model\.safetensors: 5 bytes, expected a complete/],
      [40, /a header of \d+ bytes in a file of 40 bytes/],
      [-4, /tensor transformer\.ln_f\.bias ends at byte \d+ of a file of \d+ bytes/],
    ] as const) {
      await writeCheckpoint(folder, config, initialParameters(config, new Rng(6)));
      const { length } = await readFile(path);
      await truncate(path, bytes < 0 ? length + bytes : bytes);
      await expect(readCheckpoint(folder, config)).rejects.toThrow(message);
    }
  });

  it('that is no safetensors file is refused by name', async () => {
    const path = join(folder, 'model.safetensors');
    const garbage = Buffer.alloc(64, '{');
    garbage.writeBigUInt64LE(8n);
    await writeFile(path, garbage);
    await expect(openSafetensors(path)).rejects.toThrow(/header that is not a list of tensors/);
    await rm(path);
    await expect(readCheckpoint(folder, config)).rejects.toThrow(/no weights, expected model\.safetensors/);
  });
});

describe('half precision', () => {
  it('bf16 is the upper half of a float32', async () => {
    const values = Float32Array.of(1, -2, 0.5, 3.140625, -0);
    const halves = Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
    const path = join(folder, 'x');
    await writeRaw(path, [['x', 'BF16', [5], Buffer.from(halves.buffer)]]);
    expect(await readOne(path, 'x', 5)).toEqual(values);
  });

  it('f16 bit patterns have the values of IEEE 754-2008: 1, -2, the largest, the smallest subnormal, infinity', () => {
    expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555, 0xfc00].map(halfToFloat)).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      0.333251953125,
      -Infinity,
    ]);
    expect(halfToFloat(0x7e00)).toBeNaN();
  });

  it('f16 values are widened in place without overwriting those still to be read', async () => {
    const count = 1000;
    const halves = Uint16Array.from({ length: count }, (_, i) => (i * 37) % 0x7c00);
    const path = join(folder, 'x');
    await writeRaw(path, [['x', 'F16', [count], Buffer.from(halves.buffer)]]);
    expect(await readOne(path, 'x', count)).toEqual(Float32Array.from(halves, halfToFloat));
  });

  it('an integer tensor where weights belong is refused by type', async () => {
    const path = join(folder, 'x');
    await writeRaw(path, [['x', 'I64', [1], Buffer.alloc(8)]]);
    await expect(readOne(path, 'x', 1)).rejects.toThrow(/x: values of type I64, expected F32, F16 or BF16/);
  });
});

describe('config.json', () => {
  it('is refused by the name of the field that is wrong', async () => {
    expect(() => parseConfig({ model_type: 'gpt2', n_layer: 'many' }, 'config.json')).toThrow(
      /config\.json: n_layer/,
    );
    expect(() => parseConfig({ model_type: 'llama' }, 'config.json')).toThrow(/config\.json: model_type/);
    expect(() => parseConfig({ model_type: 'gpt2', n_head: 5 }, 'config.json')).toThrow(/divisor of n_embd/);
    expect(() => parseConfig({ model_type: 'gpt2', activation_function: 'silu' }, 'c')).toThrow(
      /activation_function/,
    );
    await expect(readConfig(folder)).rejects.toThrow(/config\.json: no such file/);
  });

  it('says what the hub says of gpt2: 124,439,808 parameters', () => {
    const shapes = parameterShapes(parseConfig({ model_type: 'gpt2' }, 'config.json'));
    let count = 0;
    for (const shape of shapes.values()) count += shape.reduce((product, n) => product * n, 1);
    expect(count).toBe(124_439_808);
  });

  it('of every preset has the vocabulary of GPT-2', () => {
    for (const name of presetNames) expect(presetConfig(name).vocab_size).toBe(50257);
  });
});

describe('initial weights', () => {
  it('have the deviations of GPT-2: 0.02, and 0.02 / sqrt(2 layers) into the residual stream', () => {
    const wide = { ...config, n_embd: 64, vocab_size: 100 };
    const parameters = initialParameters(wide, new Rng(7));
    const deviation = (name: string) => {
      const { data } = parameters.get(`transformer.${name}`)!;
      return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
    };
    expect(deviation('wte.weight')).toBeCloseTo(0.02, 3);
    expect(deviation('h.1.mlp.c_proj.weight')).toBeCloseTo(0.01, 3);
    expect(deviation('ln_f.weight')).toBe(1);
    expect(deviation('h.0.attn.c_attn.bias')).toBe(0);
  });
});
