import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { historyOfFile, historyOfTitles, MovieFinder } from '../../src/use/history.ts';
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
  const path = join(await emptyFolder(), 'my.csv');
  await writeFile(path, lines.join('\r\n'));
  return historyOfFile(path, finder, train);
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
