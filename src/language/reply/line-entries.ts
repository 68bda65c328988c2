/** Recommendations in the lines of a reply: numbered or with bullets, headings, tables, fields such as "Title:", or bare. */
import type { Entry } from '../grounding.ts';
import { yearInBrackets } from '../titles/year.ts';
import { splitTitle } from './split-title.ts';

/** What a line is, in the order in which a reply's entries are looked for: a list's bullets may be an entry's details. */
const LINE_KINDS = ['row', 'field', 'number', 'heading', 'bullet', 'bare'] as const;
type Kind = (typeof LINE_KINDS)[number];

interface Line {
  kind: Kind | 'detail' | 'prose' | 'blank';
  indent: number;
  /** The line without its marker. */
  text: string;
  /** Entries of a table have theirs already. */
  entry?: Entry;
}

/**
 * Reads the entries of a list in lines. The kind of line that carries titles with years is taken, in the order of
 * `LINE_KINDS`; lines below it are its details. Linear in the length of the text.
 */
export function readLineEntries(text: string): Entry[] {
  const lines = classifyLines(text);
  const kind = chooseKind(lines);
  if (kind === undefined) return [];
  const own = lines.filter((line) => line.kind === kind);
  const isDated = own.some(hasYear);
  const indent = own.reduce(
    (least, line) => (isDated && !hasYear(line) ? least : Math.min(least, line.indent)),
    Infinity,
  );
  const sections: Entry[][] = [[]];
  let interrupted = false;
  for (const line of lines) {
    const section = sections.at(-1)!;
    if (line.kind === kind && line.indent <= indent + 1) {
      if (interrupted && section.length > 0) sections.push(entriesOf(line));
      else section.push(...entriesOf(line));
      interrupted = false;
    } else if (line.kind === 'prose' && line.indent <= indent && line.text.endsWith(':')) interrupted = true;
    else addDetail(section.at(-1), line, kind);
  }
  // a list of remarks behind the list of movies has no years
  return sections.filter((section) => !isDated || section.some(hasYearInEntry)).flat();
}

/** The kind of line that the entries are: the first with years, else the first of all but bare lines. */
function chooseKind(lines: readonly Line[]): Kind | undefined {
  const kinds = LINE_KINDS.filter((kind) => lines.some((line) => line.kind === kind));
  const dated = kinds.filter((kind) => lines.some((line) => line.kind === kind && hasYear(line)));
  if (dated[0] === 'bullet' && dated[1] === 'bare' && belongBelow(lines)) return 'bare';
  return dated[0] ?? kinds.find((kind) => kind !== 'bare');
}

/** Are the bullets details below bare titles, though some have a year? */
function belongBelow(lines: readonly Line[]): boolean {
  const bullets = lines.filter(({ kind }) => kind === 'bullet');
  const first = lines.find(({ kind }) => kind === 'bullet' || kind === 'bare');
  return first?.kind === 'bare' && 2 * bullets.filter(hasYear).length <= bullets.length;
}

function hasYearInEntry({ title, reason }: Entry): boolean {
  return yearInBrackets(title) !== undefined || yearInBrackets(reason) !== undefined;
}

function hasYear({ text, entry }: Line): boolean {
  return yearInBrackets(entry?.title ?? text) !== undefined;
}

function entriesOf(line: Line): Entry[] {
  if (line.entry) return [line.entry];
  if (line.kind !== 'bare') return line.text === '' ? [] : [splitTitle(line.text)];
  return splitBareLine(line.text).map(splitTitle);
}

/** "The Matrix (1999), Rocky II (1979)" holds two titles. */
function splitBareLine(text: string): string[] {
  const parts = text.split(/(?<=\((?:18|19|20)\d{2}\)["”]?)\s*(?:[,;]\s*(?:and\s+)?|\s+and\s+)(?=\S)/u);
  return parts.every((part) => /\((?:18|19|20)\d{2}\)\W*$/u.test(part)) ? parts : [text];
}

/** "Reason: ...", "Year: 1999" and lines below an entry that gives no reason itself. */
function addDetail(entry: Entry | undefined, { kind, text, indent }: Line, entryKind: Kind): void {
  if (entry === undefined || kind === 'blank') return;
  const field = /^["'*_]*(?<key>[\p{L} ]{2,20})["'*_]*\s*[:：]["'*_]*\s*(?<value>.+)$/u.exec(text)?.groups;
  const alone = /^\(?((?:18|19|20)\d{2})\)?\.?$/u.exec(text)?.[1];
  if (alone !== undefined && yearInBrackets(entry.title) === undefined) entry.title += ` (${alone})`;
  const key = field?.['key']?.trim().toLowerCase() ?? '';
  const value = field?.['value']?.trim() ?? '';
  if (/^(?:release )?year$|^released?(?: date)?$/u.test(key)) {
    const year = /(?:18|19|20)\d{2}/u.exec(value)?.[0];
    if (year !== undefined && yearInBrackets(entry.title) === undefined) entry.title += ` (${year})`;
  } else if (entry.reason !== '') return;
  else if (/^(?:reason|why.*|explanation|because|rationale|description)$/u.test(key))
    entry.reason = unquote(value);
  else if (
    field === undefined &&
    (kind === 'detail' || kind === 'prose' || kind === 'bullet') &&
    (indent > 0 || entryKind === 'heading')
  )
    entry.reason = text;
}

function classifyLines(text: string): Line[] {
  const lines: Line[] = [];
  const table = new TableReader();
  let number = 0;
  for (const raw of prepareText(text).split('\n')) {
    const indent = /^[ \t]*/u.exec(raw)![0].replaceAll('\t', '    ').length;
    const plain = raw.trim();
    const cells = cellsOf(plain);
    if (cells) {
      const entry = table.read(cells);
      if (entry) lines.push({ kind: 'row', indent, text: plain, entry });
      continue;
    }
    table.end();
    const numbered = numberOf(plain, number);
    if (numbered) number = numbered.number;
    lines.push({ indent, ...(plain === '' ? { kind: 'blank', text: '' } : (numbered ?? classify(plain))) });
  }
  return lines;
}

/** Line breaks of all kinds to "\n"; HTML and other wrapping to lines; emphasis that hides a marker away. */
function prepareText(text: string): string {
  return text
    .replaceAll(/\r\n?|[\u2028\u2029\u0085\v\f]/gu, '\n')
    .replaceAll(/<(?:title|name)>/giu, '\nTitle: ')
    .replaceAll(/<(reason|year)>/giu, '\n$1: ')
    .replaceAll(/<li\b[^<>\n]{0,100}>/giu, '\n- ')
    .replaceAll(/<tr\b[^<>\n]{0,100}>/giu, '\n| ')
    .replaceAll(/<\/t[dh]>/giu, ' | ')
    .replaceAll(/<(?:br|p|div|h\d)\b[^<>\n]{0,100}>/giu, '\n')
    .replaceAll(/(?<=\(\d{4}\))[,;.]?[ \t]+(?=\d{1,2}[.)][ \t]+\S)/gu, '\n')
    .replaceAll(/<\/?[a-z][a-z0-9]{0,15}\b[^<>\n]{0,100}>/giu, '')
    .replaceAll(/\\boxed\{([^{}\n]{0,300})\}/gu, '$1')
    .replaceAll(/^[ \t]*\\item\b[ \t]*/gmu, '- ')
    .replaceAll(/(\d)\uFE0F?\u20E3/gu, '$1. ')
    .replaceAll(/[①-⑳]/gu, (char) => `${char.codePointAt(0)! - 0x245f}. `)
    .replaceAll(/^[ \t]*(?:>[ \t]?)+/gmu, '')
    .replaceAll(/\p{Cf}|\uFE0F/gu, '')
    .replaceAll(/^[ \t]*(?:`{3}|~{3}).*$/gmu, '')
    .replaceAll(/[０-９．）（：]/gu, (char) => String.fromCodePoint(char.codePointAt(0)! - 0xfee0));
}

const ROMAN_NUMERALS = [
  '',
  'i',
  'ii',
  'iii',
  'iv',
  'v',
  'vi',
  'vii',
  'viii',
  'ix',
  'x',
  'xi',
  'xii',
  'xiii',
  'xiv',
  'xv',
  'xvi',
  'xvii',
  'xviii',
  'xix',
  'xx',
];

/**
 * A numbered line, as in "1.", "1)", "(1)", "1、", "**1.**", "#1", "Movie 1:", "### 1.". A number before a colon or dash,
 * a letter and a Roman numeral count where they go on from the number `before`: "300: Rise of an Empire" is a title.
 */
function numberOf(
  plain: string,
  before: number,
): { kind: 'number'; number: number; text: string } | undefined {
  const line = plain.replace(/^#{1,6}\s+/u, '').replace(/^[-*•]\s+(?=\*{0,2}\d{1,3}[.)])/u, '');
  const sure =
    /^(?:\*\*|__|\*|_)?(?:\(\s*(?<a>\d{1,3})\s*\)|(?:#\s*)?(?<b>\d{1,3})\s*(?:\\?[.)](?!\d)|[、．º°])|#(?<c>\d{1,3})\b[:.)-]?)(?:\*\*|__|\*(?=\s)|_(?=\s))?\s*(?<text>.*)$/u.exec(
      line,
    )?.groups;
  if (sure) {
    const open =
      /^(?:\*\*|__)/u.test(line) && !/^(?:\*\*|__)[^*_]{0,12}(?:\*\*|__)/u.test(line) ? line.slice(0, 2) : '';
    return {
      kind: 'number',
      number: Number(sure['a'] ?? sure['b'] ?? sure['c']),
      text: open + sure['text']!,
    };
  }
  const likely =
    /^(?:\*\*|__)?(?:(?:movie|film|recommendation|option|pick|choice|rank|no\.?|number|title)\s*#?\s*(?<a>\d{1,3})|\[?(?<b>\d{1,3})|(?<c>[ivx]{1,5}|[a-z]))\s*(?<mark>[.):\]]|\s[-–—])(?:\*\*|__)?\s+(?<text>.+)$/iu.exec(
      line,
    )?.groups;
  if (!likely) return undefined;
  const roman = likely['c']?.toLowerCase() ?? '';
  const next = before + 1;
  const values = [
    Number(likely['a'] ?? likely['b']),
    ROMAN_NUMERALS.indexOf(roman),
    roman.length === 1 ? roman.codePointAt(0)! - 96 : 0,
  ];
  return values.includes(next) || (likely['a'] !== undefined && values[0] === 1)
    ? { kind: 'number', number: values.includes(next) ? next : 1, text: likely['text']! }
    : undefined;
}

const BULLET = /^(?:[-–—*•‣▪▫●○◦·➤➔→▶►✓✔✅⭐★☆◆◇■□+~]|\p{Extended_Pictographic})\s+(?:\[[ xX]?\]\s+)?/u;

function classify(plain: string): Pick<Line, 'kind' | 'text'> {
  const heading = /^#{1,6}\s+(?<text>.+?)\s*#*$/u.exec(plain)?.groups?.['text'];
  if (heading !== undefined)
    return {
      kind: yearInBrackets(heading) || /^title\s*:/iu.test(heading) ? 'heading' : 'prose',
      text: heading,
    };
  const bullet = BULLET.exec(plain)?.[0];
  const text = bullet === undefined ? plain : plain.slice(bullet.length);
  const titled =
    /^["'*_]*(?:title|movie|film|movie title|film title|name)["'*_]*\s*[:：]["'*_]*\s*(?<text>.+)$/iu.exec(
      text,
    )?.groups?.['text'];
  if (titled !== undefined) return { kind: 'field', text: unquote(titled) };
  if (
    /^["'*_]*(?:reason|why|why you.{0,30}|year|release year|genres?|director|explanation|similar to|note|rating)["'*_]*\s*[:：]/iu.test(
      text,
    )
  )
    return { kind: 'detail', text };
  if (bullet !== undefined) return { kind: 'bullet', text };
  if (/^[[\]{}]/u.test(plain) && !/^\[[^\]]{1,300}\]\(/u.test(plain)) return { kind: 'prose', text };
  return { kind: isBareTitle(plain) ? 'bare' : 'prose', text };
}

/** A line that is a title with its year, and what comes behind a dash or colon; prose that names a movie is none. */
function isBareTitle(line: string): boolean {
  const year = yearInBrackets(line);
  if (year === undefined || line.endsWith(':') || year.start > 120 || /\[\s*["']/u.test(line)) return false;
  const after = line.slice(year.end).replace(/^["”*_]+/u, '');
  if (/^\s*(?:$|[-–—:|]|[.,;]?$|\()/u.test(after)) return true;
  return splitBareLine(line).length > 1;
}

function unquote(text: string): string {
  return text
    .replace(/^["'“‘*_]+/u, '')
    .replace(/["'”’*_]*[,;]?$/u, '')
    .trim();
}

/** The cells of a line of a table; undefined for other lines. */
function cellsOf(line: string): string[] | undefined {
  if (!/^\|.*\|/u.test(line) && !/^[^|]+\|[^|]+\|[^|]+/u.test(line) && !/\t[^\t]+\t/u.test(line))
    return undefined;
  const separator = line.includes('|') ? '|' : '\t';
  const cells = line.split(separator).map((cell) => cell.trim());
  if (cells[0] === '') cells.shift();
  if (cells.at(-1) === '') cells.pop();
  return cells.length > 0 ? cells : undefined;
}

/** Reads tables by the names of their columns, and without names by what the cells look like. */
class TableReader {
  #columns: { title: number; reason: number; year: number } | undefined;

  /** The entry of a row; undefined for the head and the rule below it. */
  read(cells: string[]): Entry | undefined {
    if (cells.every((cell) => /^:?[-=]*:?$/u.test(cell))) return undefined;
    const find = (pattern: RegExp) =>
      cells.findIndex((cell) => pattern.test(cell.replaceAll(/[*_`]/gu, '').trim()));
    const title = find(/^(?:movie|film)?\s?(?:title|name|movie|film)s?$|^recommend\w*$/iu);
    if (title >= 0 && this.#columns === undefined) {
      this.#columns = {
        title,
        reason: find(/reason|why|explanation|description|because/iu),
        year: find(/^(?:release\s)?year|^released?$/iu),
      };
      return undefined;
    }
    const columns = this.#columns ?? guessColumns(cells);
    const written = cells[columns.title];
    if (written === undefined || written === '') return undefined;
    const entry = splitTitle(written);
    const year = /(?:18|19|20)\d{2}/u.exec(cells[columns.year] ?? '')?.[0];
    if (year !== undefined && yearInBrackets(entry.title) === undefined) entry.title += ` (${year})`;
    return { ...entry, reason: entry.reason === '' ? (cells[columns.reason] ?? '') : entry.reason };
  }

  end(): void {
    this.#columns = undefined;
  }
}

function guessColumns(cells: readonly string[]) {
  const dated = cells.findIndex((cell) => yearInBrackets(cell) !== undefined);
  const title =
    dated >= 0
      ? dated
      : Math.max(
          0,
          cells.findIndex((cell) => /\p{L}/u.test(cell)),
        );
  const year = cells.findIndex((cell) => /^(?:18|19|20)\d{2}$/u.test(cell));
  return {
    title,
    year,
    reason: cells.findIndex((cell, n) => n > title && n !== year && /\p{L}/u.test(cell)),
  };
}
