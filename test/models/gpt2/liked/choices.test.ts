import { beforeAll, describe, expect, it } from 'vitest';
import { bundledTokenizer } from '../../../../src/huggingface/tokenizer.ts';
import { OnnxDecoder } from '../../../../src/models/gpt2/decoding/onnx.ts';
import { rankByLikelihood } from '../../../../src/models/gpt2/decoding/likelihood.ts';
import { AllowedTitles } from '../../../../src/models/gpt2/decoding/trie.ts';
import { priorOf } from '../../../../src/models/gpt2/liked/calibration.ts';
import { choiceTrainable } from '../../../../src/models/gpt2/liked/choice-loss.ts';
import { choiceBatches, choiceTexts, countMovies } from '../../../../src/models/gpt2/liked/choices.ts';
import { LikedTemplate } from '../../../../src/models/gpt2/liked/template.ts';
import { TitleTree } from '../../../../src/models/gpt2/liked/title-tree.ts';
import { gpt2ConfigSchema } from '../../../../src/models/gpt2/network/config.ts';
import { initialParameters } from '../../../../src/models/gpt2/network/presets.ts';
import { completeGpt2Options, gpt2Options } from '../../../../src/models/gpt2/options.ts';
import { OnnxTrainee } from '../../../../src/training/onnx-trainee.ts';
import { Rng } from '../../../../src/util/rng.ts';

// A wide root, one narrow choice ("Star ...") and titles that are forced after their first token.
const names = ['Star Wars', 'Star Trek', ...'A B C D E F G H I J K L M N O P Q R S T U'.split(' ')].map(
  (name) => `${name} (1999)`,
);
const items = Int32Array.from(names.keys());
const signal = new AbortController().signal;
let template: LikedTemplate;
let tree: TitleTree;
beforeAll(async () => {
  const movies = { titles: names, years: new Int16Array(names.length), genres: names.map(() => []) };
  template = new LikedTemplate(await bundledTokenizer(), { movies, catalogue: items });
  tree = new TitleTree(template);
});

function micro() {
  const config = gpt2ConfigSchema.parse({
    model_type: 'gpt2',
    n_embd: 8,
    n_layer: 1,
    n_head: 2,
    n_positions: 64,
    vocab_size: template.vocabulary.length,
  });
  return { config, parameters: initialParameters({ ...config, initializer_range: 0.5 }, new Rng(1)) };
}

describe('training texts as choices', () => {
  it('name every liked movie once and ask only where titles part', () => {
    const liked = [0, 1, 5, 9, 12, 20];
    const texts = choiceTexts(liked, template, tree, 12, new Rng(1));
    expect(texts.length).toBeGreaterThan(1);
    const read = texts.map(({ tokens }) => template.decode(tokens).replace('Liked:', '')).join(';');
    const named = read.split(';').map((title) => title.trim());
    const wanted = liked.map((item) => template.decode(template.title(item)).replace(';', ''));
    expect(named.toSorted()).toEqual(wanted.toSorted());
    for (const { tokens, choices } of texts) {
      expect(tokens.length).toBeLessThanOrEqual(12);
      for (const { at, node, targets, excluded } of choices) {
        expect(tree.width(node)).toBeGreaterThan(1);
        expect(at).toBeLessThan(tokens.length);
        expect(targets.reduce((sum, [, share]) => sum + share, 0)).toBeCloseTo(1, 12);
        for (const [child] of targets) expect(excluded).not.toContain(child);
      }
    }
  });

  it('make batches that hold every text once', () => {
    const texts = Array.from({ length: 9 }, (_, n) =>
      choiceTexts([...items].slice(n), template, tree, 32, new Rng(n)),
    ).flat();
    const batches = choiceBatches(texts, { batchSize: 2, contextLength: 32 }, new Rng(1));
    expect(new Set(batches.flatMap((batch) => batch.texts))).toEqual(new Set(texts));
    for (const { rows, length, texts: own } of batches) {
      expect(rows * length).toBe(64);
      expect(own.length).toBeLessThanOrEqual(rows);
    }
  });
});

describe('the probability of titles among those of the catalogue', () => {
  it('is 1 in all, and 1 among those that can still be meant', async () => {
    const { config, parameters } = micro();
    const decoder = new OnnxDecoder(config, parameters, 1);
    const prompt = template.prompt({ disliked: [], watched: [], liked: [3] });
    for (const excluded of [[], [0, 3, 4]]) {
      const titles = new AllowedTitles(tree.trie, excluded);
      const request = { prompt, titles, among: titles };
      const [ranking] = await rankByLikelihood(decoder, [request], { k: 100, width: Infinity }, signal);
      expect(ranking!.best).toHaveLength(items.length - excluded.length);
      expect(
        ranking!.best.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0),
      ).toBeCloseTo(1, 5);
    }
    await decoder.dispose();
  });

  it('is what the loss of a text of one movie is the logarithm of', async () => {
    const { config, parameters } = micro();
    const decoder = new OnnxDecoder(config, parameters, 1);
    const prior = await priorOf(decoder, template, names.length, signal, true);
    await decoder.dispose();
    const trainee = await OnnxTrainee.create(choiceTrainable(config, parameters, tree, false), 1);
    for (const item of [0, 1, 7]) {
      const texts = choiceTexts([item], template, tree, 32, new Rng(1));
      const [batch] = choiceBatches(texts, { batchSize: 1, contextLength: 32 }, new Rng(1));
      expect(countMovies(batch!)).toBe(1);
      expect(await trainee.loss(batch!)).toBeCloseTo(-prior[item]!, 4);
    }
    await trainee.dispose();
  });
});

it('choices are learned from random weights by default, and refused where they do not apply', () => {
  const options = (typed: object) => completeGpt2Options(gpt2Options.parse(typed));
  expect(options({}).lossOn).toBe('answer');
  expect(options({ init: 'scratch' }).lossOn).toBe('titles');
  for (const other of [{ template: 'original' }, { engine: 'tfjs' }, { lora: 4 }]) {
    expect(options({ init: 'scratch', ...other }).lossOn).toBe('answer');
    expect(() => options({ lossOn: 'titles', ...other })).toThrow(/--loss-on titles/);
  }
});
