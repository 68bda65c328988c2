import { beforeAll, expect, test } from 'vitest';
import { rowOf } from '../../../../src/models/gpt2/decoding/decoder.ts';
import { OnnxDecoder } from '../../../../src/models/gpt2/decoding/onnx.ts';
import { TfjsDecoder } from '../../../../src/models/gpt2/decoding/tfjs.ts';
import { loadTfjs } from '../../../../src/models/gpt2/network/tfjs-backend.ts';
import { readFixture, type Fixture } from '../fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await readFixture();
});

test("decodes to PyTorch's logits, also after rows split and in a padded batch", async () => {
  const { config, parameters, reference } = fixture;
  const decoder = new OnnxDecoder(config, parameters, 2);
  const text = reference.ids[0]!;
  await decoder.start([text.slice(0, 3), text.slice(0, 30)]);
  await decoder.step(Int32Array.of(text[30]!, 5, text[30]!), Int32Array.of(1, 0, 1));
  const logits = await decoder.step(Int32Array.of(7, text[31]!), Int32Array.of(1, 2));
  const last = rowOf(logits, 1, 2);
  for (const [token, wanted] of reference.last_logits_of_first.entries()) {
    expect(Math.abs(last[token]! - wanted)).toBeLessThan(1e-5);
  }
  await decoder.dispose();
});

test('rows that split, swap, die and outgrow their room have the logits of texts read afresh', async () => {
  const { config, parameters } = fixture;
  const decoder = new OnnxDecoder(config, parameters, 2);
  const afresh = new TfjsDecoder(await loadTfjs(false), config, parameters);
  const compare = async (tokens: number[], parents?: number[]) => {
    const [given, from] = [Int32Array.from(tokens), parents && Int32Array.from(parents)];
    const [found, wanted] = [await decoder.step(given, from), await afresh.step(given, from)];
    expect(found.length).toBe(wanted.length);
    for (const [i, value] of wanted.entries()) expect(Math.abs(value - found[i]!)).toBeLessThan(1e-4);
  };
  const prompts = [[1, 2, 3], [4, 5, 6, 7, 8], [9]];
  await decoder.start(prompts);
  await afresh.start(prompts);
  await compare([1, 2, 3]);
  await compare([7, 8, 9, 10, 11], [0, 0, 0, 1, 2]);
  await compare([1, 2, 3, 4, 5], [4, 2, 1, 0, 3]);
  await compare([3, 4], [1, 4]);
  for (let n = 0; n < config.n_positions - 10; n++) await compare([n % 50, (n + 1) % 50]);
  await decoder.dispose();
  afresh.dispose();
});

test('a row that has filled the positions changes nothing for one that goes on', async () => {
  const { config, parameters } = fixture;
  const full = Array.from({ length: config.n_positions - 1 }, (_, n) => n);
  const decoders = [
    new OnnxDecoder(config, parameters, 2),
    new TfjsDecoder(await loadTfjs(false), config, parameters),
  ];
  for (const decoder of decoders) {
    const steps = async (prompts: number[][]) => {
      let logits = await decoder.start(prompts);
      for (let n = 0; n < 4; n++) logits = await decoder.step(new Int32Array(prompts.length).fill(n));
      return rowOf(logits, prompts.length - 1, prompts.length);
    };
    const beside = Array.from(await steps([full, [9, 8]]));
    const alone = await steps([[9, 8]]);
    for (const [token, value] of alone.entries()) expect(beside[token]).toBeCloseTo(value, 4);
    await decoder.dispose();
  }
});
