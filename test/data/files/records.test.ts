import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCount, readCsv, readLines } from '../../../src/data/files/records.ts';

function records(text: string): [number, string[]][] {
  const found: [number, string[]][] = [];
  readCsv(text, 'f.csv', { separator: ',' }, (fields, line) => found.push([line, fields]));
  return found;
}

describe('CSV', () => {
  test('a record begins on the line after the one before it, also when fields span lines', () => {
    expect(records('a,b\r\n1,"x\ny ""z"""\r\n"3",4')).toEqual([
      [1, ['a', 'b']],
      [2, ['1', 'x\ny "z"']],
      [4, ['3', '4']],
    ]);
  });

  test.each([
    ['a stray quote', 'a\nb"c\nd\n', /^f\.csv:2: a quote inside a field/],
    ['text behind a closing quote', 'a\n"b"c\n', /^f\.csv:2: text after a closing quote/],
    ['an open quote', 'a\n"b\nc\n', /^f\.csv:2: a quote that is never closed/],
    ['an endless record', `a\n"${'x\n'.repeat(600_000)}"\n`, /^f\.csv:2: a record of more than a million/],
    [
      'an open quote before many closed ones',
      `a\n"${'""'.repeat(400_000)}`,
      /^f\.csv:2: a quote that is never closed/,
    ],
    ['a blank line', 'a\n\nb\n', /^f\.csv:2: a blank line/],
  ])('refuses %s', (_, text, message) => {
    expect(() => records(text)).toThrow(message);
  });

  test('is what csv-parse makes of the whole text', () => {
    const piece = fc.constantFrom('a', 'é', ',', '"', '""', '\n', '\r\n', '"x,y"', '"x\ny"', ' ', '\r');
    const blank = (fields: string[]) => fields.length === 1 && fields[0] === '';
    const whole = (text: string) => {
      const all = parse(text, { relax_column_count: true, record_delimiter: ['\r\n', '\n'] });
      const used = all.slice(0, all.findLastIndex((fields) => !blank(fields)) + 1);
      if (used.some(blank)) throw new Error('a blank line');
      return used;
    };
    const outcome = (read: () => unknown) => {
      try {
        return read();
      } catch {
        return 'refused';
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        expect(outcome(() => records(text).map(([, fields]) => fields))).toEqual(outcome(() => whole(text)));
      }),
      { numRuns: 3000, seed: 3 },
    );
  });
});

describe('lines', () => {
  test('are numbered from 1, and blank ones at the end are ignored', () => {
    const found: [string, number][] = [];
    readLines('a::b\r\nc\n\n', 'f.dat', (line, number) => found.push([line, number]));
    expect(found).toEqual([
      ['a::b', 1],
      ['c', 2],
    ]);
  });
});

describe('fields', () => {
  test.each(['', ' 1', '1 ', '+1', '-1', '1.0', '1e3', '0x10', '１', '2147483648', '99999999999999999999'])(
    'the whole number %j is refused',
    (text) => {
      expect(() => parseCount(text, 'id')).toThrow(/^id '.*', expected a whole number/);
    },
  );

  test('whole numbers go up to 2147483647 and may begin with zeros', () => {
    expect([parseCount('0', 'id'), parseCount('0114709', 'id')]).toEqual([0, 114709]);
    expect(parseCount('2147483647', 'id')).toBe(2147483647);
  });

  test('an error shows a long field cut and without control characters', () => {
    expect(() => parseCount(`\u001b[31m${'x'.repeat(100)}`, 'id')).toThrow(/id '\?\[31mx{35}\.\.\.'/);
  });
});
