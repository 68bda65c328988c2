import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledTokenizer, loadTokenizer, type Gpt2Tokenizer } from '../../src/huggingface/tokenizer.ts';

const VOCAB_SIZE = 50257; // of OpenAI's GPT-2, in every size
const samples = [
  'User 425 has watched Trainspotting (1996), rated 5.0/5.',
  "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001) isn't  bad ,  really !",
  '七人の侍 – Crouching Tiger, Hidden Dragon (Wo hu cang long) (2000)\n\nRecommendations:\n',
  ' two  spaces\tand a tab',
];

let folder: string;
let bundled: Gpt2Tokenizer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  bundled = await bundledTokenizer();
  await bundled.save(folder);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('the bundled tokenizer', () => {
  it('has the 50,257 tokens of GPT-2, the last one ending a text', () => {
    expect(bundled.vocabularySize).toBe(50257);
    expect(bundled.endOfText).toBe(50256);
  });

  it("gives the tokens of OpenAI's encoder: 'Hello world' is 15496, 995", () => {
    expect(bundled.encode('Hello world')).toEqual([15496, 995]);
    expect(bundled.encode('<|endoftext|>')).toEqual([50256]);
  });

  it('gives every text back to the letter', () => {
    for (const text of samples) expect(bundled.decode(bundled.encode(text))).toBe(text);
  });
});

describe("a folder's tokenizer", () => {
  it("is read by Hugging Face's tokenizer with the same tokens", async () => {
    const { Tokenizer } = await import('@huggingface/tokenizers');
    const [json, config] = await Promise.all(
      ['tokenizer.json', 'tokenizer_config.json'].map(
        async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as object,
      ),
    );
    const theirs = new Tokenizer(json!, config!);
    for (const text of samples) expect(theirs.encode(text).ids).toEqual(bundled.encode(text));
  });

  it('comes back as it was saved, also from vocab.json and merges.txt alone', async () => {
    const whole = await loadTokenizer(folder, VOCAB_SIZE);
    const pair = await mkdtemp(join(tmpdir(), 'tokenizer-'));
    for (const name of ['vocab.json', 'merges.txt']) {
      await writeFile(join(pair, name), await readFile(join(folder, name)));
    }
    const old = await loadTokenizer(pair, VOCAB_SIZE);
    for (const text of samples) {
      expect(whole.encode(text)).toEqual(bundled.encode(text));
      expect(old.encode(text)).toEqual(bundled.encode(text));
    }
    const merges = await readFile(join(pair, 'merges.txt'), 'utf8');
    await writeFile(join(pair, 'merges.txt'), merges.replaceAll('\n', '\r\n')); // a checkout on Windows
    await writeFile(join(pair, 'added_tokens.json'), '{"<|pad|>": 50257}');
    const windows = await loadTokenizer(pair, VOCAB_SIZE + 1);
    for (const text of samples) expect(windows.encode(text)).toEqual(bundled.encode(text));
    expect(windows.encode('<|pad|>')).toEqual([50257]);
    await rm(pair, { recursive: true });
  });

  it('puts no space before a text where its configuration says so, and is refused where one is wanted', async () => {
    const other = await mkdtemp(join(tmpdir(), 'tokenizer-'));
    const json = (await readFile(join(folder, 'tokenizer.json'), 'utf8')).replaceAll(
      '"add_prefix_space":false',
      '"add_prefix_space":true',
    );
    await writeFile(join(other, 'tokenizer.json'), json);
    await expect(loadTokenizer(other, VOCAB_SIZE)).rejects.toThrow(/add_prefix_space true/);
    await writeFile(join(other, 'tokenizer_config.json'), '{"add_prefix_space": false}');
    const tokenizer = await loadTokenizer(other, VOCAB_SIZE);
    for (const text of samples) expect(tokenizer.encode(text)).toEqual(bundled.encode(text));
    await rm(other, { recursive: true });
  });

  it('that does not fit the vocabulary is refused with both sizes', async () => {
    for (const size of [97, 60000]) {
      await expect(loadTokenizer(folder, size)).rejects.toThrow(
        new RegExp(`a tokenizer of 50257 tokens, expected ${size}`),
      );
    }
    await expect(loadTokenizer(folder, 50304)).resolves.toBeDefined();
  });

  it('that is missing or of another kind is refused', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'tokenizer-'));
    await expect(loadTokenizer(empty, VOCAB_SIZE)).rejects.toThrow(/no tokenizer, expected tokenizer\.json/);
    await writeFile(join(empty, 'tokenizer.json'), '{"model": {"type": "Unigram", "vocab": []}}');
    await expect(loadTokenizer(empty, VOCAB_SIZE)).rejects.toThrow(/tokenizer\.json: model\.type/);
    await rm(empty, { recursive: true });
  });
});
