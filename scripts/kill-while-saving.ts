/**
 * Kills a process that saves models, again and again, and loads what it leaves: it must be one of the two models that it
 * saves in turns, whole. Prints how often each was found; exits 1 at the first folder that does not load.
 *
 *     npx tsx scripts/kill-while-saving.ts 100
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveModel } from '../src/use/saved-model.ts';
import { Rng } from '../src/util/rng.ts';
import { checkerboardModel } from '../test/use/checkerboard-model.ts';
import { seedAfterKill } from '../test/use/kill.ts';

const kills = Number(process.argv[2] ?? 100);
const folder = await mkdtemp(join(tmpdir(), 'recsys-kill-'));
const found = [0, 0];
try {
  await saveModel(folder, await checkerboardModel(1));
  const rng = new Rng('kill');
  for (let n = 0; n < kills; n++) found[(await seedAfterKill(folder, rng)) - 1]!++;
  console.log(`${kills} kills: the first model ${found[0]} times, the second ${found[1]} times, none broken`);
} finally {
  await rm(folder, { recursive: true });
}
