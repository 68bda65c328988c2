/** Weights, configurations and tokenizers that were damaged: refused by file, or what they say; never a crash. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../src/huggingface/safetensors.ts';
import { bundledTokenizer, loadTokenizer } from '../../src/huggingface/tokenizer.ts';
import { readAdapter } from '../../src/models/gpt2/network/peft.ts';
import { gpt2ConfigSchema, readConfig } from '../../src/models/gpt2/network/config.ts';
import { DataError } from '../../src/util/errors.ts';
import { Rng } from '../../src/util/rng.ts';
import { mutateBytes, mutateJson, mutationRuns } from '../support/mutations.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-damaged-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** What `work` gives; undefined for an error that names a file of the folder. Any other error fails the test. */
async function outcome<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataError && error.message.startsWith(folder)) return undefined;
    throw error;
  }
}

test('damaged weights are refused by file, or every byte of them belongs to one tensor', async () => {
  const path = join(folder, 'model.safetensors');
  const tensor = (shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, n) => n / 7),
  });
  await writeSafetensors(path, new Map([4, 3, 2].map((n) => [`layer.${n}`, tensor([n, 2])])));
  const whole = await readFile(path);
  const rng = new Rng(1);
  for (let n = mutationRuns(300); n > 0; n--) {
    const mutant = mutateBytes(whole, rng);
    await writeFile(path, mutant);
    await outcome(async () => {
      const file = await openSafetensors(path);
      try {
        let bytes = 0;
        for (const [name, { shape, dtype }] of file.entries) {
          const target = new Float32Array(shape.reduce((a, b) => a * b, 1));
          await file.readInto(name, target);
          bytes += target.length * (dtype === 'F32' ? 4 : 2);
        }
        expect(8 + Number(mutant.readBigUInt64LE()) + bytes).toBe(mutant.length);
      } finally {
        await file.close();
      }
    });
  }
});

test('tensors that overlap, leave a gap or end before the file are refused', async () => {
  const path = join(folder, 'model.safetensors');
  const write = async (offsets: [number, number][], bytes: number) => {
    const entries = offsets.map((data_offsets, n) => [`t${n}`, { dtype: 'F32', shape: [2], data_offsets }]);
    const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    await writeFile(path, Buffer.concat([length, text, Buffer.alloc(bytes)]));
  };
  const pair = (second: number): [number, number][] => [
    [0, 8],
    [second, second + 8],
  ];
  await write(pair(4), 16);
  await expect(openSafetensors(path)).rejects.toThrow(/tensor t1 at byte 4 where byte 8 comes next/);
  await write(pair(12), 20);
  await expect(openSafetensors(path)).rejects.toThrow(/tensor t1 at byte 12 where byte 8 comes next/);
  await write(pair(8), 20);
  await expect(openSafetensors(path)).rejects.toThrow(/20 bytes of values where the tensors take 16/);
});

test('a damaged configuration is refused by file and field, or is one of a GPT-2', async () => {
  const path = join(folder, 'config.json');
  const config = JSON.parse(await readFile('test/fixtures/gpt2-tiny/config.json', 'utf8')) as object;
  const rng = new Rng(2);
  for (let n = mutationRuns(200); n > 0; n--) {
    const text = JSON.stringify(mutateJson(config, rng));
    await writeFile(path, rng.uniform() < 0.5 ? text : mutateBytes(Buffer.from(text), rng));
    const read = await outcome(() => readConfig(folder));
    if (read) expect(gpt2ConfigSchema.parse(read)).toEqual(read);
  }
});

test('the settings of an adapter that are damaged are refused by file', async () => {
  const config = await readConfig('test/fixtures/gpt2-tiny');
  const settings = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['c_attn'], bias: 'none' };
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), new Map());
  const rng = new Rng(3);
  for (let n = mutationRuns(200); n > 0; n--) {
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(mutateJson(settings, rng)));
    expect(await outcome(() => readAdapter(folder, config))).toBeUndefined(); // it has no weights
  }
});

test('a damaged tokenizer is refused by file, or decodes', async () => {
  await (await bundledTokenizer()).save(folder);
  const path = join(folder, 'tokenizer.json');
  const whole = JSON.parse(await readFile(path, 'utf8')) as {
    model: { vocab: Record<string, number>; merges: unknown[] };
  };
  const vocab = Object.fromEntries(
    Object.entries(whole.model.vocab).filter(([token, id]) => id < 400 || token === '<|endoftext|>'),
  );
  vocab['<|endoftext|>'] = 400;
  const added = [{ id: 400, content: '<|endoftext|>', special: true }];
  const small = { ...whole, added_tokens: added, model: { ...whole.model, vocab, merges: [['Ġ', 't']] } };
  const rng = new Rng(4);
  for (let n = mutationRuns(60); n > 0; n--) {
    await writeFile(path, JSON.stringify(mutateJson(small, rng)));
    await outcome(async () => (await loadTokenizer(folder, 401)).decode([1, 2]));
  }
});
