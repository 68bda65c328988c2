import { describe, expect, it } from 'vitest';
import { peakLearningRate } from '../../../../src/models/gpt2/training/fine-tune.ts';
import { scheduleAt } from '../../../../src/training/schedule.ts';

const shares = (schedule: 'linear' | 'cosine', warmup: number, updates: number) =>
  Array.from({ length: updates }, (_, update) => scheduleAt(update, updates, { schedule, warmup }));

describe('the schedule of the learning rate', () => {
  it('rises in equal steps to the peak and then falls to 0 along a line', () => {
    // 10 updates, 4 of them rising: quarters up to 1, then sixths down from 1.
    const wanted = [1 / 4, 2 / 4, 3 / 4, 1, 6 / 6, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6];
    for (const [n, share] of shares('linear', 0.4, 10).entries()) expect(share).toBeCloseTo(wanted[n]!, 12);
  });

  it('falls along half a cosine: a quarter of the way (1 + sqrt(1/2)) / 2, half way 1/2', () => {
    const [first, second, third, fourth] = shares('cosine', 0, 4);
    expect(first).toBe(1);
    expect(second).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
    expect(third).toBeCloseTo(1 / 2, 12);
    expect(fourth).toBeCloseTo((1 - Math.SQRT1_2) / 2, 12);
  });

  it('without a warm-up begins at the peak, and with nothing else never falls', () => {
    expect(shares('linear', 0, 2)).toEqual([1, 1 / 2]);
    expect(shares('cosine', 1, 2)).toEqual([1 / 2, 1]);
  });

  it('has a peak for each way of training, unless one is asked for', () => {
    const [pretrained, scratch] = [{ name: 'openai-community/gpt2' }, { name: 'scratch/tiny' }];
    expect(peakLearningRate({ lora: 0 }, pretrained)).toBe(5e-5);
    expect(peakLearningRate({ lora: 8 }, pretrained)).toBe(1e-4);
    expect(peakLearningRate({ lora: 0 }, scratch)).toBeGreaterThan(1e-4);
    expect(peakLearningRate({ lora: 8, learningRate: 0.5 }, scratch)).toBe(0.5);
  });
});
