/** Item GPT-2 whose blocks are trained by adapters, and the one that starts from a GPT-2 of words. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { presetConfig, initialParameters } from '../../../../src/models/gpt2/network/presets.ts';
import { bundledTokenizer } from '../../../../src/huggingface/tokenizer.ts';
import type { Parameters } from '../../../../src/huggingface/tensors.ts';
import { saveModel } from '../../../../src/models/gpt2/network/base.ts';
import { itemTrainable, MARKS, MOVIES } from '../../../../src/models/gpt2/items/network.ts';
import { adaptedModel, wholeModel } from '../../../../src/models/gpt2/items/weights.ts';
import { gpt2ConfigSchema } from '../../../../src/models/gpt2/network/config.ts';
import { initialAdapters, loraA, loraB } from '../../../../src/models/gpt2/network/lora.ts';
import { OnnxTrainee } from '../../../../src/training/onnx-trainee.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { checkerboard, fitContext } from '../../../support/datasets.ts';
import { itemModelIn } from './fixture.ts';

const { train } = checkerboard();
const everyone = Int32Array.from({ length: train.userCount }, (_, user) => user);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adapted-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('adapters of item GPT-2', () => {
  const config = gpt2ConfigSchema.parse({ model_type: 'gpt2', n_embd: 4, n_layer: 2, n_head: 2 });
  const options = { lora: 2, loraAlpha: 3, loraTargets: ['c_attn', 'mlp.c_proj'] };
  const layer = 'transformer.h.1.attn.c_attn';

  function randomParts(): { parameters: Parameters; adapters: Parameters } {
    const parameters = initialParameters({ ...config, vocab_size: 1 }, new Rng(1));
    parameters.delete('transformer.wte.weight');
    parameters.delete('transformer.wpe.weight');
    const rows = (shape: [number, number], rng: Rng) => ({
      shape,
      data: Float32Array.from({ length: shape[0] * shape[1] }, () => rng.normal()),
    });
    parameters.set(MOVIES, rows([5, 4], new Rng(2)));
    parameters.set(MARKS, rows([3, 4], new Rng(3)));
    const adapters = initialAdapters({ config }, options, new Rng(4));
    const draw = new Rng(5);
    for (const { data } of adapters.values()) data.forEach((_, n) => (data[n] = 0.3 * draw.normal()));
    return { parameters, adapters };
  }
  const batch = {
    rows: 2,
    length: 3,
    tokens: Int32Array.of(0, 1, 0, 3, 4, 0),
    levels: Int32Array.of(0, 1, -1, 1, 0, -1),
    targets: [[{ token: 2, weight: 1 }], [{ token: 1, weight: 1 }]],
  };

  it('have the loss of the merged model, and its gradients by the chain rule', async () => {
    const { parameters, adapters } = randomParts();
    const adapted = adaptedModel(parameters, adapters, [MOVIES, MARKS], options);
    const merged = adapted.merged(adapted.trained);
    const gradientsOf = async (weights: Parameters, model = wholeModel(weights)) => {
      const trainee = await OnnxTrainee.create(itemTrainable(config, model, false), 1);
      const result = await trainee.gradients(batch);
      await trainee.dispose();
      return result;
    };
    const own = await gradientsOf(parameters, adapted);
    const whole = await gradientsOf(merged);
    expect(own.loss).toBeCloseTo(whole.loss, 6);
    expect([...own.gradients.keys()].sort()).toEqual([...adapted.trained.keys()].sort());
    const [dW, dB] = [whole.gradients.get(`${layer}.weight`)!, own.gradients.get(loraB(layer))!];
    const a = adapters.get(loraA(layer))!.data;
    for (let r = 0; r < 2; r++) {
      for (let o = 0; o < 12; o++) {
        let expected = 0; // row r of alpha / rank A' dW
        for (let i = 0; i < 4; i++) expected += (3 / 2) * a[i * 2 + r]! * dW.data[i * 12 + o]!;
        expect(dB.data[r * 12 + o]).toBeCloseTo(expected, 5);
      }
    }
    expect(Math.max(...dB.data.map(Math.abs))).toBeGreaterThan(1e-3);
  });

  it('leave every other weight of the blocks as it was', () => {
    const { parameters, adapters } = randomParts();
    const { merged, trained, frozen } = adaptedModel(parameters, adapters, [MOVIES, MARKS], options);
    const whole = merged(trained);
    const changed = [...parameters.keys()].filter((name) => whole.get(name) !== parameters.get(name));
    expect(changed.map((name) => name.replace(/^transformer\.h\.\d\./, ''))).toEqual([
      'attn.c_attn.weight',
      'mlp.c_proj.weight',
      'attn.c_attn.weight',
      'mlp.c_proj.weight',
    ]);
    expect([...frozen.keys(), MOVIES, MARKS].sort()).toEqual([...parameters.keys()].sort());
  });
});

describe('item GPT-2 from a GPT-2 of words', () => {
  async function saveWords(): Promise<string> {
    const config = { ...presetConfig('tiny'), scale_attn_by_inverse_layer_idx: true };
    const words = join(folder, 'words');
    const parameters = initialParameters(config, new Rng(1));
    await saveModel(words, { name: 'words', config, parameters, tokenizer: await bundledTokenizer() });
    return words;
  }
  const quick = { epochs: 40, batchSize: 8, learningRate: 0.01, lora: 2 };

  it('learns who likes what with its blocks in place, and keeps the sizes of the base', async () => {
    const model = await saveWords();
    const fitted = await itemModelIn(folder, { ...quick, model }).fit(train, fitContext());
    expect(fitted.base).toBe(model);
    expect(fitted.config).toMatchObject({ n_embd: 64, n_layer: 2, scale_attn_by_inverse_layer_idx: true });
    const norm = fitted.parameters.get('transformer.h.0.ln_1.weight')!.data;
    expect(new Set(norm)).toEqual(new Set([1])); // as drawn: only adapted layers and tables change
    const { items } = await fitted.recommend(everyone, 3);
    const own = items.filter((item, n) => item % 2 === Math.floor(n / 3) % 2).length;
    expect(own / items.length).toBeGreaterThan(0.9); // by chance a half
  });

  it('learns the next movie with positions, and refuses a context that the base does not have', async () => {
    const model = await saveWords();
    const next = { objective: 'next', ordered: true } as const;
    const fitted = await itemModelIn(folder, { ...quick, epochs: 1, model }, next).fit(train, fitContext());
    expect(fitted.parameters.get('transformer.wpe.weight')!.shape).toEqual([200, 64]);
    const tooLong = itemModelIn(folder, { ...quick, model, contextLength: 1000 });
    await expect(tooLong.fit(train, fitContext())).rejects.toThrow(/--context-length.*384/s);
  });
});
