/** Reading and writing records in the results folder: validated both ways, written atomically. */
import { readFile } from 'node:fs/promises';
import stringify from 'json-stringify-pretty-compact';
import type { z } from 'zod';
import { DataError } from '../util/errors.ts';
import { writeFileAtomic } from '../util/files.ts';
import { addMissingMetrics } from './older-records/missing-metrics.ts';
import { SCHEMA_VERSION } from './record.ts';
import { upgradeRecord } from './older-records/upgrade.ts';

/**
 * Writes a record as JSON that a person can read and `diff` can compare. Throws DataError naming the field when a
 * number is NaN or infinite or the record does not fit its schema; nothing is written then.
 */
export async function saveRecord<S extends z.ZodType>(
  path: string,
  schema: S,
  record: z.input<S>,
): Promise<void> {
  await writeFileAtomic(path, jsonText(check(path, schema, record)));
}

/** Indented JSON in which an array or object that fits on a line stays on it. */
export function jsonText(value: unknown): string {
  return `${stringify(value, { maxLength: 120 })}\n`;
}

/** Reads and validates a record, of the present version or a former one. Throws DataError naming file and field. */
export async function readRecord<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new DataError({
      place: path,
      found: 'no such record',
      wanted: 'a results record, such as `recsys baseline` or another command saves',
      cause,
    });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError({ place: path, found: 'not JSON', wanted: 'a results record', cause });
  }
  const upgraded = upgradeRecord(value);
  addMissingMetrics(upgraded);
  return check(path, schema, upgraded);
}

function check<S extends z.ZodType>(path: string, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataError({
    place: `${path}: ${issue!.path.join('.') || 'record'}`,
    found: issue!.message,
    wanted: `a results record of version ${SCHEMA_VERSION} or earlier`,
    cause: result.error,
  });
}
