import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { historyOfFile, historyOfTitles, MovieFinder, ratingsFor } from '../../src/use/history.ts';
import type { TrainingSet } from '../../src/data/training-set.ts';
import { emptyFolder } from '../data/folders.ts';
import { trainOn } from '../support/datasets.ts';

const train = trainOn(
  [
    [0, 0, 5],
    [0, 1, 3],
    [1, 2, 4],
  ],
  2,
  3,
);
const finder = new MovieFinder(train);

async function read(...lines: string[]) {
  return await readFor(train, ...lines);
}

async function readFor(rated: Pick<TrainingSet, 'scale' | 'ratings'>, ...lines: string[]) {
  const path = join(await emptyFolder(), 'my.csv');
  await writeFile(path, lines.join('\r\n'));
  return historyOfFile(path, finder, rated);
}

describe('a file of ratings', () => {
  // Line 4 and 5 hold one record, whose review spans two lines, as Letterboxd exports it; lines 3 and 6 are blank.
  const head = [
    'Name,Year,Review,Rating',
    'Movie 0,1990,"fine, I think",5',
    '',
    'Movie 1,1991,"one',
    'two",4',
    '',
  ];

  it('names the line on which a bad row begins, past blank lines and reviews of several lines', async () => {
    const bad = read(...head, 'Movie 2,1992,"""a""', '', 'b",11', '');
    await expect(bad).rejects.toThrow(/my\.csv:7: rating '11', expected 0\.5 to 5 stars/);
  });

  it('names the line of a movie that is left out', async () => {
    const { history, notes } = await read(...head, 'Nowhere,1950,"x', 'y",3');
    expect(history).toEqual(
      new Map([
        [0, 5],
        [1, 4],
      ]),
    );
    expect(notes).toEqual([expect.stringMatching(/my\.csv:7: no movie 'Nowhere \(1950\)'.* left out\.$/)]);
  });
});

describe('an export of Letterboxd or IMDb', () => {
  const wholeStars = { ...train, scale: { min: 1, max: 5, step: 1 } };
  const letterboxd = (stars: string) => ['Name,Year,Rating', `Movie 0,1990,${stars}`];
  const imdb = (rating: string) => ['Const,Your Rating,Title,Year', `tt1,${rating},Movie 0,1990`];

  it('counts ratings below the lowest of the data as the lowest', async () => {
    expect((await readFor(wholeStars, ...letterboxd('0.5'))).history).toEqual(new Map([[0, 1]]));
    expect((await readFor(wholeStars, ...letterboxd('3.5'))).history).toEqual(new Map([[0, 3.5]]));
    expect((await readFor(wholeStars, ...imdb('1'))).history).toEqual(new Map([[0, 1]]));
    expect((await readFor(wholeStars, ...imdb('7'))).history).toEqual(new Map([[0, 3.5]]));
  });

  it('is refused by its own scale', async () => {
    await expect(readFor(wholeStars, ...letterboxd('0'))).rejects.toThrow(
      "rating '0', expected 0.5 to 5 stars",
    );
    await expect(readFor(wholeStars, ...imdb('11'))).rejects.toThrow("rating '11', expected 1 to 10 stars");
  });

  it('is the only file whose ratings may be off the scale of the data', async () => {
    const own = readFor(wholeStars, 'title,rating', 'Movie 0 (1990),0.5');
    await expect(own).rejects.toThrow("rating '0.5', expected 1 to 5 stars");
  });
});

describe('data whose ratings are all equal', () => {
  const equal = trainOn(
    [
      [0, 0, 5],
      [1, 1, 5],
    ],
    2,
    3,
  );

  it('takes stars from 4 on as "liked", and cannot be told of others', async () => {
    const given = historyOfTitles(finder, equal, ['Movie 0'], ['Movie 1']);
    expect(ratingsFor(equal, given)).toEqual({ told: new Map([[0, 4]]), notLiked: [1] });
    const file = await readFor(equal, 'movieId,rating', '1,0.5', '11,4', '21,3.5');
    expect(ratingsFor(equal, file.history)).toEqual({ told: new Map([[1, 4]]), notLiked: [0, 2] });
  });

  it('of other data every rating is told, within the scale', () => {
    const given = new Map([
      [0, 5],
      [1, 1],
      [2, 0.1],
    ]);
    expect(ratingsFor(train, given)).toEqual({ told: new Map(given).set(2, 0.5), notLiked: [] });
  });
});

describe('titles that are typed', () => {
  it('may be repeated, but not be liked and disliked', () => {
    const [a, b] = ['Movie 0 (1990)', 'Movie 1 (1991)'];
    expect(historyOfTitles(finder, train, [a, a], [b, b])).toEqual(
      new Map([
        [0, 5],
        [1, 0.5],
      ]),
    );
    expect(() => historyOfTitles(finder, train, [a], [b, 'Movie 0'])).toThrow(
      "--dislike: 'Movie 0' is among those liked as well. Leave out one of the two.",
    );
  });
});
