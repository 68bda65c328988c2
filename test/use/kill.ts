/** Kills processes that save models, and looks at what they leave. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { packageRoot } from '../../src/util/package.ts';
import type { Rng } from '../../src/util/rng.ts';
import { loadSavedModel } from '../../src/use/saved-model.ts';

/**
 * Starts a process that saves into `folder`, kills it with SIGKILL at a random moment, and loads what is there. Returns the
 * seed of the model that was found. Throws when it cannot be loaded.
 */
export async function seedAfterKill(folder: string, rng: Rng): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/use/saving-child.ts', folder], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  await setTimeout(20 + rng.int(100));
  child.kill('SIGKILL');
  await closed;
  const { manifest } = await loadSavedModel(join(folder), { threads: 1 });
  return manifest.fittedOn.seed;
}
