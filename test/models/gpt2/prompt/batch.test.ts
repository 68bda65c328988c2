import { describe, expect, it } from 'vitest';
import { toBatch, toExample } from '../../../../src/models/gpt2/prompt/batch.ts';
import { NO_TARGET } from '../../../../src/models/gpt2/network/token-batch.ts';

describe('a training text', () => {
  it('asks for the answer from the last token of the prompt on, and for nothing after the end', () => {
    const { tokens, targets } = toExample([1, 2, 3], [4, 5]);
    expect([...tokens]).toEqual([1, 2, 3, 4, 5]);
    expect([...targets]).toEqual([NO_TARGET, NO_TARGET, 4, 5, NO_TARGET]);
  });

  it('asks for the prompt as well when the loss is on the whole text', () => {
    expect([...toExample([1, 2], [3], 'text').targets]).toEqual([2, 3, NO_TARGET]);
  });
});

describe('a batch', () => {
  it('is padded at the end to a multiple of 32, where nothing is asked', () => {
    const batch = toBatch([toExample([1], [2]), toExample([3, 4], [5])], 9, 100);
    expect([batch.rows, batch.length]).toEqual([2, 32]);
    expect([...batch.tokens.subarray(0, 4), ...batch.tokens.subarray(32, 36)]).toEqual([
      1, 2, 9, 9, 3, 4, 5, 9,
    ]);
    expect(batch.targets.filter((target) => target !== NO_TARGET)).toEqual(Int32Array.of(2, 5));
  });

  it('is never longer than the model allows', () => {
    const long = toExample(
      [1],
      Array.from({ length: 39 }, () => 2),
    );
    expect(toBatch([long], 9, 40).length).toBe(40);
    expect(() => toBatch([long], 9, 39)).toThrow(/40 tokens, at most 39/);
  });
});
