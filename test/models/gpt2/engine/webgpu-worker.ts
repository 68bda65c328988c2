/** Updates of the tiny fixture on WebGPU, in a process of its own: the driver is found through its environment. */
import { isDeepStrictEqual } from 'node:util';
import { gpt2Trainable } from '../../../../src/models/gpt2/training/loss-graph.ts';
import { DeviceTrainee } from '../../../../src/training/device-trainee.ts';
import { Rng } from '../../../../src/util/rng.ts';
import {
  oneByOne,
  readFixture,
  referenceOptions,
  summedUpdates,
  tinyAdapters,
  withDropout,
} from '../fixture.ts';

const { config, parameters, batch } = await readFixture();
const parts = { config, parameters, checkpointing: false };
const create = (more: Partial<Parameters<typeof gpt2Trainable>[0]> = {}) =>
  DeviceTrainee.create(gpt2Trainable({ ...parts, ...more }), 2);

// First, in fresh memory: later on what was freed too early may go unnoticed.
const afterManySizes = await manySizes();

const trainee = await create();
const losses: number[] = [];
for (let n = 0; n < 10; n++) {
  losses.push((await trainee.update([batch], referenceOptions, new Rng(n))).loss);
}
const { updates, weights } = await trainee.state();
const validation = await trainee.loss(batch);
await trainee.restore({ ...(await trainee.state()), updates });
const again = await trainee.loss(batch);
await trainee.dispose();
const bias = [...weights.get('transformer.ln_f.bias')!.data];

/** Updates from several batches, and one that ends in no number. */
async function summed(more: { lora?: ReturnType<typeof tinyAdapters> }) {
  const trainee = await create({ config: withDropout(config), ...more });
  const steps = await summedUpdates(trainee, batch);
  const state = await trainee.state();
  for (const { data } of state.weights.values()) data[0] = NaN;
  await trainee.restore(state);
  // A device's maximum may ignore NaN, and the loss take one: then the norm tells.
  const { loss, gradientNorm } = await trainee.update(oneByOne(batch), referenceOptions, new Rng(0));
  const { updates, first } = await trainee.state();
  const unchanged = isDeepStrictEqual(first, state.first);
  const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm);
  await trainee.dispose();
  return { steps, broken: { finite, updates, unchanged } };
}

/** Whether weights outlive the use of many other graphs; ONNX Runtime ends the process if their session was released. */
async function manySizes() {
  const trainee = await create();
  const [text] = oneByOne(batch).slice(1);
  const upTo = (length: number) => ({
    rows: 1,
    length,
    tokens: text!.tokens.slice(0, length),
    targets: text!.targets.slice(0, length),
  });
  await trainee.update([upTo(9)], referenceOptions, new Rng(0));
  for (let length = 10; length < 16; length++) await trainee.loss(upTo(length));
  await trainee.update([upTo(16)], referenceOptions, new Rng(1));
  const { updates } = await trainee.state();
  await trainee.dispose();
  return updates;
}

const accumulated = await summed({});
const adapted = await summed({ lora: tinyAdapters(config) });
process.stdout.write(
  JSON.stringify({
    losses,
    updates,
    validation,
    again,
    bias,
    accumulated,
    adapted,
    afterManySizes,
  }),
);
