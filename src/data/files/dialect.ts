/** How a table of text is written: separator, quotes, line ends, and whether a line of names comes first. */
import { DataError } from '../../util/errors.ts';
import { MEND_LINE, quoteField } from './records.ts';

export interface Dialect {
  separator: Separator;
  /** Lines before the table: blank ones, comments, Excel's "sep=;". */
  skippedLines: number;
  /** Line ends are carriage returns alone, as on old Macs. */
  isCrOnly: boolean;
  /** The first line, as names of columns; null where it is data. */
  header: string[] | null;
  /** Records of the sample behind the header, blank ones left out. */
  sample: string[][];
}

export type Separator = '::' | '\t' | ';' | '|' | ',' | ' ';

/** In the order in which they are tried: what stands inside fields more often comes later. */
const separators: Separator[] = ['::', '\t', ';', '|', ',', ' '];

const separatorNames: Record<Separator, string> = {
  '::': "'::'",
  '\t': 'tabs',
  ';': 'semicolons',
  '|': "'|'",
  ',': 'commas',
  ' ': 'blanks',
};

export function nameOfSeparator(separator: Separator): string {
  return separatorNames[separator];
}

/** Lines that decide on the separator. */
const MAX_LINES_COMPARED = 50;

/**
 * The dialect of a text from its beginning. `isName` says which fields are names of columns that the caller knows: the first
 * line is a header when it holds one, or when no field of it is a number. Throws DataError, without a place, when the
 * lines are separated by different characters, or by none.
 */
export function detectDialect(text: string, isName: (field: string) => boolean): Dialect {
  const isCrOnly = !text.includes('\n') && text.includes('\r');
  const lines = text.split(isCrOnly ? '\r' : /\r?\n/);
  const blank = Math.max(
    0,
    lines.findIndex((line) => !isSkipped(line, isName)),
  );
  const declared = /^"?sep=(::|[\t;|, ])"?$/i.exec(lines[blank] ?? '')?.[1] as Separator | undefined;
  const skippedLines = blank + (declared === undefined ? 0 : 1);
  const rows = lines.slice(skippedLines).filter((line) => line.trim() !== '');
  const separator = declared ?? separatorOf(rows.slice(0, MAX_LINES_COMPARED), isName);
  const records = rows.map((line) => splitFields(line, separator));
  const header = records[0] !== undefined && isHeader(records[0], isName) ? records[0] : null;
  const sample = records
    .slice(header === null ? 0 : 1)
    .filter((record) => record.some((field) => field !== ''));
  return { separator, skippedLines, isCrOnly, header, sample };
}

/** A blank line or a comment; NumPy writes the names of columns into one. */
function isSkipped(line: string, isName: (field: string) => boolean): boolean {
  if (line.trim() === '') return true;
  return line.startsWith('# ') && line.split(/[\t;|, ]+/).filter(isName).length < 2;
}

function separatorOf(rows: string[], isName: (field: string) => boolean): Separator {
  const first = rows[0] ?? '';
  const named = separators
    .map((separator) => ({ separator, names: splitFields(first, separator).filter(isName).length }))
    .filter(({ names }) => names > 1)
    .sort((a, b) => b.names - a.names);
  const chosen = named[0]?.separator ?? separators.find((separator) => separatesAll(rows, separator));
  if (chosen === undefined) {
    // One column, or lines that disagree; of lines that nothing separates, those that something does decide.
    const most = separators.find((separator) => splitFields(first, separator).length > 1);
    return most ?? ',';
  }
  return chosen;
}

/** Whether every line has the same number of fields, empty ones at the end not counted, and more than one. */
function separatesAll(rows: string[], separator: Separator): boolean {
  const widths = new Set(rows.map((row) => widthOf(splitFields(row, separator))));
  widths.delete(0);
  return widths.size === 1 && !widths.has(1);
}

/** Number of fields up to the last that is not empty. */
export function widthOf(fields: readonly string[]): number {
  return fields.findLastIndex((field) => field !== '') + 1;
}

/** Fields of one line, trimmed, quotes around a field taken away; for looking at a sample, not for reading. */
function splitFields(line: string, separator: Separator): string[] {
  if (separator === ' ') return line.trim().split(/ +/).map(unquote);
  if (separator === '::' || !line.includes('"')) return line.split(separator).map((field) => field.trim());
  const fields: string[] = [];
  const field = new RegExp(
    `\\s*(?:"((?:[^"]|"")*)"[^${escape(separator)}]*|([^${escape(separator)}]*))(${escape(separator)}|$)`,
    'y',
  );
  for (;;) {
    const match = field.exec(line);
    if (match === null) return fields;
    fields.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim());
    if (match[3] === '') return fields;
  }
}

function escape(separator: Separator): string {
  return separator === '|' ? '\\|' : separator;
}

function unquote(field: string): string {
  return field.replace(/^"(.*)"$/, '$1');
}

function isHeader(fields: string[], isName: (field: string) => boolean): boolean {
  return fields.some(isName) || !fields.some((field) => /^[+-]?[\d.,]*\d/.test(field));
}

/** The name of a column without case, blanks, punctuation and the type that RecBole writes behind a colon. */
export function normalizeName(name: string): string {
  return name
    .replace(/:(token|float|token_seq|float_seq)$/i, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/**
 * Throws DataError, without a place, unless a record has as many fields as the header or the first line; empty fields at
 * the end may be missing or too many.
 */
export function checkFields(fields: readonly string[], width: number, { separator }: Dialect): void {
  if (fields.length === width) return;
  if (fields.length > width && widthOf(fields) <= width) return;
  const line = fields.join(separator);
  const other = separators.find(
    (own) => own !== separator && own !== ' ' && splitFields(line, own).length === width,
  );
  if (fields.length === 1 && other !== undefined && width > 1) {
    throw new DataError({
      found: `fields separated by ${separatorNames[other]}: ${quoteField(line)}`,
      wanted: `${separatorNames[separator]}, as in the lines before`,
      remedy: 'Write the whole file with one separator.',
    });
  }
  throw new DataError({
    found: `${fields.length} ${fields.length === 1 ? 'field' : 'fields'}`,
    wanted: String(width),
    remedy:
      separator === '::' || separator === ' '
        ? MEND_LINE
        : `Mend that line: a field with ${separatorNames[separator]} in it needs quotes around it.`,
  });
}
