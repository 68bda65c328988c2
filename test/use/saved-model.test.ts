import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLoadable, modelNames, specOf } from '../../src/models/registry.ts';
import {
  loadSavedModel,
  MANIFEST,
  removeSavedModel,
  requireDataset,
  saveModel,
} from '../../src/use/saved-model.ts';
import { versionsFit } from '../../src/use/versions.ts';
import { sha256 } from '../../src/util/files.ts';
import { Rng } from '../../src/util/rng.ts';
import { checkerboard, fitContext } from '../support/datasets.ts';
import { checkerboardModel } from './checkerboard-model.ts';
import { seedAfterKill } from './kill.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-saved-'));
  await saveModel(join(folder, 'mf'), await checkerboardModel(1));
});
afterAll(() => rm(folder, { recursive: true }));

const users = Int32Array.from({ length: 40 }, (_, user) => user);
const one = { threads: 1 };

/** A copy of the saved model whose `model.json` says something else, and is signed again. */
async function withManifest(name: string, change: (manifest: Record<string, unknown>) => void) {
  const copy = join(folder, name);
  await cp(join(folder, 'mf'), copy, { recursive: true });
  const { digest: _, ...manifest } = JSON.parse(await readFile(join(copy, MANIFEST), 'utf8')) as Record<
    string,
    unknown
  >;
  change(manifest);
  const digest = sha256(JSON.stringify(manifest));
  await writeFile(join(copy, MANIFEST), JSON.stringify({ ...manifest, digest }));
  return copy;
}

const savable = modelNames.filter((name) => isLoadable(specOf(name).model));

describe.each(savable)('%s', (name) => {
  const { hyperparameters } = specOf(name);
  const small = 'factors' in hyperparameters ? { factors: 8 } : {};

  it('gives the same lists and reasons when it is loaded as when it was fitted', async () => {
    const { train } = checkerboard();
    const fitted = await (await specOf(name, small).create()).fit(train, fitContext(3));
    const place = join(folder, name);
    await saveModel(place, await checkerboardModel(3, name, small));
    const { model } = await loadSavedModel(place, one);
    expect(await model.recommend(users, 10)).toEqual(await fitted.recommend(users, 10));
    expect(model.facts).toEqual(fitted.facts);
    if (fitted.predict) expect(model.predict!(users, users)).toEqual(fitted.predict(users, users));
  });

  it('recommends from a selection only, with or without what the user has rated', async () => {
    const { train, wanted } = checkerboard();
    const place = join(folder, `${name}-selection`);
    await saveModel(place, await checkerboardModel(3, name, small));
    const { model } = await loadSavedModel(place, one);
    const candidates = train.catalogue.filter((item) => item < 10);
    const { items } = await model.recommend(users, 10, { candidates });
    expect(items.every((item) => item < 10)).toBe(true);
    const unseen = [...items.subarray(0, 10)].filter((item) => item >= 0);
    for (const item of wanted[0]!) if (item < 10) expect(unseen).toContain(item);
    const all = await model.recommend(users, 10, { candidates, includeSeen: true });
    expect([...all.items.subarray(0, 10)].sort((a, b) => a - b)).toEqual([...candidates]);
  });
});

describe('a saved model', () => {
  it('is replaced by the next one, of which nothing else is left', async () => {
    const place = join(folder, 'replaced');
    await saveModel(place, await checkerboardModel(1));
    await saveModel(place, await checkerboardModel(2));
    expect((await loadSavedModel(place, one)).manifest.fittedOn.seed).toBe(2);
    expect(await readdir(place)).toHaveLength(3);
  });

  it('is removed with its files, and what else is in the folder stays', async () => {
    const place = join(folder, 'removed');
    await saveModel(place, await checkerboardModel(1));
    await writeFile(join(place, 'config.json'), '{}');
    await removeSavedModel(place);
    await removeSavedModel(place);
    expect(await readdir(place)).toEqual(['config.json']);
  });

  it('is refused when a byte of any of its files has changed', async () => {
    for (const file of await readdir(join(folder, 'mf'))) {
      const copy = join(folder, `changed-${file}`);
      await cp(join(folder, 'mf'), copy, { recursive: true });
      const bytes = await readFile(join(copy, file));
      const at = file === MANIFEST ? bytes.indexOf('"seed": 1') + 8 : bytes.length >> 1;
      bytes[at]! ^= 1;
      await writeFile(join(copy, file), bytes);
      await expect(loadSavedModel(copy, one)).rejects.toThrow(/changed|SHA-256/);
    }
  });

  it('is refused by name when another version saved it', async () => {
    const copy = await withManifest('version', (manifest) => (manifest['recsys'] = '9.0.0'));
    await expect(loadSavedModel(copy, one)).rejects.toThrow(
      /model.json: saved by recsys 9[.]0[.]0 .* expected a model of recsys/,
    );
  });

  it('is refused by name where another data set is asked for', async () => {
    const saved = await loadSavedModel(join(folder, 'mf'), one);
    const files = [{ name: 'ratings.csv', sha256: 'x', bytes: 1 }];
    expect(() => requireDataset(saved, { name: 'ml-1m', files })).toThrow(
      /mf: fitted on checkerboard, of which ratings.csv differs, expected a model of ml-1m/,
    );
    requireDataset(saved, { name: 'again', files: [] });
  });

  it('whose options do not fit its arrays is refused', async () => {
    const copy = await withManifest('options', (manifest) => {
      manifest['hyperparameters'] = specOf('mf', { factors: 64 }).hyperparameters;
    });
    await expect(loadSavedModel(copy, one)).rejects.toThrow(/array 'userFactors' .* expected Float32Array/);
  });

  it('that is not there is missed with the command that makes one', async () => {
    await expect(loadSavedModel(join(folder, 'nowhere'), one)).rejects.toThrow(
      /no saved model, .* `recsys fit/,
    );
  });

  it('is whole whenever the process that saves it is killed', async () => {
    const place = join(folder, 'killed');
    await saveModel(place, await checkerboardModel(1));
    const rng = new Rng('kill');
    const seeds: number[] = [];
    for (let n = 0; n < 4; n++) seeds.push(await seedAfterKill(place, rng));
    expect(seeds.every((seed) => seed === 1 || seed === 2)).toBe(true);
  });
});

describe('versions', () => {
  it.each([
    ['0.1.0', '0.1.7', true],
    ['0.1.0', '0.2.0', false],
    ['1.2.0', '1.9.3', true],
    ['1.2.0', '2.0.0', false],
    ['0.0.1', '0.0.2', false],
  ])('%s reads what %s saved: %s', (own, other, fit) => {
    expect(versionsFit(other, own)).toBe(fit);
  });
});
