/** Losses and gradients of item GPT-2 against PyTorch's, which test/fixtures/make_gpt2_items_reference.py wrote. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../../src/huggingface/safetensors.ts';
import type { Parameters } from '../../../../src/huggingface/tensors.ts';
import { itemTrainable, POSITIONS } from '../../../../src/models/gpt2/items/network.ts';
import { sequenceTrainable } from '../../../../src/models/gpt2/items/sequences.ts';
import { wholeModel } from '../../../../src/models/gpt2/items/weights.ts';
import { gpt2ConfigSchema } from '../../../../src/models/gpt2/network/config.ts';
import { OnnxTrainee } from '../../../../src/training/onnx-trainee.ts';
import type { Trainable } from '../../../../src/training/trainable.ts';
import { gradientErrors } from '../fixture.ts';

const folder = join(import.meta.dirname, '../../../fixtures/gpt2-items');

interface Batches {
  config: unknown;
  set: { tokens: number[][]; levels: number[][]; targets: [number, number][][]; loss: number };
  next: { tokens: number[][]; levels: number[][]; next: number[][]; loss: number };
}

let parameters: Parameters;
let reference: Batches;
beforeAll(async () => {
  reference = JSON.parse(await readFile(join(folder, 'reference.json'), 'utf8')) as Batches;
  parameters = new Map();
  const file = await openSafetensors(join(folder, 'model.safetensors'));
  for (const [name, { shape }] of file.entries) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    await file.readInto(name, data);
    parameters.set(name, { shape, data });
  }
  await file.close();
});

/** A sample of every movie once, whose sampled softmax is the whole one. */
const everyMovie = { tokens: Int32Array.from({ length: 9 }, (_, n) => n), offsets: new Float32Array(9) };

const matrix = (rows: number[][]) => Int32Array.from(rows.flat());

async function compare<Batch>(model: Trainable<Batch>, batch: Batch, kind: 'set' | 'next') {
  const trainee = await OnnxTrainee.create(model, 1);
  const { loss, gradients } = await trainee.gradients(batch);
  await trainee.dispose();
  expect(loss).toBeCloseTo(reference[kind].loss, 5);
  const errors = await gradientErrors(gradients, 8, folder, kind);
  expect([...errors.keys()].sort()).toEqual([...gradients.keys()].sort());
  for (const [tensor, error] of errors) expect(error, tensor).toBeLessThan(1e-5);
}

describe.each([
  ['', false, undefined],
  [', with checkpointing', true, undefined],
  [', sampled with every movie drawn once', false, everyMovie],
])('item GPT-2%s', (_, checkpointing, negatives) => {
  it("loss and gradients of sets are PyTorch's, to 1e-5 of each tensor's largest", async () => {
    const { tokens, levels, targets } = reference.set;
    const batch = {
      rows: 3,
      length: 6,
      tokens: matrix(tokens),
      levels: matrix(levels),
      targets: targets.map((row) => row.map(([token, weight]) => ({ token, weight }))),
      ...(negatives && { negatives }),
    };
    const own = new Map(parameters);
    own.delete(POSITIONS);
    const config = gpt2ConfigSchema.parse(reference.config);
    await compare(itemTrainable(config, wholeModel(own), checkpointing), batch, 'set');
  });

  it("loss and gradients of next movies are PyTorch's, to 1e-5 of each tensor's largest", async () => {
    const { tokens, levels, next } = reference.next;
    const batch = {
      rows: 3,
      length: 6,
      tokens: matrix(tokens),
      levels: matrix(levels),
      next: matrix(next),
      ...(negatives && { negatives }),
    };
    const config = gpt2ConfigSchema.parse(reference.config);
    await compare(sequenceTrainable(config, wholeModel(parameters), checkpointing), batch, 'next');
  });
});
