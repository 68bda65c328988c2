/** Text to records with line numbers, and the strict reading of single fields. Every complaint about a file starts here. */
import { CsvError, parse, type Options } from 'csv-parse/sync';
import { DataError } from '../../util/errors.ts';

/** Largest id, timestamp or count that a column holds. */
export const MAX_INT32 = 2147483647;

/** Characters; a longer record is one in which a quote was never closed. */
const MAX_RECORD_CHARACTERS = 1 << 20;

/** Options of csv-parse shared by everything read with it; a line may end in LF or CRLF, from line to line. */
export const csvOptions: Options = {
  record_delimiter: ['\r\n', '\n'],
  relax_column_count: true,
  max_record_size: MAX_RECORD_CHARACTERS,
};

/** `file:line`, as errors name it. */
export function placeOf(file: string, line: number): string {
  return `${file}:${line}`;
}

/** A DataError that names no place, as at that line of the file; any other error as it is. */
export function withPlace(error: unknown, file: string, line: number): unknown {
  if (!(error instanceof DataError) || error.facts.place !== undefined) return error;
  return new DataError({ ...error.facts, place: placeOf(file, line) });
}

/** What to do about a line that cannot be read. */
export const MEND_LINE = 'Mend that line, or delete it.';
/** What to do about what --strict alone refuses. */
export const LEAVE_OUT_STRICT = 'Mend it, or leave out --strict: it is noted and counted then.';
/** What to do about a file that is empty or cut. */
export const GET_AGAIN = 'Download or export it again.';

/** A file that was read as a whole. */
export interface TextFile {
  /** What errors call it. */
  name: string;
  text: string;
}

/** How the fields and lines of a text are separated. */
export interface Separators {
  separator: string;
  /** Lines end in carriage returns alone. */
  isCrOnly?: boolean;
  /** Records of empty fields, as spreadsheets leave at the end, are blank lines. */
  areEmptyBlank?: boolean;
}

/**
 * Calls `use` for each record of CSV text, with the line on which it begins. Blank lines at the end are ignored. Records
 * that are plainly right are split here, in a third of csv-parse's time; it gets the others and says what is wrong.
 * Throws DataError naming file and line for misplaced quotes and for a blank line between records.
 */
export function readCsv(
  text: string,
  file: string,
  { separator, isCrOnly = false, areEmptyBlank = false }: Separators,
  use: (fields: string[], line: number) => void,
): void {
  const take = recordTaker(file, 1, use);
  const lines = isCrOnly ? text.replaceAll('\r', '\n') : text;
  const split = separator === '::' ? null : quotedOrPlain(separator);
  let line = 1;
  let nextQuote = split === null ? Infinity : quoteFrom(lines, 0);
  for (let begin = 0; begin < lines.length;) {
    let end = lineEnd(lines, begin);
    if (nextQuote < begin) nextQuote = quoteFrom(lines, begin);
    const quotes = nextQuote < end ? quotesIn(lines, begin, end) : 0;
    if (quotes % 2 === 1) end = quotedEnd(lines, end); // a field goes on over the next lines
    const record = lines.slice(begin, end < lines.length && lines[end - 1] === '\r' ? end - 1 : end);
    const isPlain = quotes === 0 || split === null;
    const fields = isPlain ? record.split(separator) : splitQuoted(record, split, separator, file, line);
    take(areEmptyBlank && fields.every((field) => field === '') ? [''] : fields);
    line += quotes === 0 ? 1 : record.split('\n').length;
    begin = end + 1;
  }
}

/** Where the line that begins at `begin` ends: its newline or the end of the text. */
function lineEnd(text: string, begin: number): number {
  const newline = text.indexOf('\n', begin);
  return newline === -1 ? text.length : newline;
}

/** Where the first quote at or behind `at` stands; Infinity without one. */
function quoteFrom(text: string, at: number): number {
  const quote = text.indexOf('"', at);
  return quote === -1 ? Infinity : quote;
}

function quotesIn(text: string, begin: number, end: number): number {
  let count = 0;
  for (let at = begin; at < end; at++) if (text.charCodeAt(at) === 34) count++;
  return count;
}

/** Where the line ends in which the quote is closed that is open at `end`. */
function quotedEnd(text: string, end: number): number {
  let open = true;
  while (open && end < text.length) {
    const next = lineEnd(text, end + 1);
    open = quotesIn(text, end + 1, next) % 2 === 0;
    end = next;
  }
  return end;
}

/** A field, quoted as a whole or not at all, and what stands behind it. */
function quotedOrPlain(separator: string): RegExp {
  const own = separator === '|' ? '\\|' : separator;
  return new RegExp(`(?:"([^"]*(?:""[^"]*)*)"|([^"${own}]*))(${own}|$)`, 'y');
}

/** The fields of one record that begins on line `line`. What is not plainly right is left to csv-parse. */
function splitQuoted(record: string, split: RegExp, separator: string, file: string, line: number): string[] {
  if (record.length > MAX_RECORD_CHARACTERS) return splitWithLibrary(record, separator, file, line);
  const fields: string[] = [];
  split.lastIndex = 0;
  for (;;) {
    const match = split.exec(record);
    if (match === null) return splitWithLibrary(record, separator, file, line);
    const [, quoted, plain, behind] = match;
    fields.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (behind === '') return fields;
  }
}

function splitWithLibrary(record: string, separator: string, file: string, line: number): string[] {
  try {
    return parse(record, { ...csvOptions, delimiter: separator })[0]!;
  } catch (error) {
    throw csvError(error, file, line);
  }
}

/** Calls `use` for each line of unquoted text. Blank lines at the end are ignored; throws DataError for others. */
export function readLines(text: string, file: string, use: (line: string, number: number) => void): void {
  const take = recordTaker(file, 1, ([line], number) => use(line!, number));
  for (const line of text.split(/\r?\n/)) take([line]);
}

/**
 * Counts lines: the returned function is to be called with every record of a file, from the one on line `firstLine` on,
 * and calls `use` with the lines on which each begins and ends. Refuses blank lines between records. A DataError of
 * `use` that names no place gets the line on which the record begins.
 */
export function recordTaker(
  file: string,
  firstLine: number,
  use: (fields: string[], line: number, endLine: number) => void,
): (fields: string[]) => void {
  let next = firstLine;
  let blank = 0;
  return (fields) => {
    const line = next;
    let endLine = line;
    for (const field of fields) if (field.includes('\n')) endLine += field.split('\n').length - 1;
    next = endLine + 1;
    if (fields.length === 1 && fields[0] === '') {
      blank ||= line;
      return;
    }
    if (blank > 0)
      throw new DataError({
        place: placeOf(file, blank),
        found: 'a blank line',
        wanted: 'a record',
        remedy: 'Delete it.',
      });
    try {
      use(fields, line, endLine);
    } catch (error) {
      throw withPlace(error, file, line);
    }
  };
}

/** By csv-parse's code: what is there, and what to do about it. */
const csvMessages: Record<string, { found: string; remedy: string }> = {
  CSV_QUOTE_NOT_CLOSED: {
    found: 'a quote that is never closed',
    remedy: 'Close it, or write "" where it belongs to the text.',
  },
  INVALID_OPENING_QUOTE: {
    found: 'a quote inside a field that does not begin with one',
    remedy: 'Put quotes around the field, and write "" for each quote in it.',
  },
  CSV_INVALID_CLOSING_QUOTE: {
    found: 'text after a closing quote',
    remedy: 'Write "" for a quote inside a field, also in place of \\" as databases export it.',
  },
  CSV_MAX_RECORD_SIZE: {
    found: 'a record of more than a million characters, perhaps after a quote that is never closed',
    remedy: 'Close the quote, or write "" where it belongs to the text.',
  },
};

/** csv-parse's errors as ours, by the line on which the record begins; any other error as it is. */
export function csvError(error: unknown, file: string, firstLine: number): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = firstLine + ((error as { records?: number }).records ?? 0);
  return new DataError({
    place: placeOf(file, line),
    found: error.message,
    remedy: MEND_LINE,
    ...csvMessages[error.code],
    wanted: 'CSV, with fields quoted as a whole and quotes inside them doubled',
    cause: error,
  });
}

/** Throws DataError, without a place, unless a record has `width` fields. */
export function checkWidth(fields: string[], width: number): void {
  if (fields.length === width) return;
  throw new DataError({
    found: `${fields.length} ${fields.length === 1 ? 'field' : 'fields'}`,
    wanted: String(width),
    remedy: MEND_LINE,
  });
}

/** A whole number from 0 to 2147483647. Throws DataError, without a place, saying `what` it is. */
export function parseCount(text: string, what: string): number {
  if (/^\d{1,15}$/.test(text)) {
    const value = Number(text);
    if (value <= MAX_INT32) return value;
  }
  throw new DataError({
    found: `${what} ${quoteField(text)}`,
    wanted: `a whole number from 0 to ${MAX_INT32}`,
    remedy: MEND_LINE,
  });
}

/** A field as an error shows it: quoted, cut, and without control characters. */
export function quoteField(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  return `'${short.replace(/\p{Cc}/gu, '?')}'`;
}
