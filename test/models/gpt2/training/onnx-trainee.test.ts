import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenBatch } from '../../../../src/models/gpt2/network/token-batch.ts';
import { gpt2Trainable } from '../../../../src/models/gpt2/training/loss-graph.ts';
import { OnnxTrainee } from '../../../../src/training/onnx-trainee.ts';
import { NO_TARGET } from '../../../../src/models/gpt2/network/token-batch.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { gradientErrors, readFixture, referenceOptions, tinyAdapters, type Fixture } from '../fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await readFixture();
});

const opened: OnnxTrainee<TokenBatch>[] = [];
afterAll(async () => {
  for (const trainee of opened) await trainee.dispose();
});

const noDropout = { embd_pdrop: 0, attn_pdrop: 0, resid_pdrop: 0 };

async function create(
  more: { checkpointing?: boolean; dropout?: number } = {},
): Promise<OnnxTrainee<TokenBatch>> {
  const { checkpointing = false, dropout } = more;
  const { config: plain, parameters } = fixture;
  const config = { ...plain, ...noDropout, ...(dropout !== undefined && { resid_pdrop: dropout }) };
  const trainee = await OnnxTrainee.create(gpt2Trainable({ config, parameters, checkpointing }), 2);
  opened.push(trainee);
  return trainee;
}

describe.each([false, true])('with checkpointing: %s', (checkpointing) => {
  test("loss and gradients are PyTorch's, to 1e-5 of each tensor's largest", async () => {
    const { batch, reference, config } = fixture;
    const trainee = await create({ checkpointing });
    const { loss, gradients } = await trainee.gradients(batch);
    expect(loss).toBeCloseTo(reference.loss, 5);
    expect(await trainee.loss(batch)).toBeCloseTo(reference.loss, 5);
    const errors = await gradientErrors(gradients, config.n_embd);
    expect(errors.size).toBe(gradients.size);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
  });

  test("AdamW's loss curve is PyTorch's for 10 steps, to 1e-4", async () => {
    const { batch, reference } = fixture;
    const trainee = await create({ checkpointing });
    for (const wanted of reference.loss_before_each_of_10_steps) {
      const { loss } = await trainee.update([batch], referenceOptions, new Rng(1));
      expect(Math.abs(loss / wanted - 1)).toBeLessThan(1e-4);
    }
  });
});

test('two halves of a batch make the update of the whole batch', async () => {
  const { batch } = fixture;
  const { length } = batch;
  const part = (from: number, to: number) => ({
    rows: to - from,
    length,
    tokens: batch.tokens.slice(from * length, to * length),
    targets: batch.targets.slice(from * length, to * length),
  });
  const [whole, parts] = [await create(), await create()];
  const a = await whole.update([batch], referenceOptions, new Rng(1));
  const b = await parts.update([part(0, 1), part(1, 3)], referenceOptions, new Rng(1));
  expect(b.loss).toBeCloseTo(a.loss, 5);
  expect(b.gradientNorm).toBeCloseTo(a.gradientNorm, 4);
  expect(await parts.loss(batch)).toBeCloseTo(await whole.loss(batch), 4);
});

test('a state restored into another trainee continues to the digit', async () => {
  const { batch } = fixture;
  const [first, second] = [await create({ dropout: 0.25 }), await create({ dropout: 0.25 })];
  const losses = async (trainee: OnnxTrainee<TokenBatch>, from: number, to: number) => {
    const found: number[] = [];
    for (let n = from; n < to; n++) {
      found.push((await trainee.update([batch], referenceOptions, new Rng(n))).loss);
    }
    return found;
  };
  await losses(first, 0, 3);
  await second.restore(await first.state());
  expect(await losses(second, 3, 6)).toEqual(await losses(first, 3, 6));
});

test('what is dropped follows from the generator, and only while training', async () => {
  const { batch, reference } = fixture;
  const trainee = await create({ dropout: 0.5 });
  const frozen = { ...referenceOptions, learningRate: 0 };
  const losses: number[] = [];
  for (const seed of [1, 1, 2]) {
    losses.push((await trainee.update([batch], frozen, new Rng(seed))).loss);
  }
  expect(losses[1]).toBe(losses[0]);
  expect(losses[2]).not.toBe(losses[0]);
  expect(await trainee.loss(batch)).toBeCloseTo(reference.loss, 5);
});

test('a loss that is not a number changes nothing', async () => {
  const { batch, reference, config, parameters } = fixture;
  const trainee = await create();
  const good = await trainee.state();
  const broken = structuredClone(good);
  broken.weights.get('transformer.ln_f.weight')!.data[0] = NaN;
  await trainee.restore(broken);
  const { loss } = await trainee.update([batch], referenceOptions, new Rng(1));
  expect(loss).toBeNaN();
  expect((await trainee.state()).updates).toBe(0);
  await trainee.restore(good);
  expect(await trainee.loss(batch)).toBeCloseTo(reference.loss, 5);
  expect(good.weights.size).toBe(parameters.size);
  expect(config.n_layer).toBe(2);
});

test('with few targets only their positions reach the output layer, and the loss is the same', async () => {
  const { batch } = fixture;
  const targets = batch.targets.map((target, at) => (at % 16 === 3 ? target : NO_TARGET));
  const some = { ...batch, targets };
  const trainee = await create();
  // Alone in a batch of one text each: the mean of their losses, weighted by targets.
  let sum = 0;
  let count = 0;
  for (let row = 0; row < batch.rows; row++) {
    const cut = (values: Int32Array) => values.slice(row * batch.length, (row + 1) * batch.length);
    const asked = cut(targets).filter((target) => target >= 0).length;
    sum +=
      asked *
      (await trainee.loss({
        rows: 1,
        length: batch.length,
        tokens: cut(batch.tokens),
        targets: cut(targets),
      }));
    count += asked;
  }
  expect(await trainee.loss(some)).toBeCloseTo(sum / count, 5);
});

describe('LoRA', () => {
  test('adapters that are zero on one side change nothing at first, and alone are trained', async () => {
    const { batch, reference, config: plain, parameters } = fixture;
    const config = { ...plain, ...noDropout };
    const lora = tinyAdapters(config);
    const before = structuredClone(parameters);
    const model = gpt2Trainable({ config, parameters, lora, checkpointing: false });
    const trainee = await OnnxTrainee.create(model, 2);
    opened.push(trainee);
    const losses: number[] = [];
    for (let n = 0; n < 20; n++) {
      losses.push(
        (await trainee.update([batch], { ...referenceOptions, learningRate: 0.05 }, new Rng(n))).loss,
      );
    }
    expect(losses[0]).toBeCloseTo(reference.loss, 5);
    expect(losses.at(-1)).toBeLessThan(reference.loss - 0.05);
    expect([...(await trainee.state()).weights.keys()]).toEqual([...lora.weights.keys()]);
    expect(parameters).toEqual(before);
  });
});
