/** What `recsys tune gpt2` searches: rates around the default of what is trained. */
import { describe, expect, it } from 'vitest';
import {
  completeItemOptions,
  gpt2ItemOptions,
  gpt2ItemSearch,
  itemTask,
} from '../../../src/models/gpt2/item-options.ts';
import { completeGpt2Options, gpt2Options, gpt2Search } from '../../../src/models/gpt2/options.ts';
import { peakLearningRate } from '../../../src/models/gpt2/training/fine-tune.ts';
import type { ModelSearch } from '../../../src/models/search-space.ts';

/** The default divided by the lowest rate, and the highest divided by the default. */
function roomAround(rate: number, { space }: ModelSearch): number[] {
  const range = space['learningRate']!;
  return 'low' in range ? [rate / range.low, range.high / rate] : [];
}

describe('the searched learning rates reach below and above the default', () => {
  it.each([
    ['per-user-random', {}, 2e-5],
    ['per-user-random', { itemInit: 'random' }, 2e-3],
    ['leave-last-one-out', {}, 1.5e-3],
    ['per-user-temporal', { itemObjective: 'next' }, 1.5e-3],
    ['leave-last-one-out', { itemOrder: 'shuffled' }, 2e-5],
    ['per-user-random', { model: 'base' }, 2e-4],
    ['per-user-random', { model: 'base', lora: 8 }, 1e-3],
  ])('of item tokens on %s with %j', (split, typed, wanted) => {
    const options = gpt2ItemOptions.parse({ tokens: 'items', ...typed });
    const setting = { data: {}, protocol: { split } };
    const { learningRate } = completeItemOptions(options, itemTask(options, setting).objective);
    expect(learningRate).toBe(wanted);
    for (const room of roomAround(learningRate, gpt2ItemSearch(options, setting))) {
      expect(room).toBeGreaterThanOrEqual(2);
    }
  });

  it.each([
    [{}, 5e-5],
    [{ lora: 8 }, 1e-4],
    [{ lossOn: 'titles' }, 5e-5],
    [{ init: 'scratch' }, 3e-3],
    [{ init: 'scratch', lossOn: 'answer' }, 1.5e-3],
    [{ init: 'scratch', template: 'original' }, 1.5e-3],
    [{ init: 'scratch', lora: 8 }, 1.5e-3],
  ])('of texts with %j', (typed, wanted) => {
    const options = gpt2Options.parse(typed);
    const name = options.init === 'scratch' ? 'scratch/tiny' : options.model;
    const rate = peakLearningRate(completeGpt2Options(options), { name });
    expect(rate).toBe(wanted);
    for (const room of roomAround(rate, gpt2Search(options))) expect(room).toBeGreaterThanOrEqual(2);
  });
});
