/** Saved models that were damaged: refused by file, or the model that was saved. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSavedModel, MANIFEST, saveModel } from '../../src/use/saved-model.ts';
import { DataError } from '../../src/util/errors.ts';
import { sha256 } from '../../src/util/files.ts';
import { Rng } from '../../src/util/rng.ts';
import { mutateBytes, mutateJson, mutationRuns } from '../support/mutations.ts';
import { checkerboardModel } from './checkerboard-model.ts';

const users = Int32Array.of(0, 1, 2);

test('a saved model with a damaged file, or a manifest made up and signed, is refused by file or is the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-damaged-'));
  await saveModel(folder, await checkerboardModel(1, 'mf', { factors: 4 }));
  const whole = await (await loadSavedModel(folder, { threads: 1 })).model.recommend(users, 5);
  const names = await readdir(folder);
  const files = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
  const { digest: _, ...manifest } = JSON.parse(files.get(MANIFEST)!.toString()) as Record<string, unknown>;
  const rng = new Rng(1);
  for (let n = mutationRuns(150); n > 0; n--) {
    const signed = n % 2 === 0;
    const name = signed ? MANIFEST : names[rng.int(names.length)]!;
    if (signed) {
      const mutant = mutateJson(manifest, rng) as object;
      const digest = sha256(JSON.stringify(mutant));
      await writeFile(join(folder, name), JSON.stringify({ ...mutant, digest }));
    } else await writeFile(join(folder, name), mutateBytes(files.get(name)!, rng));
    try {
      const { model } = await loadSavedModel(folder, { threads: 1 });
      const { items } = await model.recommend(users, 5);
      if (!signed) expect(items).toEqual(whole.items);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
    await writeFile(join(folder, name), files.get(name)!);
  }
  await rm(folder, { recursive: true });
});
