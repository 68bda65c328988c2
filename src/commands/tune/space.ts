/** `--space`: dimensions of a search as text. */
import {
  dimensionSchema,
  type Dimension,
  type OptionValue,
  type SearchSpace,
} from '../../models/search-space.ts';
import { UsageError } from '../../util/errors.ts';

/** `name=low..high`, `name=low..high:log`, `name=a|b|c`. Throws UsageError for anything else. */
export function parseSpace(parts: readonly string[]): SearchSpace {
  return Object.fromEntries(parts.map(parsePart));
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
