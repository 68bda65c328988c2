/** Small tables of text with named columns, whatever their separator: movies, tags, links. */
import { DataError } from '../../util/errors.ts';
import { checkFields, detectDialect, normalizeName, widthOf } from './dialect.ts';
import { GET_AGAIN, placeOf, quoteField, readCsv, type TextFile } from './records.ts';

/** What a table may hold: by key, the names in use for a column, normalized as `normalizeName` does. */
export interface TableForm<Key extends string> {
  columns: Record<Key, readonly string[]>;
  /** Columns without which the table is refused. */
  needed: readonly NoInfer<Key>[];
  /** The order of the columns where there is no header; empty where there must be one. */
  order: readonly NoInfer<Key>[];
  /**
   * A column of free text, in a table of these columns alone, whose separators may lack quotes: fields too many belong
   * to it. Called with the line of each such record.
   */
  freeText?: { key: NoInfer<Key>; onRepair: (line: number) => void };
}

/** Beginning of a text by which its dialect is detected. */
const SAMPLE_CHARACTERS = 1 << 13;

/**
 * Calls `use` for each record with its fields by key. Throws DataError naming file and line: an empty file, a
 * header without a column that is needed, other numbers of fields than in the first line, misplaced quotes.
 */
export function readTable<Key extends string>(
  { text, name }: TextFile,
  { columns, needed, order, freeText }: TableForm<Key>,
  use: (fields: Partial<Record<Key, string>>, line: number) => void,
): { header: string[] | null } {
  const keys = Object.keys(columns) as Key[];
  const known = new Set(keys.flatMap((key) => columns[key]));
  const dialect = detectDialect(text.slice(0, SAMPLE_CHARACTERS), (field) => known.has(normalizeName(field)));
  const { header, separator, isCrOnly, skippedLines } = dialect;
  if (text.trim() === '') {
    throw new DataError({
      place: name,
      found: 'an empty file',
      wanted: `the header ${keys.join(',')}`,
      remedy: GET_AGAIN,
    });
  }
  const at = header === null ? positions(order, name) : positionsIn(header, columns, needed, name);
  const first = skippedLines + (header === null ? 1 : 2);
  let width = header?.length;
  readCsv(text, name, { separator, isCrOnly, areEmptyBlank: true }, (fieldsOfLine, line) => {
    if (line < first) return;
    let record = fieldsOfLine;
    width ??= freeText && header === null ? Math.min(record.length, order.length) : record.length;
    const textAt = freeText && at[freeText.key];
    if (freeText && textAt !== undefined && width === Object.keys(at).length && widthOf(record) > width) {
      record = record.toSpliced(
        textAt,
        1 + record.length - width,
        record.slice(textAt, textAt + 1 + record.length - width).join(separator),
      );
      freeText.onRepair(line);
    }
    checkFields(record, width, dialect);
    const fields: Partial<Record<Key, string>> = {};
    for (const key of keys) {
      const field = at[key] === undefined ? undefined : record[at[key]];
      if (field !== undefined) fields[key] = field;
    }
    for (const key of needed) if (fields[key] === undefined) checkFields(record, at[key]! + 1, dialect);
    use(fields, line);
  });
  return { header };
}

function positions<Key extends string>(order: readonly Key[], file: string): Partial<Record<Key, number>> {
  if (order.length === 0) {
    throw new DataError({
      place: placeOf(file, 1),
      found: 'no header',
      wanted: 'names of columns',
      remedy: 'Put a first line with them before the table.',
    });
  }
  return Object.fromEntries(order.map((key, n) => [key, n])) as Partial<Record<Key, number>>;
}

/** Of several names for a column the one that comes first in `columns`, exact before normalized, is taken. */
function positionsIn<Key extends string>(
  header: readonly string[],
  columns: Record<Key, readonly string[]>,
  needed: readonly Key[],
  file: string,
): Partial<Record<Key, number>> {
  const names = header.map(normalizeName);
  const at: Partial<Record<Key, number>> = {};
  for (const key of Object.keys(columns) as Key[]) {
    const name = columns[key].find((name) => names.includes(name));
    if (name !== undefined) at[key] = names.indexOf(name);
  }
  const missing = needed.find((key) => at[key] === undefined);
  if (missing === undefined) return at;
  throw new DataError({
    place: placeOf(file, 1),
    found: `no column for the ${missing} in the header ${quoteField(header.join(','))}`,
    wanted: columns[missing].slice(0, 4).join(', '),
    remedy: `Give the column of the ${missing} one of these names in that line.`,
  });
}
