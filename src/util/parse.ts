/** Values from files, checked by a schema: what does not fit is an error for a person, which names the field. */
import type { z } from 'zod';
import { DataError, type ErrorFacts } from './errors.ts';

/**
 * `value` as `schema` reads it. Throws DataError with the field behind `place` ("r.json: models.0.name"), what was found
 * there, and what `facts` say was wanted and can be done.
 */
export function parseAs<S extends z.ZodType>(
  schema: S,
  value: unknown,
  { place = '', ...facts }: Pick<ErrorFacts, 'place' | 'wanted' | 'remedy'>,
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new DataError({
    place: field === '' ? place : `${place}: ${field}`,
    found: issue?.message ?? 'another form',
    ...facts,
    cause: result.error,
  });
}
