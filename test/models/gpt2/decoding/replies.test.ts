import { describe, expect, it } from 'vitest';
import { gpt2GenerateOptions, type Gpt2GenerateOptions } from '../../../../src/models/gpt2/options.ts';
import { writeReplies, type ReplyRequest } from '../../../../src/models/gpt2/decoding/replies.ts';
import { buildTrie } from '../../../../src/models/gpt2/decoding/trie.ts';
import { silentProgress } from '../../../../src/util/progress.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { FakeDecoder, randomLogits } from '../fake-decoder.ts';

/** Forty movies of three tokens out of 1 to 8 each; 0 ends a title. */
const items = Array.from({ length: 40 }, (_, i) => i);
const title = (item: number) => [1 + (item % 8), 1 + (item >> 3), 0];
const trie = buildTrie(items, items.map(title));

const questions: ReplyRequest[] = Array.from({ length: 7 }, (_, u) => ({
  userId: 100 + u,
  prompt: Array.from({ length: 1 + u }, (_, i) => (i * u) % 9),
  listMarker: [0, 1],
  excluded: items.filter((item) => item % 7 === u),
  maxTokens: 90 - u,
}));

async function ask(typed: Partial<Gpt2GenerateOptions>, asked = questions) {
  const decoder = new FakeDecoder(randomLogits(9));
  return await writeReplies(asked, gpt2GenerateOptions.parse(typed), {
    decoder,
    trie,
    format: { length: 5, marker: (index) => [0, 1 + index], reason: { end: 0, maxTokens: 2 } },
    ends: new Set([0]),
    progress: silentProgress,
    signal: new AbortController().signal,
    rng: new Rng(1),
  });
}

const ways: [string, Partial<Gpt2GenerateOptions>][] = [
  ['greedy', {}],
  ['sampled', { temperature: 1, topP: 0.9 }],
  ['with beams', { beams: 3 }],
  ['ranked by likelihood', { rank: 'likelihood' }],
];

describe.each(ways)('a list that is %s', (_, options) => {
  it('names five movies, none twice and none that the user rated', async () => {
    for (const [u, reply] of (await ask(options)).entries()) {
      expect(new Set(reply.items).size).toBe(5);
      for (const item of reply.items) expect(item % 7).not.toBe(u);
    }
  });

  it('does not depend on how many users are answered at once', async () => {
    expect(await ask({ ...options, generationBatch: 1 })).toEqual(
      await ask({ ...options, generationBatch: 3 }),
    );
  });
});

describe('a user with little room', () => {
  it.each([{}, { beams: 3 }, { constrain: 'none' as const, temperature: 1 }])(
    'changes nothing for the others, written with %j',
    async (options) => {
      const cramped = questions.map((one, u) => (u === 2 ? { ...one, maxTokens: 9 } : one));
      const [alone, beside] = [await ask(options), await ask(options, cramped)];
      expect(beside[2]!.tokens.length).toBeLessThanOrEqual(9);
      expect(beside.toSpliced(2, 1)).toEqual(alone.toSpliced(2, 1));
    },
  );
});

describe('free text', () => {
  it('is any text up to its end, with no movies yet', async () => {
    const short = questions.map((one) => ({ ...one, maxTokens: 20 }));
    for (const { tokens, items } of await ask({ constrain: 'none' }, short)) {
      expect(items).toEqual([]);
      expect(tokens.at(-1) === 0 || tokens.length === 20).toBe(true);
    }
  });
});
