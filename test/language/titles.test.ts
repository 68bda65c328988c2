import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Movies } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/loader.ts';
import { splitYear } from '../../src/data/titles.ts';
import { toNaturalTitle, TitleIndex } from '../../src/language/titles.ts';
import { folder2018, has2018 } from '../support/release-2018.ts';

function catalogue(...titles: string[]): TitleIndex {
  return new TitleIndex({ titles, years: Int16Array.from(titles, (title) => splitYear(title).year) });
}

describe('the natural form of a title', () => {
  it.each([
    ['Matrix, The (1999)', 'The Matrix (1999)'],
    ["Avventura, L' (Adventure, The) (1960)", "L'Avventura (Adventure, The) (1960)"],
    [
      'City of Lost Children, The (Cité des enfants perdus, La) (1995)',
      'The City of Lost Children (Cité des enfants perdus, La) (1995)',
    ],
    ['Good, the Bad and the Ugly, The (1966)', 'The Good, the Bad and the Ugly (1966)'],
    ['Se7en', 'Se7en'],
    ['Boot, Das (1981)', 'Das Boot (1981)'],
  ])('of %s is %s', (released, natural) => {
    expect(toNaturalTitle(released)).toBe(natural);
  });
});

describe('matching a written title', () => {
  const index = catalogue(
    'Matrix, The (1999)',
    'Seven (a.k.a. Se7en) (1995)',
    'City of Lost Children, The (Cité des enfants perdus, La) (1995)',
    'Emma (1996)',
    'Emma (1996)',
    'Dune (1984)',
    'Stoker (2013)',
    'Hamlet (1990)',
    'Hamlet (1996)',
    'Beauty & the Beast (1991)',
  );

  it.each([
    ['Matrix, The (1999)', 'exact', 0],
    ['The Matrix (1999)', 'normalized', 0],
    ['  the  MATRIX   (1999) ', 'normalized', 0],
    ['Se7en (1995)', 'normalized', 1],
    ['La cite des enfants perdus (1995)', 'normalized', 2],
    ['Beauty and the Beast (1991)', 'normalized', 9],
    ['The Matrix', 'year-off', 0],
    ['The Matrix (1998)', 'year-off', 0],
  ] as const)('%s is %s: movie %i', (written, how, item) => {
    expect(index.match(written)).toEqual({ class: how, item });
  });

  it('never takes another film for one that is not there: no nearest match', () => {
    for (const written of [
      'Joker (2019)',
      'Dune (2021)',
      'The Matrix (2021)',
      'Stokers (2013)',
      '',
      '(1999)',
      '!!!',
    ]) {
      expect([written, index.match(written)]).toEqual([written, { class: 'out-of-catalogue' }]);
    }
  });

  it('keeps the parts of a film apart, and a year beside a number in the name', () => {
    const parts = catalogue(
      'Breaking Dawn - Part 1 (2011)',
      'Twilight: Breaking Dawn - Part 2, The (2012)',
      'Godzilla 2000 (Gojira ni-sen mireniamu) (1999)',
      'Deathly Hallows: Part 2 (2011)',
      'Aladdin (1992)',
    );
    expect(parts.match('Deathly Hallows Part II (2011)')).toEqual({ class: 'normalized', item: 3 });
    expect(parts.match('Godzilla 2000 (1999)')).toEqual({ class: 'normalized', item: 2 });
    for (const written of [
      'Deathly Hallows: Part 1 (2011)',
      'Twilight: Breaking Dawn - Part 1 (2012)',
      'Godzilla 2000 (Gojira ni-sen mireniamu), 1988',
      '~~Aladdin (1992)~~ Aladdin (2019)',
    ]) {
      expect([written, parts.match(written).class]).toEqual([written, 'out-of-catalogue']);
    }
  });

  it('finds a film of another numeral, "&" or "vs." without a year where no other fits, and guesses none of several', () => {
    const films = catalogue(
      'Star Wars: Episode IV - A New Hope (1977)',
      'Hangover Part II, The (2011)',
      'Halloween II (1981)',
      'Halloween II (2009)',
      'Kramer vs. Kramer (1979)',
      'X-Men (2000)',
      '9 (2009)',
      'One, The (2001)',
      'Star Trek V: The Final Frontier (1989)',
    );
    const found = (written: string) => {
      const match = films.match(written);
      return 'item' in match ? match.item : match.class;
    };
    expect(['Star Wars: Part Four - A New Hope', 'Star Wars Chapter 4: A New Hope'].map(found)).toEqual([
      0, 0,
    ]);
    expect(['Hangover Part Two', 'The Hangover 2', 'The Hangover: Vol. II'].map(found)).toEqual([1, 1, 1]);
    expect(
      ['Kramer versus Kramer', 'Kramer v. Kramer', 'Star Trek 5: The Final Frontier'].map(found),
    ).toEqual([4, 4, 8]);
    expect(found('Halloween Two')).toBe('ambiguous');
    const others = [
      'Star Wars: Part Five - A New Hope',
      'Star Wars: Episode Four',
      'Hangover',
      'Hangover Part Three',
      'Ten Men', // no X-Men
      'Nine', // a name of one word is another film's
      'The 1',
      'Hangover Part Two (2013)',
    ];
    for (const written of others) expect([written, found(written)]).toEqual([written, 'out-of-catalogue']);
  });

  it('leaves out an author before a title where the year is equal, and nobody else', () => {
    const films = catalogue(
      "William Shakespeare's Romeo + Juliet (1996)",
      'Romeo and Juliet (1968)',
      "Rosemary's Baby (1968)",
      'Hamlet (1996)',
    );
    for (const written of ['Romeo + Juliet', 'Romeo and Juliet', 'Romeo & Juliet', 'Romeo und Juliet']) {
      expect(films.match(`${written} (1996)`)).toEqual({ class: 'normalized', item: 0 });
      expect(films.match(`${written} (1968)`)).toMatchObject({ item: 1 });
      expect(films.match(`${written} (1936)`)).toEqual({ class: 'out-of-catalogue' });
    }
    expect(films.match('Romeo + Juliet')).toEqual({ class: 'ambiguous', items: [1, 0] });
    expect(films.match("Shakespeare's Hamlet (1996)")).toEqual({ class: 'normalized', item: 3 });
    expect(films.match('Baby (1968)')).toEqual({ class: 'out-of-catalogue' });
  });

  it('reports true duplicates and names without a year that two films share, and guesses neither', () => {
    expect(index.match('Emma (1996)')).toEqual({ class: 'ambiguous', items: [3, 4] });
    expect(index.match('Hamlet')).toEqual({ class: 'ambiguous', items: [7, 8] });
    expect(index.match('Hamlet (1996)')).toEqual({ class: 'exact', item: 8 });
  });
});

const folder = has2018 ? folder2018 : 'ml-latest-small-2016';

/** Ways to write a title that must not matter. */
const disguises: ((text: string) => string)[] = [
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => text.normalize('NFD').replaceAll(/\p{M}/gu, ''),
  (text) => `  ${text.replaceAll(' ', '   ')} `,
];

describe(`every title of ${folder}`, () => {
  let movies: Movies;
  let index: TitleIndex;
  beforeAll(async () => {
    ({ movies } = await loadDataset(folder));
    index = new TitleIndex(movies);
  });

  it('finds its own movie and no other, as released and in its natural form, however it is written', () => {
    let ambiguous = 0;
    fc.assert(
      fc.property(
        fc.nat(movies.titles.length - 1),
        fc.boolean(),
        fc.constantFrom(...disguises),
        (item, natural, disguise) => {
          const title = movies.titles[item]!;
          const match = index.match(disguise(natural ? toNaturalTitle(title) : title));
          if (match.class === 'ambiguous') {
            ambiguous++;
            expect(match.items).toContain(item);
            const years = new Set(match.items.map((other) => movies.years[other]));
            expect(years.size).toBe(1); // only films of one name and one year are duplicates
          } else expect([title, match]).toEqual([title, expect.objectContaining({ item })]);
        },
      ),
      { seed: 11, numRuns: 20_000 },
    );
    expect(ambiguous).toBeLessThan(100);
  });

  it('counts the true duplicates: films that share name and year', () => {
    const duplicates = movies.titles.filter((title) => index.match(title).class === 'ambiguous');
    expect(new Set(duplicates).size).toBe(has2018 ? 5 : 2);
  });
});
