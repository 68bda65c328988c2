import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contextLengthOf, loadBase, saveModel } from '../../../../src/models/gpt2/network/base.ts';
import type { Parameters } from '../../../../src/huggingface/tensors.ts';
import { presetConfig } from '../../../../src/models/gpt2/network/presets.ts';
import { silentProgress } from '../../../../src/util/progress.ts';
import { Rng } from '../../../../src/util/rng.ts';

const context = {
  progress: silentProgress,
  signal: new AbortController().signal,
  env: { HF_ENDPOINT: 'http://127.0.0.1:9' },
};
const scratch = { model: 'openai-community/gpt2', init: 'scratch', preset: 'tiny' } as const;

/** Comparing three million numbers one by one takes a test runner half a minute. */
function digest(parameters: Parameters): string {
  const hash = createHash('sha256');
  for (const [name, { shape, data }] of parameters) hash.update(`${name} ${shape.join()} `).update(data);
  return hash.digest('hex');
}

describe('the model to start from', () => {
  it('from scratch needs no network, depends on the seed alone, and is read again from where it was saved', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'base-'));
    const base = await loadBase(scratch, context, new Rng(1));
    expect(digest((await loadBase(scratch, context, new Rng(1))).parameters)).toBe(digest(base.parameters));
    expect(digest((await loadBase(scratch, context, new Rng(2))).parameters)).not.toBe(
      digest(base.parameters),
    );
    await saveModel(folder, base);
    const again = await loadBase({ ...scratch, init: 'pretrained', model: folder }, context, new Rng(1));
    expect(again.config).toEqual(presetConfig('tiny'));
    expect(digest(again.parameters)).toBe(digest(base.parameters));
    expect(again.tokenizer.encode('Trainspotting (1996)')).toEqual(
      base.tokenizer.encode('Trainspotting (1996)'),
    );
    await rm(folder, { recursive: true });
  });

  it('from the hub without network is an error that names both ways around', async () => {
    const env = { ...context.env, HF_HOME: join(tmpdir(), 'no-such-cache') };
    await expect(
      loadBase({ ...scratch, init: 'pretrained' }, { ...context, env }, new Rng(1)),
    ).rejects.toThrow(/--model DIR .*--init scratch --preset/);
  });
});

describe('the longest text', () => {
  it('is 512 tokens unless the model or the person says less', () => {
    const config = presetConfig('tiny');
    expect(contextLengthOf({ ...config, n_positions: 1024 }, undefined)).toBe(512);
    expect(contextLengthOf(config, undefined)).toBe(384);
    expect(contextLengthOf(config, 128)).toBe(128);
    expect(() => contextLengthOf(config, 385)).toThrow(/--context-length: 385, expected at most 384/);
  });
});
