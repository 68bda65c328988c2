/** Text to records with line numbers, and the strict reading of single fields. Every complaint about a file starts here. */
import { CsvError, parse, type Options } from 'csv-parse/sync';
import { DataError } from '../../util/errors.ts';

/** Largest id, timestamp or count that a column holds. */
const MAX_INT32 = 2147483647;

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

/** Strict UTF-8, without a byte order mark. Throws DataError naming the first line that is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch {
    throw new DataError({
      place: placeOf(file, firstInvalidLine(bytes)),
      found: 'bytes that are not UTF-8',
      wanted: 'UTF-8 text',
    });
  }
}

/** Latin-1, as MovieLens 100K and 1M are written, unless the bytes are UTF-8, as 10M's are. */
export function decodeLegacy(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
}

/**
 * Calls `use` for each record of CSV text, with the line on which it begins. Blank lines at the end are ignored. Records
 * that are plainly right are split here, in a third of csv-parse's time; it gets the others and says what is wrong.
 * Throws DataError naming file and line for misplaced quotes and for a blank line between records.
 */
export function readCsv(text: string, file: string, use: (fields: string[], line: number) => void): void {
  const take = recordTaker(file, 1, use);
  let line = 1;
  for (let begin = 0; begin < text.length;) {
    let end = lineEnd(text, begin);
    const quotes = quotesIn(text, begin, end);
    if (quotes % 2 === 1) end = quotedEnd(text, end); // a field goes on over the next lines
    const record = text.slice(begin, end < text.length && text[end - 1] === '\r' ? end - 1 : end);
    take(quotes === 0 ? record.split(',') : splitQuoted(record, file, line));
    line += quotes === 0 ? 1 : record.split('\n').length;
    begin = end + 1;
  }
}

/** Where the line that begins at `begin` ends: its newline or the end of the text. */
function lineEnd(text: string, begin: number): number {
  const newline = text.indexOf('\n', begin);
  return newline === -1 ? text.length : newline;
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
const quotedOrPlain = /(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|$)/y;

/** The fields of one record that begins on line `line`. What is not plainly right is left to csv-parse. */
function splitQuoted(record: string, file: string, line: number): string[] {
  if (record.length > MAX_RECORD_CHARACTERS) return splitWithLibrary(record, file, line);
  const fields: string[] = [];
  quotedOrPlain.lastIndex = 0;
  for (;;) {
    const match = quotedOrPlain.exec(record);
    if (match === null) return splitWithLibrary(record, file, line);
    const [, quoted, plain, behind] = match;
    fields.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (behind === '') return fields;
  }
}

function splitWithLibrary(record: string, file: string, line: number): string[] {
  try {
    return parse(record, csvOptions)[0]!;
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
      throw new DataError({ place: placeOf(file, blank), found: 'a blank line', wanted: 'a record' });
    try {
      use(fields, line, endLine);
    } catch (error) {
      throw withPlace(error, file, line);
    }
  };
}

const csvMessages: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote that is never closed',
  INVALID_OPENING_QUOTE: 'a quote inside a field that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'text after a closing quote',
  CSV_MAX_RECORD_SIZE:
    'a record of more than a million characters, perhaps after a quote that is never closed',
};

/** csv-parse's errors as ours, by the line on which the record begins; any other error as it is. */
export function csvError(error: unknown, file: string, firstLine: number): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = firstLine + ((error as { records?: number }).records ?? 0);
  return new DataError({
    place: placeOf(file, line),
    found: csvMessages[error.code] ?? error.message,
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
  });
}

/** A field as an error shows it: quoted, cut, and without control characters. */
export function quoteField(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  return `'${short.replace(/\p{Cc}/gu, '?')}'`;
}

function firstInvalidLine(bytes: Uint8Array): number {
  let line = 1;
  for (let begin = 0; begin < bytes.length; line++) {
    const newline = bytes.indexOf(10, begin);
    const end = newline === -1 ? bytes.length : newline;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(begin, end));
    } catch {
      return line;
    }
    begin = end + 1;
  }
  return line;
}
