import { describe, expect, it } from 'vitest';
import type { GroundedEntry } from '../../../src/language/grounding.ts';
import { ReasonAudit } from '../../../src/experiment/audit/reasons.ts';
import type { Exchange } from '../../../src/models/language-model.ts';
import { trainOn } from '../../support/datasets.ts';

/** Even movies are dramas, odd ones comedies. User 0 likes dramas and rates comedies low, user 1 the reverse. */
const train = trainOn(
  [
    [0, 0, 5],
    [0, 1, 1],
    [1, 2, 1],
    [1, 3, 5],
  ],
  2,
  8,
);
const dataset = { movies: train.movies } as ConstructorParameters<typeof ReasonAudit>[0]['dataset'];
const protocol = { seed: 1 } as ConstructorParameters<typeof ReasonAudit>[0]['protocol'];
const audit = new ReasonAudit({ dataset, train, protocol });

const entry = (item: number, reason: string): GroundedEntry => ({
  title: train.movies.titles[item]!,
  reason,
  item,
  match: 'exact',
});
const exchange = (user: number, items: number[], entries: GroundedEntry[]): Exchange => ({
  user,
  history: { text: '', items, truncatedRatings: 0, genres: [], tags: [] },
  state: 'answered',
  reply: '',
  entries,
});

describe('the reasons of a language model', () => {
  it('are supported by the own history and contradicted by that of a user with the opposite taste', () => {
    const found = audit.check('chat', [
      exchange(0, [0, 1], [entry(4, 'You like dramas.'), entry(6, 'You rate Drama highly.')]),
      exchange(1, [2, 3], [entry(5, 'You enjoy comedies.'), entry(7, '')]),
    ]);
    expect(found).toMatchObject({ model: 'chat', reasons: 3, withClaims: 3, users: 2 });
    expect(found.claims.genre).toEqual({ supported: 3, unsupported: 0, contradicted: 0 });
    expect(found.shares).toEqual({
      supported: { mean: 1, ci95: [1, 1] },
      unsupported: { mean: 0, ci95: [0, 0] },
      contradicted: { mean: 0, ci95: [0, 0] },
    });
    expect(found.swapped).toEqual({
      supported: { mean: 0, ci95: [0, 0] },
      difference: { mean: 1, ci95: [1, 1] },
    });
  });

  it('that fit anybody have no difference between the own history and another', () => {
    const generic = 'You liked Movie 0 (1990).';
    const found = audit.check('chat', [
      exchange(0, [0, 1], [entry(4, generic)]),
      exchange(0, [0, 1], [entry(4, generic)]),
    ]);
    expect(found.swapped?.difference.mean).toBe(0);
  });

  it('without claims have no shares, which is not a share of 0; one user cannot be swapped', () => {
    expect(audit.check('chat', [exchange(0, [0], [entry(4, 'A classic.')])])).toMatchObject({
      reasons: 1,
      withClaims: 0,
      shares: null,
      swapped: null,
    });
    expect(audit.check('chat', [exchange(0, [0], [entry(4, 'You like Drama.')])])).toMatchObject({
      shares: { supported: { mean: 1 } },
      swapped: null,
    });
  });

  it('count for a blended list where the language model named the movie', () => {
    const exchanges = [exchange(0, [0, 1], [entry(4, 'You like Drama.'), entry(6, 'You like Comedy.')])];
    const lists = { users: Int32Array.of(0), k: 2, items: Int32Array.of(4, 2), scores: new Float32Array(2) };
    const found = audit.checkBlend('chat+mf', exchanges, lists);
    expect(found).toMatchObject({ model: 'chat+mf', reasons: 1, withClaims: 1 });
    expect(found.claims.genre).toEqual({ supported: 1, unsupported: 0, contradicted: 0 });
  });
});
