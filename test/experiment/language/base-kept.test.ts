/** Which folders a fine-tuning may save in: those where the model that it starts from stays whole. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireBaseKept } from '../../../src/experiment/language/gpt2/base-kept.ts';
import { UsageError } from '../../../src/util/errors.ts';

let folder: string;
let out: string;
let merged: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'base-kept-'));
  out = join(folder, 'out');
  merged = join(out, 'merged');
  await mkdir(merged, { recursive: true });
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A folder with the settings of adapters of `base`. */
async function adaptersOf(base: string): Promise<string> {
  const own = join(folder, 'adapters');
  await mkdir(own);
  const settings = {
    peft_type: 'LORA',
    base_model_name_or_path: base,
    r: 2,
    lora_alpha: 4,
    target_modules: ['c_attn'],
  };
  await writeFile(join(own, 'adapter_config.json'), JSON.stringify(settings));
  return own;
}

async function refusal(model: string, savesAdapters: boolean): Promise<string | undefined> {
  const error = await requireBaseKept({ model, savesAdapters }, out).catch((error: unknown) => error);
  if (error === undefined) return undefined;
  expect(error).toBeInstanceOf(UsageError);
  return (error as Error).message;
}

describe('the folder that a fine-tuning saves in', () => {
  it('may not be that of the model where adapters are saved; a whole model may take its place', async () => {
    expect(await refusal(out, true)).toBe(
      `--model ${out}: weights in ${out}, where this run would overwrite or remove them, expected another folder to save in. Name one with --output, or --save of \`recsys fit\`.`,
    );
    expect(await refusal(out, false)).toBeUndefined();
  });

  it.each([true, false])(
    'may not hold the merged model that is given (adapters saved: %s)',
    async (saves) => {
      expect(await refusal(merged, saves)).toContain(`weights in ${merged},`);
      expect(await refusal(join(out, '..', 'out', 'merged', '.'), saves)).toContain(`weights in ${merged},`);
    },
  );

  it.each([true, false])(
    'may not hold the model to which the adapters that are given belong (adapters saved: %s)',
    async (saves) => {
      expect(await refusal(await adaptersOf(out), saves)).toContain(`weights in ${out},`);
      await rm(join(folder, 'adapters'), { recursive: true });
      expect(await refusal(await adaptersOf(merged), saves)).toContain(`weights in ${merged},`);
    },
  );

  it('is found through links, of the model and of the merged folder', async () => {
    const link = join(folder, 'link');
    await symlink(out, link);
    expect(await refusal(link, true)).toContain(`weights in ${out},`);
    expect(await refusal(join(link, 'merged'), false)).toContain(`weights in ${merged},`);
    expect(await refusal(await adaptersOf(link), true)).toContain(`weights in ${out},`);
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    await rm(merged, { recursive: true });
    await symlink(elsewhere, merged);
    expect(await refusal(elsewhere, false)).toContain(`weights in ${merged},`);
  });

  it('may be any other, also one that is not there yet, and of random weights or a model of the hub', async () => {
    const other = join(folder, 'other');
    await mkdir(other);
    expect(await refusal(other, true)).toBeUndefined();
    expect(await refusal(await adaptersOf(other), true)).toBeUndefined();
    expect(await refusal('openai-community/gpt2', true)).toBeUndefined();
    await expect(requireBaseKept({ savesAdapters: true }, join(folder, 'new'))).resolves.toBeUndefined();
  });
});
