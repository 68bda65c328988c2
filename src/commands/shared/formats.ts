/** Flags that choose how a table is written. */
import { z } from 'zod';
import type { TableFormat } from '../../report/formats.ts';
import { UsageError } from '../../util/errors.ts';
import { readFlags, type Typed } from './flags.ts';

export const formatSchema = z.object({
  markdown: z.boolean().default(false).describe('print the table as Markdown'),
  latex: z.boolean().default(false).describe('print the table as LaTeX, with the rules of booktabs'),
  csv: z.boolean().default(false).describe('print the table as CSV, with every digit'),
});

/** Throws UsageError when two formats were typed. */
export function readFormat(typed: Typed): TableFormat {
  const { markdown, latex, csv } = readFlags(formatSchema, typed);
  const chosen = Object.entries({ markdown, latex, csv, json: typed['json'] === true }).flatMap(
    ([name, is]) => (is ? [name] : []),
  );
  if (chosen.length > 1) {
    throw new UsageError({ place: `--${chosen[0]}`, found: `also --${chosen[1]}`, wanted: 'one format' });
  }
  return markdown ? 'markdown' : latex ? 'latex' : csv ? 'csv' : 'text';
}
