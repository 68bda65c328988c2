import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Proposal } from '../../../../src/models/gpt2/items/negatives.ts';
import { Rng } from '../../../../src/util/rng.ts';
import { checkerboard, fitContext, trainOn } from '../../../support/datasets.ts';
import { itemModelIn } from './fixture.ts';

describe('a sample of movies', () => {
  const counts = [0, 3, 50, 1, 12, 7];

  it('has them as often as one more than their ratings says', () => {
    const proposal = new Proposal(counts, 20_000);
    const { tokens } = proposal.draw(new Rng(1));
    const total = counts.reduce((sum, count) => sum + count + 1, 0);
    for (const [token, count] of counts.entries()) {
      const probability = (count + 1) / total;
      expect(proposal.probabilityOf(token)).toBeCloseTo(probability, 12);
      const share = tokens.filter((drawn) => drawn === token).length / tokens.length;
      // Four standard errors of a share.
      expect(Math.abs(share - probability)).toBeLessThan(4 * Math.sqrt(probability / tokens.length));
    }
  });

  it("gives the whole softmax's denominator in the mean over draws", () => {
    const logits = [1.5, -0.5, 2, 0.2, -1, 0.7];
    const target = 4;
    const whole = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const proposal = new Proposal(counts, 8);
    const rng = new Rng(2);
    const estimates = Array.from({ length: 20_000 }, () => {
      const { tokens, offsets } = proposal.draw(rng);
      return tokens.reduce(
        (sum, token, n) => sum + (token === target ? 0 : Math.exp(logits[token]! + offsets[n]!)),
        Math.exp(logits[target]!),
      );
    });
    const mean = estimates.reduce((sum, value) => sum + value, 0) / estimates.length;
    const variance = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / estimates.length;
    expect(Math.abs(mean - whole)).toBeLessThan(4 * Math.sqrt(variance / estimates.length));
  });

  it('is another one in every pass and the same whenever a pass is asked for', () => {
    const proposal = new Proposal(counts, 100);
    const draw = (pass: number) => proposal.draw(new Rng(1).derive(`pass ${pass}`));
    expect(draw(0)).toEqual(draw(0));
    expect(draw(1)).not.toEqual(draw(0));
  });
});

describe('item GPT-2 with a sampled softmax', () => {
  const typed = { preset: 'tiny', batchSize: 8, itemInit: 'random', learningRate: 0.01 };
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'negatives-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('learns who likes what, and says that it sampled', async () => {
    const { train } = checkerboard();
    const model = itemModelIn(folder, { ...typed, epochs: 40 }, { sampledAbove: 0 });
    const fitted = await model.fit(train, fitContext());
    expect(fitted.facts).toMatchObject({ sampledMovies: 1024 });
    const everyone = Int32Array.from({ length: train.userCount }, (_, user) => user);
    const { items } = await fitted.recommend(everyone, 3);
    const own = items.filter((item, n) => item % 2 === Math.floor(n / 3) % 2).length;
    expect(own / items.length).toBeGreaterThan(0.9); // by chance a half
  });

  it('learns which movie follows, in a circle of them', async () => {
    const rows = Array.from({ length: 24 }, (_, user) =>
      Array.from({ length: 6 }, (_, n): [number, number, number] => [user, (user + n) % 12, 5]),
    ).flat();
    const model = itemModelIn(folder, { ...typed, epochs: 60 }, { objective: 'next', sampledAbove: 0 });
    const fitted = await model.fit(trainOn(rows, 24, 12), fitContext());
    const users = Int32Array.from({ length: 24 }, (_, user) => user);
    const { items } = await fitted.recommend(users, 1);
    expect([...items]).toEqual([...users].map((user) => (user + 6) % 12));
  });
});
