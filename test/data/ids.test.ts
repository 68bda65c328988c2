import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compact, distinctIds, findDuplicates, indexer, toIndices } from '../../src/data/ids.ts';

describe('ids to indices', () => {
  const columns = fc.array(fc.oneof(fc.nat(20), fc.nat(2147483647)), { maxLength: 40 });

  test('compact gives the sorted distinct ids, and a column that leads back to the original', () => {
    fc.assert(
      fc.property(columns, (original) => {
        const column = Int32Array.from(original);
        const ids = compact(column);
        expect(Array.from(ids)).toEqual([...new Set(original)].sort((a, b) => a - b));
        expect(Array.from(column, (index) => ids[index])).toEqual(original);
      }),
      { seed: 4 },
    );
  });

  test('compact of an ascending column is the same as of any other', () => {
    const column = Int32Array.of(3, 3, 7, 7, 7, 20);
    expect(compact(column)).toEqual(Int32Array.of(3, 7, 20));
    expect(column).toEqual(Int32Array.of(0, 0, 1, 1, 1, 2));
  });

  test('an id that is not there has index -1, on either side of the largest', () => {
    for (const largest of [10, 2_000_000_000]) {
      const indexOf = indexer(Int32Array.of(2, 5, largest));
      expect([2, 5, largest, 0, 3, largest + 1].map(indexOf)).toEqual([0, 1, 2, -1, -1, -1]);
    }
  });

  test('toIndices tells the position of the first unknown id', () => {
    const column = Int32Array.of(2, 5, 3, 5);
    expect(toIndices(column, indexer(Int32Array.of(2, 5)))).toBe(2);
    expect(column[2]).toBe(3);
  });

  test('distinct ids of nothing is nothing', () => {
    expect(distinctIds(new Int32Array(0))).toEqual(new Int32Array(0));
  });
});

describe('repeated ratings', () => {
  const rating = fc.record({ user: fc.nat(3), item: fc.nat(3), time: fc.nat(3) });

  test('of each user and item, exactly the latest and then lowest one stays', () => {
    fc.assert(
      fc.property(fc.array(rating, { maxLength: 30 }), (rows) => {
        const duplicates = findDuplicates(
          {
            users: Int32Array.from(rows, ({ user }) => user),
            items: Int32Array.from(rows, ({ item }) => item),
            values: new Float32Array(rows.length),
            timestamps: Int32Array.from(rows, ({ time }) => time),
          },
          4,
          4,
        );
        // The definition: a row stays when no row of the same pair is later, or as late and further down.
        const stays = rows.filter(
          (row, n) =>
            !rows.some(
              (other, m) =>
                other.user === row.user &&
                other.item === row.item &&
                (other.time > row.time || (other.time === row.time && m > n)),
            ),
        );
        const dropped = new Set(duplicates.map(({ dropped }) => dropped));
        expect(rows.filter((_, n) => !dropped.has(n))).toEqual(stays);
        expect(dropped.size).toBe(duplicates.length);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  test.each([
    ['the first has a later time', [9, 5], 0, 'first'],
    ['the second has no time', [9, 0], 1, 'second'],
    ['the first has no time', [0, 5], 1, 'second'],
    ['0 is a time like any other', [9, 0], 0, 'first'],
  ] as const)('of two, where %s', (_, times, withoutTime, kept) => {
    const same = Int32Array.of(0, 0);
    const timestamps = Int32Array.from(times);
    const ratings = { users: same, items: same, values: new Float32Array(2), timestamps };
    const [found] = findDuplicates(ratings, 1, 1, withoutTime);
    expect(found!.kept).toBe(kept === 'first' ? 0 : 1);
  });
});
