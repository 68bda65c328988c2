/** The tiny checkpoint that test/fixtures/make_gpt2_reference.py wrote with PyTorch and Hugging Face. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenBatch } from '../../../src/models/gpt2/batch.ts';
import { readCheckpoint } from '../../../src/models/gpt2/checkpoint.ts';
import { readConfig, type Gpt2Config, type Parameters } from '../../../src/models/gpt2/config.ts';
import { openSafetensors } from '../../../src/models/gpt2/safetensors.ts';

export const fixtureFolder = join(import.meta.dirname, '../../fixtures/gpt2-tiny');

export interface Reference {
  ids: number[][];
  labels: number[][];
  loss: number;
  last_logits_of_first: number[];
  loss_before_each_of_10_steps: number[];
}

export interface Fixture {
  config: Gpt2Config;
  parameters: Parameters;
  reference: Reference;
  batch: TokenBatch;
}

export async function readFixture(): Promise<Fixture> {
  const config = await readConfig(fixtureFolder);
  const parameters = await readCheckpoint(fixtureFolder, config);
  const reference = JSON.parse(await readFile(join(fixtureFolder, 'reference.json'), 'utf8')) as Reference;
  const batch = {
    rows: reference.ids.length,
    length: reference.ids[0]!.length,
    tokens: Int32Array.from(reference.ids.flat()),
    // Hugging Face shifts labels inside the model: position t predicts token t + 1, the last one nothing.
    targets: Int32Array.from(reference.labels.flatMap((row) => [...row.slice(1), -100])),
  };
  return { config, parameters, reference, batch };
}

/**
 * Largest error of each gradient against PyTorch's, as a share of the tensor's largest. The third of c_attn.bias that
 * belongs to the keys is left out: its true gradient is 0 (softmax is shift invariant), and both hold rounding noise.
 */
export async function gradientErrors(gradients: Parameters, width: number): Promise<Map<string, number>> {
  const file = await openSafetensors(join(fixtureFolder, 'grads.safetensors'));
  const errors = new Map<string, number>();
  for (const name of file.entries.keys()) {
    const found = gradients.get(name)!.data;
    const wanted = new Float32Array(found.length);
    await file.readInto(name, wanted);
    const ofKeys = (i: number) => name.endsWith('c_attn.bias') && i >= width && i < 2 * width;
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = wanted.reduce(
      (most, value, i) => (ofKeys(i) ? most : Math.max(most, Math.abs(value - found[i]!))),
      0,
    );
    errors.set(name, worst / largest);
  }
  await file.close();
  return errors;
}

/** What the reference's 10 steps were made with. */
export const referenceOptions = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  clipNorm: 1,
};
