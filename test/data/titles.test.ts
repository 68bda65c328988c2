import { expect, test } from 'vitest';
import { splitYear } from '../../src/data/titles.ts';

test('a title ends in its year, blanks after it ignored', () => {
  expect(splitYear('Matrix, The (1999)')).toEqual({ name: 'Matrix, The', year: 1999, isRange: false });
  expect(splitYear('Babylon 5 (1997) ')).toEqual({ name: 'Babylon 5', year: 1997, isRange: false });
});

test('of years from-to the first counts, whether or not the series has ended', () => {
  expect(splitYear('Fawlty Towers (1975-1979)')).toEqual({
    name: 'Fawlty Towers',
    year: 1975,
    isRange: true,
  });
  expect(splitYear('Big Bang Theory, The (2007-)')).toEqual({
    name: 'Big Bang Theory, The',
    year: 2007,
    isRange: true,
  });
  expect(splitYear('Death Note: Desu nôto (2006–2007)').year).toBe(2006);
});

test('a title without a year in brackets at its end has year 0', () => {
  expect(splitYear(' 2001: A Space Odyssey ')).toEqual({
    name: '2001: A Space Odyssey',
    year: 0,
    isRange: false,
  });
  expect(splitYear('Nosferatu (1922) restored').year).toBe(0);
});
