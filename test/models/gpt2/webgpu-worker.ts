/** Ten updates of the tiny fixture on WebGPU, in a process of its own: the driver is found through its environment. */
import { DeviceTrainee } from '../../../src/models/gpt2/device-trainee.ts';
import { Rng } from '../../../src/util/rng.ts';
import { readFixture, referenceOptions } from './fixture.ts';

const { config, parameters, batch } = await readFixture();
const trainee = new DeviceTrainee({ config, parameters, checkpointing: false, threads: 2 });
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
process.stdout.write(JSON.stringify({ losses, updates, validation, again, bias }));
