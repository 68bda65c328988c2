import { describe, expect, it } from 'vitest';
import { beamSearch } from '../../../../src/models/gpt2/decoding/beam.ts';
import { FreeText } from '../../../../src/models/gpt2/decoding/decoder.ts';
import { generate } from '../../../../src/models/gpt2/decoding/generate.ts';
import { rankByLikelihood, titleOffsets } from '../../../../src/models/gpt2/decoding/likelihood.ts';
import { ListConstraint } from '../../../../src/models/gpt2/decoding/list-constraint.ts';
import { chooseToken, logSumExp } from '../../../../src/models/gpt2/decoding/sampling.ts';
import { AllowedTitles, buildTrie } from '../../../../src/models/gpt2/decoding/trie.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { FakeDecoder, logProbability, randomLogits } from '../fake-decoder.ts';

const greedy = { temperature: 0, topK: 0, topP: 1 };
const { signal } = new AbortController();

/** 0 ends every title. Items 4 and 6 share one. */
const titles = new Map([
  [0, [3, 1, 0]],
  [2, [3, 2, 0]],
  [4, [3, 2, 2, 0]],
  [5, [1, 0]],
  [6, [3, 2, 2, 0]],
  [7, [2, 4, 1, 0]],
  [8, [2, 4, 4, 4, 0]],
]);
const trie = buildTrie([...titles.keys()], [...titles.values()]);

/** The same with item 9, whose title begins those of 7 and 8. */
const nested = buildTrie([...titles.keys(), 9], [...titles.values(), [2, 4]]);

describe('the tree of titles', () => {
  it('leads down every title to its movies and nowhere else', () => {
    const open = new AllowedTitles(trie);
    expect(open.size).toBe(7);
    const found = new Map<number, number[]>();
    const walk = (node: number, path: number[]) => {
      for (const item of open.itemsAt(node)) found.set(item, path);
      for (const child of open.children(node)) walk(child, [...path, trie.token[child]!]);
    };
    walk(0, []);
    expect(new Map([...found].sort(([a], [b]) => a - b))).toEqual(titles);
  });

  it('closes a branch when the last movie below it is closed, once', () => {
    const open = new AllowedTitles(trie, [7, 7, 8, 99]);
    expect(open.size).toBe(5);
    expect(open.children(0).map((node) => trie.token[node])).toEqual([1, 3]);
    expect(new AllowedTitles(trie).size).toBe(7);
  });

  it('offers the second of two movies with one title when the first is closed', () => {
    expect(new AllowedTitles(trie, [4]).itemsAt(trie.end[4]!)).toEqual([6]);
  });

  it('holds a title that begins another', () => {
    const open = new AllowedTitles(buildTrie([0, 1], [[1, 2], [1]]));
    expect([open.itemsAt(1), open.children(1), open.itemsAt(2)]).toEqual([[1], [2], [0]]);
    expect(() => buildTrie([0], [[]])).toThrow(RangeError);
  });
});

describe('the next token', () => {
  const logits = Float32Array.of(0, 2, 1, 2, -1);

  it('is the most probable one when greedy, the smaller of two equal ones', () => {
    expect(chooseToken(logits, undefined, greedy, new Rng(1))).toBe(1);
    expect(chooseToken(logits, [4, 2, 0], greedy, new Rng(1))).toBe(2);
  });

  /** Shares of 20,000 draws. */
  const shares = (options: Partial<typeof greedy>, allowed?: number[]) => {
    const rng = new Rng(3);
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[chooseToken(logits, allowed, { ...greedy, ...options }, rng)]!++;
    return counts.map((count) => count / 20_000);
  };

  /** softmax of the logits at a temperature, over some tokens. */
  const softmax = (tokens: number[], temperature = 1) => {
    const weights = [...logits].map((logit, token) =>
      tokens.includes(token) ? Math.exp(logit / temperature) : 0,
    );
    const sum = weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / sum);
  };

  // Four standard deviations of a share of 20,000 draws are at most 0.014.
  const near = (found: number[], wanted: number[]) => {
    for (const [i, share] of found.entries()) expect(Math.abs(share - wanted[i]!)).toBeLessThan(0.015);
  };

  it('follows the softmax of the logits over the temperature', () => {
    near(shares({ temperature: 1 }), softmax([0, 1, 2, 3, 4]));
    near(shares({ temperature: 2 }), softmax([0, 1, 2, 3, 4], 2));
    near(shares({ temperature: 1 }, [0, 2, 4]), softmax([0, 2, 4]));
  });

  it('is one of the k most probable under top-k', () => {
    near(shares({ temperature: 1, topK: 3 }), softmax([1, 2, 3]));
    near(shares({ temperature: 1, topK: 1 }), softmax([1]));
  });

  it('is one of the fewest that reach p under top-p: .39 + .39 < .8 <= .39 + .39 + .14', () => {
    near(shares({ temperature: 1, topP: 0.8 }), softmax([1, 2, 3]));
    near(shares({ temperature: 1, topP: 0.7 }), softmax([1, 3]));
  });

  it('has the log-probability of the log-softmax', () => {
    expect(logSumExp(logits)).toBeCloseTo(Math.log(2 * Math.exp(2) + Math.E + 1 + Math.exp(-1)), 6);
    expect(logSumExp(Float32Array.of(1000, 1000))).toBeCloseTo(1000 + Math.LN2, 9);
  });
});

const model = randomLogits(5);
const prompts = [[1], [2, 2], [4, 0, 3], [2]];
const freely = (index: number) => ({
  prompt: prompts[index]!,
  constraint: new FreeText(3 + 2 * index, new Set([0])),
  rng: new Rng(`row ${index}`),
});

describe('a batch of replies', () => {
  it('is what each prompt gives alone, greedy and sampled', async () => {
    for (const options of [greedy, { temperature: 1, topK: 4, topP: 0.95 }]) {
      const together = await generate(
        new FakeDecoder(model),
        prompts.map((_, i) => freely(i)),
        options,
        signal,
      );
      for (const [i, reply] of together.entries()) {
        expect(await generate(new FakeDecoder(model), [freely(i)], options, signal)).toEqual([reply]);
      }
    }
  });

  it('ends at an end token or at the limit', async () => {
    const replies = await generate(
      new FakeDecoder(model),
      prompts.map((_, i) => freely(i)),
      greedy,
      signal,
    );
    for (const [i, reply] of replies.entries()) {
      expect(reply.slice(0, -1)).not.toContain(0);
      expect(reply.at(-1) === 0 || reply.length === 3 + 2 * i).toBe(true);
    }
  });

  it('stops when the signal fires', async () => {
    const stopped = AbortSignal.abort();
    await expect(
      generate(
        new FakeDecoder(model),
        prompts.map((_, i) => freely(i)),
        greedy,
        stopped,
      ),
    ).rejects.toThrow(/stopped/);
  });
});

describe('a constrained list', () => {
  const form = {
    length: 4,
    marker: (index: number) => [1, index % 5],
    reason: { end: 0, maxTokens: 3 },
    maxTokens: 99,
  };

  it('names open movies only, none twice, whatever the model would say', async () => {
    const constraints = Array.from(
      { length: 20 },
      () => new ListConstraint(form, new AllowedTitles(trie, [5, 8])),
    );
    await generate(
      new FakeDecoder(model),
      constraints.map((constraint, i) => ({ prompt: [i % 5, i >> 2], constraint, rng: new Rng(i) })),
      { temperature: 2, topK: 0, topP: 1 },
      signal,
    );
    for (const { items } of constraints) {
      expect(new Set(items).size).toBe(4);
      for (const item of items) expect([0, 2, 4, 6, 7]).toContain(item);
    }
    expect(new Set(constraints.map(({ items }) => items.join())).size).toBeGreaterThan(3);
  });

  it('is written in its form: lead, title, reason', async () => {
    const constraint = new ListConstraint(form, new AllowedTitles(trie));
    const [reply] = await generate(
      new FakeDecoder(model),
      [{ prompt: [3], constraint, rng: new Rng(1) }],
      greedy,
      signal,
    );
    let at = 0;
    for (const [index, item] of constraint.items.entries()) {
      const lead = [...form.marker(index), ...titles.get(item)!];
      expect(reply!.slice(at, at + lead.length)).toEqual(lead);
      at += lead.length;
      const end = reply!.indexOf(0, at);
      expect(end).toBeLessThan(at + 3);
      at = end + 1;
    }
    expect(at).toBe(reply!.length);
  });

  it('is shorter when no movie is left', async () => {
    const constraint = new ListConstraint({ ...form, length: 9 }, new AllowedTitles(trie, [0, 2, 4, 5, 6]));
    await generate(new FakeDecoder(model), [{ prompt: [3], constraint, rng: new Rng(1) }], greedy, signal);
    expect(new Set(constraint.items)).toEqual(new Set([7, 8]));
  });

  it('stops where there is no more room, with the titles that were complete', async () => {
    for (const maxTokens of [1, 7, 12]) {
      const constraint = new ListConstraint({ ...form, maxTokens }, new AllowedTitles(trie));
      const request = { prompt: [3], constraint, rng: new Rng(1) };
      const [reply] = await generate(new FakeDecoder(model), [request], greedy, signal);
      expect(reply).toHaveLength(maxTokens);
      expect(constraint.items.length).toBeLessThan(4);
    }
  });

  it('shortens reasons to leave room for the titles still to come', async () => {
    // Lead, title and newline of an entry take at most 2 + 5 + 1 tokens; four reasons of 3 more would not fit 32.
    for (let seed = 0; seed < 10; seed++) {
      const constraint = new ListConstraint({ ...form, maxTokens: 32, reserve: 8 }, new AllowedTitles(trie));
      const options = { temperature: 2, topK: 0, topP: 1 };
      const request = { prompt: [3, seed], constraint, rng: new Rng(seed) };
      await generate(new FakeDecoder(model), [request], options, signal);
      expect(constraint.items).toHaveLength(4);
    }
  });

  it('does not change when its copy goes on', () => {
    const constraint = new ListConstraint(
      { length: 2, marker: () => [], maxTokens: 9 },
      new AllowedTitles(trie),
    );
    constraint.accept(1);
    const copy = constraint.clone();
    copy.accept(0);
    expect([copy.items, constraint.items]).toEqual([[5], []]);
    expect(constraint.allowed()).toEqual([0]);
    expect(() => constraint.accept(3)).toThrow(RangeError);
  });
});

/** All texts of up to `length` tokens that end in 0, or have that length. */
function* texts(length: number, before: number[] = []): Generator<number[]> {
  if (before.at(-1) === 0 || before.length === length) yield before;
  else for (let token = 0; token < 5; token++) yield* texts(length, [...before, token]);
}

describe('beam search', () => {
  const request = (prompt: number[]) => ({ prompt, constraint: new FreeText(4, new Set([0])) });

  it('with enough beams finds the most probable of all texts', async () => {
    for (const lengthPenalty of [0, 1]) {
      const score = (prompt: number[], text: number[]) =>
        logProbability(model, prompt, text) / text.length ** lengthPenalty;
      const found = await beamSearch(
        new FakeDecoder(model),
        prompts.map(request),
        { width: 300, lengthPenalty },
        signal,
      );
      for (const [i, prompt] of prompts.entries()) {
        const all = [...texts(4)].map((text) => ({ text, score: score(prompt, text) }));
        expect(found[i]).toEqual(all.sort((a, b) => b.score - a.score)[0]!.text);
      }
    }
  });

  it('with one beam is greedy', async () => {
    const one = await beamSearch(
      new FakeDecoder(model),
      prompts.map(request),
      { width: 1, lengthPenalty: 1 },
      signal,
    );
    const requests = prompts.map((prompt) => ({ ...request(prompt), rng: new Rng(0) }));
    expect(one).toEqual(await generate(new FakeDecoder(model), requests, greedy, signal));
  });

  it('keeps to a list of open movies', async () => {
    const constraint = new ListConstraint(
      { length: 2, marker: () => [1], maxTokens: 99 },
      new AllowedTitles(trie, [5]),
    );
    const [reply] = await beamSearch(
      new FakeDecoder(model),
      [{ prompt: [1], constraint }],
      { width: 4, lengthPenalty: 0 },
      signal,
    );
    const written = new ListConstraint(
      { length: 2, marker: () => [1], maxTokens: 99 },
      new AllowedTitles(trie, [5]),
    );
    for (const token of reply!) written.accept(token);
    expect(written.done).toBe(true);
    expect(written.items).toHaveLength(2);
  });
});

describe('ranking by likelihood', () => {
  const byDefinition = (prompt: number[], closed: number[]) =>
    [...titles]
      .filter(([item]) => !closed.includes(item))
      .map(([item, tokens]) => ({ item, score: logProbability(model, prompt, tokens) }))
      .sort((a, b) => b.score - a.score || a.item - b.item);

  it('gives the most probable open titles with their log-probabilities', async () => {
    const closed = [[], [0, 7], [4], [5, 2]];
    const rankings = await rankByLikelihood(
      new FakeDecoder(model),
      prompts.map((prompt, i) => ({ prompt, titles: new AllowedTitles(trie, closed[i]) })),
      { k: 3, width: 10 },
      signal,
    );
    for (const [i, { best, complete }] of rankings.entries()) {
      const wanted = byDefinition(prompts[i]!, closed[i]!).slice(0, 3);
      expect(complete).toBe(true);
      expect(best.map(({ item }) => item)).toEqual(wanted.map(({ item }) => item));
      for (const [n, { logProbability: found }] of best.entries())
        expect(found).toBeCloseTo(wanted[n]!.score, 4);
    }
  });

  it('ranks a title and another that it begins', async () => {
    const request = { prompt: [2], titles: new AllowedTitles(nested) };
    const [ranking] = await rankByLikelihood(new FakeDecoder(model), [request], { k: 8, width: 10 }, signal);
    expect(new Set(ranking!.best.map(({ item }) => item))).toEqual(new Set([0, 2, 4, 5, 6, 7, 8, 9]));
    expect(ranking!.best.find(({ item }) => item === 9)!.logProbability).toBeCloseTo(
      logProbability(model, [2], [2, 4]),
      4,
    );
  });

  it('says that it is not complete when beginnings were given up', async () => {
    const request = { prompt: [1], titles: new AllowedTitles(trie) };
    const [narrow] = await rankByLikelihood(new FakeDecoder(model), [request], { k: 7, width: 1 }, signal);
    expect(narrow!.complete).toBe(false);
    expect(narrow!.best.length).toBeGreaterThan(0);
  });

  it('computes a common beginning once, and none that cannot win', async () => {
    const decoder = new FakeDecoder(model);
    const request = { prompt: [1], titles: new AllowedTitles(trie) };
    await rankByLikelihood(decoder, [request], { k: 7, width: 100 }, signal);
    const inner = trie.items.filter((items) => items === undefined).length;
    expect(decoder.computed).toBe(inner);
    const one = new FakeDecoder(model);
    await rankByLikelihood(one, [request], { k: 1, width: 100 }, signal);
    expect(one.computed).toBeLessThan(inner);
  });
});

describe('ranking by likelihood with offsets', () => {
  const offsets = Float32Array.from({ length: 10 }, (_, item) => Math.sin(item) * 2);

  it('ranks by the log-probability plus the offset of each movie', async () => {
    const request = { prompt: [1], titles: new AllowedTitles(trie), offsets: titleOffsets(trie, offsets) };
    const [ranking] = await rankByLikelihood(new FakeDecoder(model), [request], { k: 4, width: 10 }, signal);
    const wanted = [...titles]
      .map(([item, tokens]) => ({ item, score: logProbability(model, [1], tokens) + offsets[item]! }))
      .sort((a, b) => b.score - a.score)
      .slice(0, 4);
    expect(ranking!.best.map(({ item }) => item)).toEqual(wanted.map(({ item }) => item));
    for (const [n, { score }] of ranking!.best.entries()) expect(score).toBeCloseTo(wanted[n]!.score, 4);
  });
});
