/** Tables in Apache Parquet, by hyparquet: rows as the text that a CSV file would hold. */
import { setImmediate } from 'node:timers/promises';
import type { AsyncBuffer } from 'hyparquet';
import { DataError } from '../../util/errors.ts';
import { GET_AGAIN } from './records.ts';

/** Rows read at a time. */
const ROWS_PER_READ = 100_000;
/** Rows of a sample. */
const SAMPLE_ROWS = 1000;

export interface ParquetTable {
  names: string[];
  /** Cells as text: dates in ISO 8601, nothing for null. */
  rows: (from?: number, to?: number) => AsyncGenerator<string[]>;
}

/** Throws DataError for a file that is damaged or has columns in columns. */
export async function openParquet(path: string, name: string): Promise<ParquetTable> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } =
    await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const names = parquetSchema(metadata).children.map(({ element }) => element.name);
    const total = Number(metadata.num_rows);
    return {
      names,
      async *rows(from = 0, to = total) {
        for (let begin = from; begin < Math.min(to, total); begin += ROWS_PER_READ) {
          const end = Math.min(begin + ROWS_PER_READ, to, total);
          const stoppable = stopping(file);
          const options = { file: stoppable.file, metadata, compressors, rowStart: begin, rowEnd: end };
          try {
            const read = await Promise.race([parquetReadObjects(options), stoppable.failure]).catch(
              (cause: unknown) => {
                stoppable.stop();
                throw cause;
              },
            );
            if (read.length !== end - begin)
              throw new Error(`${read.length} rows in place of ${end - begin}`);
            for (const row of read) yield names.map((column) => textOf(row[column]));
          } catch (cause) {
            throw damagedError(name, cause);
          }
        }
      },
    };
  } catch (cause) {
    throw damagedError(name, cause);
  }
}

/**
 * A file that can be told to read no more: what was asked of it then never comes. hyparquet starts to read all columns and
 * forgets them where another one makes no sense; if one of them failed later, its rejection would end the process.
 */
function stopping(file: AsyncBuffer): { file: AsyncBuffer; failure: Promise<never>; stop: () => void } {
  let isStopped = false;
  let fail: (cause: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => (fail = reject));
  const slice = async (start: number, end?: number): Promise<ArrayBuffer> => {
    await setImmediate(); // in which hyparquet may have failed
    try {
      if (!isStopped) return await file.slice(start, end);
    } catch (cause) {
      fail(cause);
    }
    return await new Promise<never>(() => {});
  };
  return { file: { byteLength: file.byteLength, slice }, failure, stop: () => (isStopped = true) };
}

/** The first rows, which show what the columns hold. */
export async function sampleRows({ rows }: Pick<ParquetTable, 'rows'>): Promise<string[][]> {
  const sample: string[][] = [];
  for await (const row of rows(0, SAMPLE_ROWS)) sample.push(row);
  return sample;
}

/** A whole table as CSV, with a header. */
export async function parquetText(path: string, name: string): Promise<string> {
  const { names, rows } = await openParquet(path, name);
  const line = (cells: string[]) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');
  const lines = [line(names)];
  for await (const row of rows()) lines.push(line(row));
  return lines.join('\n');
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(textOf).join('|');
  if (typeof value === 'object')
    return JSON.stringify(value, (_, own: unknown) => (typeof own === 'bigint' ? String(own) : own));
  return `${value as string | number | bigint | boolean}`;
}

function damagedError(name: string, cause: unknown): DataError {
  const isPlain = cause instanceof Error && !(cause instanceof TypeError || cause instanceof RangeError);
  const reason = isPlain ? cause.message : 'its pages make no sense';
  return new DataError({
    place: name,
    found: `Parquet that cannot be read (${reason})`,
    wanted: 'a complete Parquet file',
    remedy: GET_AGAIN,
    cause,
  });
}
