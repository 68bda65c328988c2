/** Tiny checkpoints that test/fixtures/make_gpt2_*.py wrote with PyTorch and Hugging Face. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenBatch } from '../../../src/models/gpt2/network/token-batch.ts';
import { readCheckpoint } from '../../../src/models/gpt2/network/checkpoint.ts';
import { readConfig, type Gpt2Config } from '../../../src/models/gpt2/network/config.ts';
import type { Parameters } from '../../../src/huggingface/tensors.ts';
import { openSafetensors } from '../../../src/huggingface/safetensors.ts';
import type { Trainee } from '../../../src/training/trainee.ts';
import { Rng } from '../../../src/util/rng.ts';

const fixtureFolder = join(import.meta.dirname, '../../fixtures/gpt2-tiny');
/** Of make_gpt2_variants.py. */
export const variantFolder = (name: string) => join(fixtureFolder, '../gpt2-variants', name);

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

export async function readFixture(folder = fixtureFolder): Promise<Fixture> {
  const config = await readConfig(folder);
  const parameters = await readCheckpoint(folder, config);
  const reference = await readReference(folder);
  return { config, parameters, reference, batch: batchOf(reference) };
}

export async function readReference(folder: string): Promise<Reference> {
  return JSON.parse(await readFile(join(folder, 'reference.json'), 'utf8')) as Reference;
}

function batchOf(reference: Reference): TokenBatch {
  return {
    rows: reference.ids.length,
    length: reference.ids[0]!.length,
    tokens: Int32Array.from(reference.ids.flat()),
    // Hugging Face shifts labels inside the model: position t predicts token t + 1, the last one nothing.
    targets: Int32Array.from(reference.labels.flatMap((row) => [...row.slice(1), -100])),
  };
}

/**
 * Largest error of each gradient against PyTorch's, as a share of the tensor's largest. The third of c_attn.bias that
 * belongs to the keys is left out: its true gradient is 0 (softmax is shift invariant), and both hold rounding noise.
 */
export async function gradientErrors(
  gradients: Parameters,
  width: number,
  folder = fixtureFolder,
  file = 'grads',
): Promise<Map<string, number>> {
  const wantedFile = await openSafetensors(join(folder, `${file}.safetensors`));
  const errors = new Map<string, number>();
  for (const name of wantedFile.entries.keys()) {
    const found = gradients.get(name)!.data;
    const wanted = new Float32Array(found.length);
    await wantedFile.readInto(name, wanted);
    const ofKeys = (i: number) => name.endsWith('c_attn.bias') && i >= width && i < 2 * width;
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = wanted.reduce(
      (most, value, i) => (ofKeys(i) ? most : Math.max(most, Math.abs(value - found[i]!))),
      0,
    );
    errors.set(name, worst / largest);
  }
  await wantedFile.close();
  return errors;
}

/** What the reference's 10 steps were made with. */
export const referenceOptions = {
  learningRate: 1e-3,
  weightDecay: 0.01,
  clipNorm: 1,
};

/** The batch's texts as batches of one each; their numbers of targets differ. */
export function oneByOne({ rows, length, tokens, targets }: TokenBatch): TokenBatch[] {
  return Array.from({ length: rows }, (_, row) => {
    const cut = (values: Int32Array) => values.slice(row * length, (row + 1) * length);
    return { rows: 1, length, tokens: cut(tokens), targets: cut(targets) };
  });
}

/** Adapters of rank 2 for one layer, the B matrix zero. */
export function tinyAdapters({ n_embd: C }: Gpt2Config): { weights: Parameters; scale: number } {
  const layer = 'transformer.h.1.attn.c_attn';
  const a = Float32Array.from({ length: C * 2 }, (_, i) => Math.sin(i + 1) / 4);
  const weights = new Map([
    [`${layer}.lora_A`, { shape: [C, 2], data: a }],
    [`${layer}.lora_B`, { shape: [2, 3 * C], data: new Float32Array(6 * C) }],
  ]);
  return { weights, scale: 2 };
}

/** With a tenth of the residuals dropped. */
export function withDropout(config: Gpt2Config): Gpt2Config {
  return { ...config, resid_pdrop: 0.1 };
}

/** Loss and gradient norm of ten updates, each from all texts one by one. */
export async function summedUpdates(trainee: Trainee<TokenBatch>, batch: TokenBatch) {
  const steps: { loss: number; gradientNorm: number }[] = [];
  for (let n = 0; n < 10; n++) {
    steps.push(await trainee.update(oneByOne(batch), referenceOptions, new Rng(n)));
  }
  return steps;
}
