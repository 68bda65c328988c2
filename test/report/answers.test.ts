/** Lists of language models whose entries do not all count: hits are ranked among those that do. */
import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../src/experiment/compare/record.ts';
import { exampleTexts } from '../../src/report/compare/language-charts.ts';
import { cardOfAnswer } from '../../src/serve/pages/lists.ts';

const entry = (rank: number, text: string, movieId: number | null, match: string) => ({
  rank,
  text,
  movieId,
  title: movieId === null ? null : text,
  reason: '',
  match,
});
const recommendations = [
  entry(1, 'Invented (2011)', null, 'out-of-catalogue'),
  entry(2, 'Heat (1995)', 6, 'exact'),
  entry(3, 'Heat (1995)', 6, 'repeated'),
  entry(4, 'Alien (1979)', 1214, 'normalized'),
  entry(5, 'Aliens (1986)', 1200, 'exact'),
];
/** Heat and Aliens: the evaluator saw Heat, Alien, Aliens. */
const hitRanks = [1, 3];

describe('hits of a recorded answer', () => {
  it('are marked on their own movies by recsys serve, and other entries say why they do not count', () => {
    const answer = { file: 'a.json', model: 'gpt-4o', state: 'answered', recommendations, hitRanks };
    const { note, lines } = cardOfAnswer(answer, 10);
    expect(lines.map(({ mark }) => mark)).toEqual([undefined, 'hit', undefined, undefined, 'hit']);
    expect(note).toBe('recorded in a.json, 2 hits in 3');
    expect(lines.map(({ small }) => small[1])).toEqual([
      'does not count: no movie of the data has the title',
      '',
      'does not count: named above',
      '',
      '',
    ]);
  });

  it('are counted among as many movies as are asked for', () => {
    const answer = { file: 'a.json', model: 'gpt-4o', state: 'truncated', recommendations, hitRanks };
    const { note, lines } = cardOfAnswer(answer, 2);
    expect(lines.map(({ text }) => text).at(-1)).toBe('Alien (1979)');
    expect(note).toBe('recorded in a.json: truncated, 1 hit in 2');
  });

  it('are not said to be none of a user who was not evaluated', () => {
    const answer = {
      file: 'a.json',
      model: 'gpt-4o',
      state: 'answered',
      recommendations,
      hitRanks: undefined,
    };
    expect(cardOfAnswer(answer, 10).note).toBe('recorded in a.json');
  });

  it('are marked on their own movies by recsys compare', () => {
    const list = { name: 'gpt-4o', hitRanks, relevant: 4, state: 'answered', recommendations };
    const user = { userId: 3, why: 'the models agree', history: '', trainRatings: null, lists: [list] };
    const [text] = exampleTexts({ examples: [user] } as unknown as Comparison);
    expect(text!.columns[0]!.lines.map(({ hit }) => hit)).toEqual([false, true, false, false, true]);
  });
});
