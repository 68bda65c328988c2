import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { centralRanking } from '../../../src/experiment/audit/central-ranking.ts';

/** Pairs that the lists order otherwise, missing movies last. */
function disagreements(order: readonly number[], lists: readonly (readonly number[])[]): number {
  let count = 0;
  for (const list of lists) {
    const rank = (item: number) => (list.includes(item) ? list.indexOf(item) : Infinity);
    for (const [n, above] of order.entries()) {
      for (const below of order.slice(n + 1)) {
        count += Number(rank(above) > rank(below)) - Number(rank(above) < rank(below));
      }
    }
  }
  return count;
}

function permutations(items: number[]): number[][] {
  return items.length < 2
    ? [items]
    : items.flatMap((item) =>
        permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
      );
}

describe('the central ranking', () => {
  it('is the list itself when all agree, and holds every movie of any list', () => {
    expect(
      centralRanking([
        [3, 1, 2],
        [3, 1, 2],
      ]),
    ).toEqual([3, 1, 2]);
    expect(centralRanking([[1], [2]])).toEqual([1, 2]);
    expect(centralRanking([[], []])).toEqual([]);
  });

  it('follows the majority of pairs, whatever the order of the lists', () => {
    const lists = [
      [1, 2, 3],
      [1, 3, 2],
      [2, 1, 3],
    ]; // 1 above 2 twice, 1 above 3 three times, 2 above 3 twice
    expect(centralRanking(lists)).toEqual([1, 2, 3]);
    expect(centralRanking(lists.toReversed())).toEqual([1, 2, 3]);
  });

  it('disagrees with the lists no more than any of them, and rarely more than the best order of all', () => {
    let optimal = 0;
    fc.assert(
      fc.property(
        fc.array(fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 2 }), { minLength: 2, maxLength: 5 }),
        (lists) => {
          const found = centralRanking(lists);
          const own = disagreements(found, lists);
          for (const list of lists) {
            const whole = [...list, ...found.filter((item) => !list.includes(item))];
            expect(own).toBeLessThanOrEqual(disagreements(whole, lists));
          }
          const best = Math.min(...permutations(found).map((order) => disagreements(order, lists)));
          optimal += Number(own === best);
        },
      ),
      { seed: 10, numRuns: 100 },
    );
    expect(optimal).toBeGreaterThanOrEqual(95);
  });
});
