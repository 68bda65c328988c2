/** Checkpoints that were damaged: put aside and named, and training goes on from the one before. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TrainingStore, type TrainingProgress } from '../../src/training/checkpoints.ts';
import type { TrainingState } from '../../src/training/trainee.ts';
import { Rng } from '../../src/util/rng.ts';
import { mutateBytes, mutationRuns } from '../support/mutations.ts';

let output: string;
let store: TrainingStore;
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), 'recsys-checkpoints-'));
  store = new TrainingStore(output, join(output, 'log.jsonl'));
});
afterEach(() => rm(output, { recursive: true }));

/** Weights and moments that tell updates apart. */
function stateAt(updates: number): TrainingState {
  const of = (value: number) => new Map([['w', { shape: [3], data: Float32Array.of(value, 2, updates) }]]);
  return { updates, weights: of(1), first: of(2), second: of(3) };
}

const progressAt = (updates: number, best: number | null = null): TrainingProgress => ({
  updates,
  settings: 'these',
  validated: true,
  best,
  passesSinceBest: 0,
  stopped: false,
});

test('of two checkpoints of which the newer is damaged, the older is taken, or the newer as it was saved', async () => {
  await store.save(stateAt(1), progressAt(1));
  await store.save(stateAt(2), progressAt(2));
  const path = join(store.folder, 'update-00000002.safetensors');
  const whole = await readFile(path);
  const rng = new Rng(1);
  for (let n = mutationRuns(200); n > 0; n--) {
    const mutant = mutateBytes(whole, rng);
    await writeFile(path, mutant);
    const notes: string[] = [];
    const found = await store.load('these', (line) => notes.push(line));
    if (found?.progress.updates === 2) expect([found.state, notes]).toEqual([stateAt(2), []]);
    else {
      expect(found).toEqual({ state: stateAt(1), progress: progressAt(1) });
      expect(notes).toEqual([expect.stringContaining('put aside as update-00000002.safetensors.damaged')]);
      expect(await readFile(`${path}.damaged`)).toEqual(mutant);
    }
  }
});

test('without the best weights, a checkpoint from before them is taken, else training begins anew', async () => {
  await store.save(stateAt(1), progressAt(1));
  await store.saveBest(stateAt(2).weights);
  await store.save(stateAt(2), progressAt(2, 0.5));
  const notes: string[] = [];
  const note = (line: string) => void notes.push(line);
  expect((await store.load('these', note))?.progress.updates).toBe(2);
  await writeFile(join(store.folder, 'best.safetensors'), 'damaged');
  expect((await store.load('these', note))?.progress.updates).toBe(1);
  expect(notes.join('\n')).toMatch(
    /best\.safetensors\.damaged\.\n.*update-00000002\.safetensors cannot be used without the best weights/,
  );
  await rm(join(store.folder, 'update-00000001.safetensors'));
  expect(await store.load('these', note)).toBeUndefined();
  await store.clear();
  expect(await readdir(store.folder)).toEqual(['best.safetensors.damaged']);
});
