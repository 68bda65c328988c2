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
    ...(issue === undefined ? { found: 'another form' } : factsOfIssue(issue, value)),
    ...facts,
    cause: result.error,
  });
}

/** `text` as JSON. Throws DataError with `facts` where it is not. */
export function parseJson(text: string, facts: Pick<ErrorFacts, 'place' | 'wanted' | 'remedy'>): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError({ found: 'not JSON', ...facts, cause });
  }
}

/** What zod found in `value`, and what it wanted where that is a number in some range: "-3", "at least 1". */
export function factsOfIssue(issue: z.core.$ZodIssue, value: unknown): Pick<ErrorFacts, 'found' | 'wanted'> {
  const found = issue.path.reduce<unknown>((inner, key) => Object(inner)[key], value);
  if (found === undefined && issue.code === 'invalid_type') return { found: 'missing' };
  if (typeof found !== 'number') return { found: issue.message };
  if (issue.code === 'too_small') {
    return { found: String(found), wanted: `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}` };
  }
  if (issue.code === 'too_big') {
    return { found: String(found), wanted: `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}` };
  }
  if (issue.code !== 'invalid_type' || issue.expected !== 'int') return { found: issue.message };
  return { found: String(found), wanted: 'a whole number' };
}
