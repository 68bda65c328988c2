import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TokenBatch } from '../../../src/models/gpt2/batch.ts';
import { readCheckpoint } from '../../../src/models/gpt2/checkpoint.ts';
import { readConfig, type Gpt2Config, type Parameters } from '../../../src/models/gpt2/config.ts';
import { rowOf } from '../../../src/models/gpt2/decoding.ts';
import { openSafetensors } from '../../../src/models/gpt2/safetensors.ts';
import { TfjsDecoder } from '../../../src/models/gpt2/tfjs-decoder.ts';
import { TfjsTrainee, loadTfjs, type TfjsBackend } from '../../../src/models/gpt2/tfjs-trainee.ts';
import { Rng } from '../../../src/util/rng.ts';

/** Written by test/fixtures/make_gpt2_reference.py with PyTorch and Hugging Face. */
const fixture = join(import.meta.dirname, '../../fixtures/gpt2-tiny');

interface Reference {
  ids: number[][];
  labels: number[][];
  loss: number;
  last_logits_of_first: number[];
  loss_before_each_of_10_steps: number[];
}

let backend: TfjsBackend;
let config: Gpt2Config;
let parameters: Parameters;
let reference: Reference;
let batch: TokenBatch;

beforeAll(async () => {
  backend = await loadTfjs(false);
  config = await readConfig(fixture);
  parameters = await readCheckpoint(fixture, config);
  reference = JSON.parse(await readFile(join(fixture, 'reference.json'), 'utf8')) as Reference;
  batch = {
    rows: reference.ids.length,
    length: reference.ids[0]!.length,
    tokens: Int32Array.from(reference.ids.flat()),
    // Hugging Face shifts labels inside the model: position t predicts token t + 1, the last one nothing.
    targets: Int32Array.from(reference.labels.flatMap((row) => [...row.slice(1), -100])),
  };
});

describe('GPT-2 on tfjs', () => {
  it("has PyTorch's loss and gradients, to 1e-5 of each tensor's largest", async () => {
    const engine = new TfjsTrainee(backend, config, parameters);
    const { loss, gradients } = await engine.gradients(batch);
    engine.dispose();
    expect(loss).toBeCloseTo(reference.loss, 5);
    const file = await openSafetensors(join(fixture, 'grads.safetensors'));
    expect([...gradients.keys()].sort()).toEqual([...file.entries.keys()].sort());
    for (const [name, { data }] of gradients) {
      const wanted = new Float32Array(data.length);
      await file.readInto(name, wanted);
      // The true gradient of the keys' bias is 0 (softmax is shift invariant); both hold rounding noise there.
      const isKey = (i: number) =>
        name.endsWith('c_attn.bias') && i >= config.n_embd && i < 2 * config.n_embd;
      let largest = 0;
      let worst = 0;
      for (const [i, value] of wanted.entries()) {
        largest = Math.max(largest, Math.abs(value));
        if (!isKey(i)) worst = Math.max(worst, Math.abs(value - data[i]!));
      }
      expect(worst / largest, name).toBeLessThan(1e-5);
    }
    await file.close();
  });

  it("follows PyTorch's AdamW for 10 steps, to 1e-4", async () => {
    const engine = new TfjsTrainee(backend, config, parameters);
    const options = {
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      clipNorm: 1,
    };
    for (const wanted of reference.loss_before_each_of_10_steps) {
      const { loss } = await engine.update([batch], options, new Rng(1));
      expect(Math.abs(loss / wanted - 1)).toBeLessThan(1e-4);
    }
    engine.dispose();
  });

  it("decodes to PyTorch's logits, also after rows split and in a padded batch", async () => {
    const decoder = new TfjsDecoder(backend, config, parameters);
    const text = reference.ids[0]!;
    await decoder.start([text.slice(0, 3), text.slice(0, 30)]);
    await decoder.step(Int32Array.of(text[30]!, 5, text[30]!), Int32Array.of(1, 0, 1));
    const logits = await decoder.step(Int32Array.of(7, text[31]!), Int32Array.of(1, 2));
    decoder.dispose();
    const last = rowOf(logits, 1, 2);
    for (const [token, wanted] of reference.last_logits_of_first.entries()) {
      expect(Math.abs(last[token]! - wanted)).toBeLessThan(1e-5);
    }
  });

  it('leaves no tensor behind on the backend', async () => {
    const before = backend.tf.memory().numTensors;
    const engine = new TfjsTrainee(backend, config, parameters);
    const options = {
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      clipNorm: 1,
    };
    await engine.gradients(batch);
    await engine.update([batch], options, new Rng(1));
    engine.dispose();
    expect(backend.tf.memory().numTensors).toBe(before);
  });

  it('drops units out by the generator it is given', async () => {
    const options = { learningRate: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 };
    const engine = new TfjsTrainee(backend, { ...config, resid_pdrop: 0.5 }, parameters);
    const losses: number[] = [];
    for (const seed of [1, 1, 2]) losses.push((await engine.update([batch], options, new Rng(seed))).loss);
    engine.dispose();
    expect(losses[0]).toBe(losses[1]);
    expect(losses[2]).not.toBe(losses[1]);
  });

  it('says why a GPU was not used where tfjs-node-gpu is not installed', async () => {
    const name: string = '@tensorflow/tfjs-node-gpu';
    const installed = await import(name).then(
      () => true,
      () => false,
    );
    if (!installed) await expect(loadTfjs(true)).rejects.toThrow(/tfjs-node-gpu: cannot be used/);
  });
});
