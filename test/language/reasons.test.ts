import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitYear } from '../../src/data/titles.ts';
import { ReasonChecker, shareVerdicts } from '../../src/language/reasons.ts';

const movies = [
  ['Matrix, The (1999)', 'Action|Sci-Fi'],
  ['Alien (1979)', 'Horror|Sci-Fi'],
  ['Toy Story (1995)', 'Animation|Comedy'],
  ['Up (2009)', 'Animation|Drama'],
  ['Aladdin (1992)', 'Animation'],
  ['Aladdin (2019)', 'Musical'],
  ['Casablanca (1942)', 'Drama|Romance'],
] as const;
const titles = movies.map(([title]) => title);
const checker = new ReasonChecker({
  titles,
  years: Int16Array.from(titles, (title) => splitYear(title).year),
  genres: movies.map(([, genres]) => genres.split('|')),
});
/** Mean 3.75 stars. */
const shown = [
  { item: 0, stars: 5 },
  { item: 2, stars: 2 },
  { item: 3, stars: 4 },
  { item: 4, stars: 4 },
];
const check = (reason: string, recommended = 1) =>
  checker.check(reason, shown, recommended).map(({ kind, subject, verdict }) => [kind, subject, verdict]);

describe('a reason', () => {
  it('is supported where it names a movie of the history and its rating', () => {
    expect(check('Because you gave The Matrix (1999) 5 stars.')).toEqual([
      ['movie', 'Matrix, The (1999)', 'supported'],
      ['rating', 'Matrix, The (1999): 5', 'supported'],
    ]);
  });

  it('is contradicted by another rating, and unsupported where the movie was not shown', () => {
    expect(check('Like Toy Story, which you rated 4.5/5, and Casablanca, rated 5.0/5.')).toEqual([
      ['movie', 'Toy Story (1995)', 'supported'],
      ['rating', 'Toy Story (1995): 4.5', 'contradicted'],
      ['movie', 'Casablanca (1942)', 'unsupported'],
      ['rating', 'Casablanca (1942): 5', 'unsupported'],
    ]);
  });

  it('takes the film of the year that it writes, else the one that the history shows', () => {
    expect(check('If you liked Aladdin (2019)')).toEqual([['movie', 'Aladdin (2019)', 'unsupported']]);
    expect(check('If you liked Aladdin')).toEqual([['movie', 'Aladdin (1992)', 'supported']]);
  });

  it('says by its genres what the user likes: at the own mean or above, below it, or never rated', () => {
    expect(check('You rate Sci-Fi highly.')).toEqual([['genre', 'Sci-Fi', 'supported']]); // 5 against a mean of 3.75
    expect(check('You enjoy comedies and science fiction.')).toEqual([
      ['genre', 'Sci-Fi', 'supported'],
      ['genre', 'Comedy', 'contradicted'], // 2 against 3.75
    ]);
    expect(check('Your love of Romance.')).toEqual([['genre', 'Romance', 'unsupported']]);
  });

  it('claims nothing by the recommended movie, by its genres, or by words that are short titles', () => {
    expect(check('Alien is a horror classic that keeps you up at night.')).toEqual([]);
    expect(check('A tense Horror film.')).toEqual([]);
    expect(check('')).toEqual([]);
  });

  it('of any text is checked without an exception', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
        for (const { verdict } of checker.check(text, shown, -1))
          expect(['supported', 'unsupported', 'contradicted']).toContain(verdict);
      }),
      { seed: 19, numRuns: 500 },
    );
  });
});

describe('shares of verdicts', () => {
  it('add up to 1, and are not defined without claims', () => {
    expect(shareVerdicts([])).toBeUndefined();
    expect(shareVerdicts(checker.check('You rate Sci-Fi highly, and Comedy.', shown, 1))).toEqual({
      supported: 0.5,
      unsupported: 0,
      contradicted: 0.5,
    });
  });
});
