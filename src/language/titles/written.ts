/** What a language model wrote as a title, without its markup: the name, the year, what stands beside them. */
import { decode } from 'html-entities';
import { YEAR, yearInBrackets } from './year.ts';

/** One way to read a written title. */
export interface WrittenTitle {
  name: string;
  /** 0 where none is written. */
  year: number;
}

/** What a written title may mean, the likeliest first. */
export interface Readings {
  readings: WrittenTitle[];
  /** Every number in the text that could be a year. Where one is written, a film of another year is another film. */
  years: number[];
}

/** Longer texts are no titles. */
const MAX_TITLE_LENGTH = 500;

const YEARS = new RegExp(YEAR, 'gu');

/** Reads a title as written. At most four readings; the length of the text bounds the time. */
export function readWrittenTitle(written: string): Readings {
  const text = plainText(written.slice(0, MAX_TITLE_LENGTH));
  const years = [...text.matchAll(YEARS)].map(([year]) => Number(year));
  const readings = withYear(text);
  for (const { name, year } of readings.slice()) {
    const unnumbered = name.replace(/^\s*(?:#\s*)?\(?\d{1,3}\s*(?:[.):、-]\s*(?!\d)|\s*\|\s*)(?=\S)/u, '');
    if (unnumbered !== name && unnumbered !== '') readings.push({ name: unnumbered, year });
  }
  const bracketed = yearInBrackets(text);
  if (bracketed !== undefined) years.push(bracketed.year);
  return { readings, years };
}

/** The name and the year: from brackets, else from behind a comma or dash, else a number at an end of the text. */
function withYear(text: string): WrittenTitle[] {
  const bracketed = yearInBrackets(text);
  if (bracketed !== undefined) {
    const before = trimName(text.slice(0, bracketed.start));
    const after = trimName(text.slice(bracketed.end));
    return [{ name: /[\p{L}\p{N}]/u.test(before) ? before : after, year: bracketed.year }];
  }
  const whole = { name: trimName(text), year: 0 };
  const set =
    /^(?<name>.+?)\s*(?:,|\s[-–—|]|:|;)\s*(?<year>(?:18|19|20)\d{2})(?=$|\s*(?:[-–—,:;.|]|\s))/u.exec(
      text,
    )?.groups;
  const ending =
    /^(?<name>.+?)[\s.]+(?<year>(?:18|19|20)\d{2})(?:\s+(?:film|movie|version|remake))?[.!\s]*$/iu.exec(
      text,
    )?.groups;
  const leading = /^(?<year>(?:18|19|20)\d{2})(?:\s*[-–—:,]\s+|['’]s\s+)(?<name>.+)$/u.exec(text)?.groups;
  const toReadings = (groups: Record<string, string> | undefined) =>
    groups === undefined ? [] : [{ name: trimName(groups['name']!), year: Number(groups['year']) }];
  return [...toReadings(set), whole, ...toReadings(ending), ...toReadings(leading)];
}

/** Quotes, stars and the like around a name, and the dash or point at its end. */
function trimName(name: string): string {
  return name
    .replaceAll(/^[\s"“”„«»*_~`:;,|>#–—-]+|[\s"“”„«»*_~`:;,|–—-]+$/gu, '')
    .replace(/^['‘’](.+)['‘’]$/su, '$1')
    .replace(/^(?:title|movie|film)\s*:\s*/iu, '')
    .replaceAll(/(?<=\S\s?)[[{]([^[\]{}]*)[\]}]/gu, '($1)');
}

/** Other scripts' brackets and digits, HTML, Markdown, wrongly decoded and invisible characters, emoji: all gone. */
function plainText(written: string): string {
  let text = written;
  if (/[&<]/u.test(text)) {
    text = decode(decode(text)).replaceAll(
      /<\/?(?:b|i|em|strong|u|s|cite|span|a|li|p|br|sup|sub|small)\b[^<>]{0,100}>/giu,
      '',
    );
  }
  if (/[^\p{ASCII}]/u.test(text)) text = asciiForms(text);
  if (/[*_`~[\\]/u.test(text)) {
    text = text
      .replaceAll(/\[([^[\]]{1,300})\]\([^()\s]{0,300}\)/gu, '$1')
      .replaceAll(/\\([^\p{L}\p{N}\s])/gu, '$1')
      .replaceAll(/~~[^~]{1,300}~~(?=\s*[^\s~])/gu, ' ')
      .replaceAll(/\*+|~~|`+/gu, '')
      .replaceAll(/_+/gu, ' ');
  }
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
}

function asciiForms(text: string): string {
  return repairDecoding(text)
    .replaceAll(/[\p{Cf}\uFE00-\uFE0F\u20E3]/gu, '')
    .replaceAll(/[\uFF01-\uFF5E]/gu, (char) => String.fromCodePoint(char.codePointAt(0)! - 0xfee0))
    .replaceAll(/\p{Nd}/gu, digitOf)
    .replaceAll(/[【〔「『〈《〖﹝⟨⟦]/gu, '(')
    .replaceAll(/[】〕」』〉》〗﹞⟩⟧]/gu, ')')
    .replaceAll(/(\d)(?=[¼½¾⅓⅔])/gu, '$1 ')
    .replaceAll(/[\p{Extended_Pictographic}\u{1F1E6}-\u{1F1FF}]/gu, (char) =>
      /[©®™]/u.test(char) ? char : ' ',
    );
}

/** The digits of each script stand in order, ten in a row from a zero. */
function digitOf(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x80) return char;
  let zero = code;
  while (zero > code - 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String((code - zero) % 10);
}

const WINDOWS_1252 = new Map(
  Array.from({ length: 32 }, (_, n) => [
    new TextDecoder('windows-1252').decode(Uint8Array.of(128 + n)),
    128 + n,
  ]),
);

/** "LÃ©on" to "Léon": UTF-8 that was decoded as Windows-1252. Text that is none stays as it is. */
function repairDecoding(text: string): string {
  if (!/[ÂÃâÅ][\u0080-\u00BF€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œŽžŸ]/u.test(text)) return text;
  const bytes = Array.from(text, (char) => WINDOWS_1252.get(char) ?? char.codePointAt(0)!);
  if (bytes.some((byte) => byte > 255)) return text;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    return text;
  }
}
