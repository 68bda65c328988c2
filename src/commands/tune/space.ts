/** `--space`: dimensions of a search as text. */
import type { z } from 'zod';
import {
  dimensionSchema,
  type Dimension,
  type OptionValue,
  type SearchSpace,
} from '../../models/search-space.ts';
import { UsageError } from '../../util/errors.ts';
import { isWholeNumber } from '../shared/flags.ts';

/** `name=low..high`, `name=low..high:log`, `name=a|b|c`. Throws UsageError for anything else. */
export function parseSpace(parts: readonly string[]): SearchSpace {
  return Object.fromEntries(parts.map(parsePart));
}

/** The space with ranges of whole numbers where `schema` has an option of whole numbers. */
export function withWholeRanges(space: SearchSpace, schema: z.ZodObject): SearchSpace {
  return Object.fromEntries(
    Object.entries(space).map(([name, dimension]) => {
      const field = schema.shape[name] as z.ZodType | undefined;
      const isWhole = 'low' in dimension && field !== undefined && isWholeNumber(field);
      return [name, isWhole ? { whole: true, ...dimension } : dimension];
    }),
  );
}

const PART = /^\s*(\w+)\s*=\s*(.+?)\s*$/;
const RANGE = /^(-?[\d.e+-]+?)[.][.](-?[\d.e+-]+?)(?::(log|linear))?$/;

function parsePart(text: string): [string, Dimension] {
  const [, name, values] = PART.exec(text) ?? [];
  if (name === undefined || values === undefined) throw spaceError(text);
  const [, low, high, scale] = RANGE.exec(values) ?? [];
  const typed: unknown =
    low === undefined
      ? { choices: values.split('|').map(valueOf) }
      : { low: Number(low), high: Number(high), ...(scale && { scale }) };
  const { data } = dimensionSchema.safeParse(typed);
  if (data === undefined) throw spaceError(text);
  return [name, data];
}

function valueOf(text: string): OptionValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

function spaceError(text: string): UsageError {
  return new UsageError({
    place: '--space',
    found: `'${text}'`,
    wanted: 'NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=A|B|C, with LOW below HIGH, and above 0 for log',
  });
}
