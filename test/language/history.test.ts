import { describe, expect, it } from 'vitest';
import { describeHistory } from '../../src/language/history.ts';
import { ground, computeMatchShares, listRecommendations } from '../../src/language/grounding.ts';
import { TitleIndex } from '../../src/language/titles.ts';
import { trainOn } from '../support/datasets.ts';

const train = trainOn(
  [
    [0, 0, 3],
    [0, 1, 5],
    [0, 2, 4],
    [0, 3, 5],
    [1, 4, 2],
  ],
  3,
  6,
);
train.movies.titles[1] = 'Matrix, The (1999)';
train.movies.years[1] = 1999;

describe('a history in words', () => {
  it('tells what was watched in order of time, in the words of the original work', () => {
    expect(describeHistory(train, 0).text).toBe(
      'User 1 has watched Movie 0 (1990), rated 3.0/5, The Matrix (1999), rated 5.0/5, Movie 2 (1992), rated 4.0/5, ' +
        'Movie 3 (1993), rated 5.0/5.',
    );
  });

  it('keeps what was rated highest, then latest, when it is too long, and counts the rest', () => {
    const { items, truncatedRatings } = describeHistory(train, 0, { maxMovies: 2 });
    expect([items, truncatedRatings]).toEqual([[1, 3], 2]);
    expect(describeHistory(train, 0, { maxMovies: 1 }).items).toEqual([3]);
  });

  it('stays within the tokens that it is given', () => {
    const countTokens = (text: string) => text.split(' ').length;
    for (let maxTokens = 5; maxTokens < 30; maxTokens++) {
      const { text, items } = describeHistory(train, 0, { maxTokens, countTokens });
      if (items.length > 0) expect(countTokens(text)).toBeLessThanOrEqual(maxTokens);
    }
  });

  it('leaves out what is held back', () => {
    expect(describeHistory(train, 0, { without: new Set([1, 3]) }).items).toEqual([0, 2]);
  });

  it('says so of a user without ratings', () => {
    expect(describeHistory(train, 2).text).toBe('User 21 has not rated any movie yet.');
  });

  it('names the genres that the user rates highest and the user’s own tags, latest first', () => {
    const tagged = {
      ...train,
      tags: {
        users: Int32Array.of(0, 0, 1),
        items: Int32Array.of(1, 2, 1),
        texts: ['old', 'new', 'other'],
        timestamps: Int32Array.of(1, 2, 3),
      },
    };
    const { genres, tags } = describeHistory(tagged, 0);
    expect(genres).toEqual(['Comedy', 'Drama']); // items 1 and 3 with 5 stars against 0 and 2 with 3 and 4
    expect(tags).toEqual(['new', 'old']);
  });
});

describe('grounding', () => {
  const context = {
    titles: new TitleIndex(train.movies),
    inCatalogue: (item: number) => item < 5,
    seen: (item: number) => item === 0,
  };
  const entries = (...titles: string[]) => titles.map((title) => ({ title, reason: '' }));

  it('classifies every entry and recommends only what counts', () => {
    const grounded = ground(
      entries(
        'The Matrix (1999)',
        'Movie 0 (1990)',
        'the matrix (1999)',
        'Joker (2019)',
        'Movie 5 (1995)',
        'Movie 4',
      ),
      context,
    );
    expect(grounded.map(({ match }) => match)).toEqual([
      'normalized',
      'already-seen',
      'repeated',
      'out-of-catalogue',
      'no-training-rating',
      'year-off',
    ]);
    expect(listRecommendations(grounded)).toEqual([1, 4]);
    const shares = computeMatchShares(grounded);
    expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(shares['out-of-catalogue']).toBeCloseTo(1 / 6, 12);
    expect(shares['no-training-rating']).toBeCloseTo(1 / 6, 12);
  });

  it('reads candidates by number and refuses what is outside the list', () => {
    const grounded = ground(
      [
        { title: '', reason: '', candidate: 2 },
        { title: '', reason: '', candidate: 9 },
        { title: 'Movie 4 (1994)', reason: '' },
        { title: 'Movie 3 (1993)', reason: '' },
      ],
      { ...context, candidates: Int32Array.of(2, 3) },
    );
    expect(grounded.map(({ match, item }) => [match, item])).toEqual([
      ['exact', 3],
      ['outside-candidates', -1],
      ['outside-candidates', 4],
      ['repeated', 3],
    ]);
  });

  it('credits neither movie when number and title disagree, and the number when they agree', () => {
    const grounded = ground(
      [
        { title: 'Movie 3 (1993)', reason: '', candidate: 1 },
        { title: 'Some Other Film (1950)', reason: '', candidate: 1 },
        { title: 'Movie 2', reason: '', candidate: 1 },
      ],
      { ...context, candidates: Int32Array.of(2, 3) },
    );
    expect(grounded.map(({ match, item }) => [match, item])).toEqual([
      ['number-mismatch', -1],
      ['number-mismatch', -1],
      ['exact', 2],
    ]);
    expect(listRecommendations(grounded)).toEqual([2]);
  });

  it('decides between movies of one title among the candidates, else among the rated ones', () => {
    const twins = new TitleIndex({
      titles: ['Emma (1996)', 'Emma (1996)', 'Emma (1996)'],
      years: Int16Array.of(1996, 1996, 1996),
    });
    const classOf = (inCatalogue: (item: number) => boolean, candidates?: Int32Array) =>
      ground([{ title: 'Emma (1996)', reason: '' }], {
        titles: twins,
        inCatalogue,
        seen: () => false,
        ...(candidates && { candidates }),
      })[0];
    expect(classOf(() => true)).toMatchObject({ match: 'ambiguous', item: -1 });
    expect(classOf((item) => item === 1)).toMatchObject({ match: 'exact', item: 1 });
    expect(classOf(() => true, Int32Array.of(2))).toMatchObject({ match: 'exact', item: 2 });
    expect(classOf(() => true, Int32Array.of(1, 2))).toMatchObject({ match: 'ambiguous', item: -1 });
  });
});
