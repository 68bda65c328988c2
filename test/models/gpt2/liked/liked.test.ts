import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../../../../src/data/csr.ts';
import { bundledTokenizer, type Gpt2Tokenizer } from '../../../../src/huggingface/tokenizer.ts';
import { buildTrie } from '../../../../src/models/gpt2/decoding/trie.ts';
import { chooseCalibration, offsetsOf, priorOf } from '../../../../src/models/gpt2/liked/calibration.ts';
import { LikedTemplate } from '../../../../src/models/gpt2/liked/template.ts';
import { choosePrompt, likedTexts, tasteOf } from '../../../../src/models/gpt2/liked/texts.ts';
import { cutVocabulary, restoreVocabulary } from '../../../../src/models/gpt2/liked/vocabulary.ts';
import { gpt2ConfigSchema } from '../../../../src/models/gpt2/network/config.ts';
import { initialParameters } from '../../../../src/models/gpt2/network/presets.ts';
import { completeGpt2Options, gpt2Options } from '../../../../src/models/gpt2/options.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { checkerboard } from '../../../support/datasets.ts';
import { FakeDecoder, logProbability, randomLogits } from '../fake-decoder.ts';

const { train } = checkerboard();
let tokenizer: Gpt2Tokenizer;
let template: LikedTemplate;
beforeAll(async () => {
  tokenizer = await bundledTokenizer();
  template = new LikedTemplate(tokenizer, train);
});

describe('titles in the liked template', () => {
  it('have no year unless two movies share the name, and end with a semicolon', () => {
    const titles = ['Sabrina (1954)', 'Sabrina (1995)', 'Matrix, The (1999)', 'Seven (a.k.a. Se7en) (1995)'];
    const movies = { titles, years: new Int16Array(4), genres: titles.map(() => []) };
    const own = new LikedTemplate(tokenizer, { movies, catalogue: Int32Array.of(0, 1, 2, 3) });
    expect([0, 1, 2, 3].map((item) => own.decode(own.title(item)))).toEqual([
      'Sabrina (1954);',
      'Sabrina (1995);',
      'The Matrix;',
      'Seven;',
    ]);
  });

  it('are none the beginning of another', () => {
    const items = template.items;
    const { items: ends, firstChild } = buildTrie(
      items,
      Array.from(items, (item) => template.title(item)),
    );
    for (const [node, own] of ends.entries()) if (own) expect(firstChild[node + 1]).toBe(firstChild[node]);
  });
});

describe('prompts of the liked template', () => {
  it('name movies by liking, the liked ones last', () => {
    const taste = { disliked: [1], watched: [], liked: [0, 2] };
    expect(template.decode(template.prompt(taste))).toBe('Disliked: Movie 1;\nLiked: Movie 0; Movie 2;');
  });

  it('keep to a limit, where liked movies go first', () => {
    const taste = tasteOf(train, 0, 4);
    const whole = choosePrompt(taste, template, 500, new Rng(1));
    expect(whole.leftOut).toBe(0);
    const short = choosePrompt(taste, template, 40, new Rng(1));
    expect(short.tokens.length).toBeLessThanOrEqual(40);
    expect(short.taste.disliked).toEqual([]);
    expect(short.leftOut).toBeGreaterThan(0);
  });

  it('ask in training for liked movies that they do not name', () => {
    const options = { contextLength: 96, threshold: 4, textsPerUser: 3, lossOn: 'answer' } as const;
    const texts = likedTexts(train, [0, 1, 2], 0, template, options, new Rng(1));
    expect(texts.length).toBeGreaterThanOrEqual(6);
    for (const { tokens, targets } of texts) {
      const first = targets.findIndex((target) => target >= 0);
      const named = template.decode([...tokens.subarray(0, first + 1)]);
      const asked = template.decode([...tokens.subarray(first + 1)]).split(';');
      expect(tokens.length).toBeLessThanOrEqual(96);
      expect(asked.length).toBeGreaterThan(1);
      for (const title of asked.filter((title) => title !== '')) expect(named).not.toContain(`${title};`);
    }
    expect(likedTexts(train, [0, 1, 2], 0, template, options, new Rng(1))).toEqual(texts);
    expect(likedTexts(train, [0, 1, 2], 1, template, options, new Rng(1))).not.toEqual(texts);
  });
});

it('a model cut to the tokens in use and restored differs in the trained rows alone', () => {
  const config = gpt2ConfigSchema.parse({
    model_type: 'gpt2',
    n_embd: 4,
    n_layer: 1,
    n_head: 2,
    vocab_size: 9,
  });
  const base = { name: 'micro', config, parameters: initialParameters(config, new Rng(1)), tokenizer };
  const cut = cutVocabulary(base, Int32Array.of(2, 7));
  expect(cut.config.vocab_size).toBe(2);
  const rows = cut.parameters.get('transformer.wte.weight')!;
  const trained = new Map([
    ...cut.parameters,
    ['transformer.wte.weight', { ...rows, data: rows.data.map((x) => x + 1) }],
  ]);
  const whole = base.parameters.get('transformer.wte.weight')!.data;
  const wanted = whole.map((value, at) =>
    [2, 7].includes(Math.floor(at / 4)) ? Math.fround(value + 1) : value,
  );
  expect(
    restoreVocabulary(base, trained, Int32Array.of(2, 7)).parameters.get('transformer.wte.weight')!.data,
  ).toEqual(wanted);
});

describe('calibration', () => {
  it('takes off the log-probability of each title behind an empty prompt', async () => {
    const model = randomLogits(template.vocabulary.length);
    const prior = await priorOf(
      new FakeDecoder(model),
      template,
      train.itemCount,
      new AbortController().signal,
    );
    const prompt = template.prompt({ disliked: [], watched: [], liked: [] });
    for (const item of template.items) {
      expect(prior[item]).toBeCloseTo(logProbability(model, prompt, [...template.title(item)]), 3);
    }
  });

  it('chooses the weights whose lists hit what is held back, the smaller of equal ones', () => {
    // Item 2 is wanted; by likelihood item 1 leads, which its words alone make likely.
    const held = { users: Int32Array.of(0), relevant: [new Set([2])] };
    const pools = [
      new Map([
        [1, -1],
        [2, -2],
      ]),
    ];
    const prior = Float32Array.of(0, -1, -4);
    const counts = { ratingCounts: Int32Array.of(1, 1, 1) };
    const found = chooseCalibration(held, pools, prior, counts, 1, {});
    expect(found).toEqual({ priorWeight: 0.5, popularityWeight: 0, f1: 1 });
    expect([...offsetsOf(prior, counts, found)]).toEqual([0, 0.5, 2]);
  });
});

it('ways of writing lists that the liked template does not have are refused', () => {
  const options = (typed: object) => completeGpt2Options(gpt2Options.parse(typed));
  expect(options({}).rank).toBe('likelihood');
  expect(options({ template: 'original' }).rank).toBe('generate');
  for (const typed of [{ rank: 'generate' }, { beams: 2 }, { temperature: 1 }, { constrain: 'none' }]) {
    expect(() => options(typed)).toThrow(/--template liked/);
  }
});

it('no training rating of another user is in a prompt', () => {
  for (const item of Object.values(tasteOf(train, 3, 4)).flat())
    expect(has(train.byUser, 3, item)).toBe(true);
});
