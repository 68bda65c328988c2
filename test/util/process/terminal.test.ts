import { expect, it } from 'vitest';
import { emphasiseStars, csvCell, printable } from '../../../src/util/process/terminal.ts';

it('shows what would steer a terminal instead of sending it', () => {
  expect(printable('\u001b]0;owned\u0007 \u009b31m red\r')).toBe(
    '\\u001b]0;owned\\u0007 \\u009b31m red\\u000d',
  );
  expect(printable('\u202Egpj.exe\u2066 \u{E0041}')).toBe('\\u202egpj.exe\\u2066 \\udb40\\udc41');
});

it('leaves text of any language, tabs and lines alone', () => {
  const text = 'Amélie\t(2001)\n千と千尋の神隠し 👩‍👩‍👧 שלום العربية';
  expect(printable(text)).toBe(text);
});

it('leaves printed JSON with the same value', () => {
  const value = { title: '\u202Eabc\u009b' };
  expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
});

it('writes cells that a spreadsheet does not run, and numbers as numbers', () => {
  expect(['=1+1', '+cmd', '@SUM(A1)', '-x', '-0.5', 'a,b', 'plain'].map(csvCell)).toEqual([
    "'=1+1",
    "'+cmd",
    "'@SUM(A1)",
    "'-x",
    '-0.5',
    '"a,b"',
    'plain',
  ]);
  expect(csvCell(-1.5)).toBe('-1.5');
});

it('makes the starred numbers of a table bold, and no other stars', () => {
  const [on, off] = ['\u001B[1m', '\u001B[0m'];
  expect(emphasiseStars('fm   *0.2432  0.2\n*7\n')).toBe(`fm   ${on}*0.2432${off}  0.2\n${on}*7${off}\n`);
  for (const text of ['M*A*S*H (1970)', '2*3', '* a note', '**1**']) expect(emphasiseStars(text)).toBe(text);
});
