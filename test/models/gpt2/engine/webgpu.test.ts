import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { gpt2Trainable } from '../../../../src/models/gpt2/training/loss-graph.ts';
import { OnnxTrainee } from '../../../../src/training/onnx-trainee.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { driverEnvironment, hasDriver, skippedWithoutDriver } from '../../../support/webgpu.ts';
import { recsys } from '../../../support/cli.ts';
import { readFixture, referenceOptions, summedUpdates, tinyAdapters, withDropout } from '../fixture.ts';

interface Trained {
  losses: number[];
  updates: number;
  validation: number;
  again: number;
  bias: number[];
  accumulated: Summed;
  adapted: Summed;
  afterManySizes: number;
}

interface Summed {
  steps: { loss: number; gradientNorm: number }[];
  broken: { finite: boolean; updates: number; unchanged: boolean };
}

let found: Trained;
beforeAll(async () => {
  if (!hasDriver) return;
  const worker = join(import.meta.dirname, 'webgpu-worker.ts');
  const env = { ...process.env, ...driverEnvironment };
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', worker], { env });
  found = JSON.parse(stdout) as Trained;
}, 300_000);

test.runIf(hasDriver)(
  `on WebGPU the loss curve and the weights are the CPU's${skippedWithoutDriver}`,
  async () => {
    const { config, parameters, batch, reference } = await readFixture();
    const trainee = await OnnxTrainee.create(gpt2Trainable({ config, parameters, checkpointing: false }), 2);
    for (const [n, loss] of found.losses.entries()) {
      const { loss: wanted } = await trainee.update([batch], referenceOptions, new Rng(n));
      expect(Math.abs(loss / wanted - 1)).toBeLessThan(1e-4);
      expect(Math.abs(loss / reference.loss_before_each_of_10_steps[n]! - 1)).toBeLessThan(1e-4);
    }
    expect(found.updates).toBe(10);
    expect(found.validation).toBeCloseTo(await trainee.loss(batch), 3);
    expect(found.again).toBe(found.validation);
    const wanted = (await trainee.state()).weights.get('transformer.ln_f.bias')!.data;
    for (const [i, value] of wanted.entries()) expect(Math.abs(value - found.bias[i]!)).toBeLessThan(1e-4);
    await trainee.dispose();
  },
  60_000,
);

test.runIf(hasDriver)(`on WebGPU batches of many sizes can be trained on${skippedWithoutDriver}`, () => {
  expect(found.afterManySizes).toBe(2);
});

test.runIf(hasDriver).each(['accumulated', 'adapted'] as const)(
  `on WebGPU gradients summed over batches give the CPU's curve, and no number changes nothing: %s${skippedWithoutDriver}`,
  async (kind) => {
    const { config, parameters, batch } = await readFixture();
    const model = gpt2Trainable({
      config: withDropout(config),
      parameters,
      ...(kind === 'adapted' && { lora: tinyAdapters(config) }),
      checkpointing: false,
    });
    const trainee = await OnnxTrainee.create(model, 2);
    const { steps, broken } = found[kind];
    for (const [n, wanted] of (await summedUpdates(trainee, batch)).entries()) {
      expect(Math.abs(steps[n]!.loss / wanted.loss - 1)).toBeLessThan(1e-4);
      expect(Math.abs(steps[n]!.gradientNorm / wanted.gradientNorm - 1)).toBeLessThan(1e-3);
    }
    expect(broken).toEqual({ finite: false, updates: 10, unchanged: true });
    await trainee.dispose();
  },
);

test('--gpu without a GPU says why each engine cannot be used, and does not train on the CPU', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-no-gpu-'));
  const missing = join(folder, 'missing.json');
  const { code, stderr } = await recsys(
    ['finetune-gpt2', '--init', 'scratch', '--preset', 'tiny', '--gpu', '--results-dir', folder],
    { env: { VK_ICD_FILENAMES: missing, VK_DRIVER_FILES: missing, CUDA_VISIBLE_DEVICES: '' } },
  );
  expect(code).toBe(1);
  for (const engine of ['ONNX Runtime on CUDA', 'tfjs-node-gpu', 'ONNX Runtime on WebGPU']) {
    expect(stderr).toContain(`${engine}: `);
  }
  // What the drivers say themselves stands before it.
  expect(stderr.slice(stderr.indexOf('error: --gpu'))).not.toMatch(/^ +at /m);
});
