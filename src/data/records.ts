/** Text to records with line numbers, and the strict reading of single fields. Every complaint about a file starts here. */
import { CsvError, parse, type Options } from 'csv-parse/sync';
import { DataError } from '../util/errors.ts';

/** Largest id, timestamp or count that a column holds. */
export const MAX_INT32 = 2147483647;

/** Options of csv-parse shared by everything read with it; a line may end in LF or CRLF, from line to line. */
export const csvOptions: Options = {
  record_delimiter: ['\r\n', '\n'],
  relax_column_count: true,
  info: true,
  max_record_size: 1 << 20,
};

/** `file:line`, as errors name it. */
export function placeOf(file: string, line: number): string {
  return `${file}:${line}`;
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
 * Calls `use` for each record of quoted CSV text, with the line on which it begins. Blank lines at the end are ignored.
 * Throws DataError naming file and line for misplaced quotes and for a blank line between records.
 */
export function readCsv(text: string, file: string, use: (fields: string[], line: number) => void): void {
  const take = recordTaker(file, 1, use);
  try {
    parse(text, {
      ...csvOptions,
      on_record: (record: unknown) => {
        const { record: fields, info } = record as { record: string[]; info: { lines: number } };
        take(fields, info.lines);
        return null;
      },
    });
  } catch (error) {
    throw csvProblem(error, file, 1);
  }
}

/** Calls `use` for each line of unquoted text. Blank lines at the end are ignored; throws DataError for others. */
export function readLines(text: string, file: string, use: (line: string, number: number) => void): void {
  const take = recordTaker(file, 1, ([line], number) => use(line!, number));
  text.split(/\r?\n/).forEach((line, i) => take([line], i + 1));
}

/**
 * Turns what csv-parse reports (the line on which a record ends) into the line on which it begins, and refuses blank
 * lines between records. `firstLine` is the number of the first line in the text.
 */
export function recordTaker(
  file: string,
  firstLine: number,
  use: (fields: string[], line: number, endLine: number) => void,
): (fields: string[], endLine: number) => void {
  let next = firstLine;
  let blank = 0;
  return (fields, endLine) => {
    const line = next;
    next = endLine + 1;
    if (fields.length === 1 && fields[0] === '') {
      blank ||= line;
      return;
    }
    if (blank > 0)
      throw new DataError({ place: placeOf(file, blank), found: 'a blank line', wanted: 'a record' });
    use(fields, line, endLine);
  };
}

const csvProblems: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote that is never closed',
  INVALID_OPENING_QUOTE: 'a quote inside a field that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'text after a closing quote',
  CSV_MAX_RECORD_SIZE:
    'a record of more than a million characters, perhaps after a quote that is never closed',
};

/** csv-parse's errors as ours; any other error as it is. */
export function csvProblem(error: unknown, file: string, firstLine: number): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = ((error as { lines?: number }).lines ?? 1) + firstLine - 1;
  return new DataError({
    place: placeOf(file, line),
    found: csvProblems[error.code] ?? error.message,
    wanted: 'CSV, with fields quoted as a whole and quotes inside them doubled',
    cause: error,
  });
}

/** Throws DataError unless a record has `width` fields. */
export function checkWidth(fields: string[], width: number, file: string, line: number): void {
  if (fields.length === width) return;
  throw new DataError({
    place: placeOf(file, line),
    found: `${fields.length} ${fields.length === 1 ? 'field' : 'fields'}`,
    wanted: String(width),
  });
}

/** A whole number from 0 to 2147483647. Throws DataError saying `what` it is. */
export function parseCount(text: string, what: string, file: string, line: number): number {
  if (/^\d{1,15}$/.test(text)) {
    const value = Number(text);
    if (value <= MAX_INT32) return value;
  }
  throw new DataError({
    place: placeOf(file, line),
    found: `${what} ${shown(text)}`,
    wanted: `a whole number from 0 to ${MAX_INT32}`,
  });
}

/** A field as an error shows it: quoted, cut, and without control characters. */
export function shown(text: string): string {
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
