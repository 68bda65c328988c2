/** Flags about money. */
import { z } from 'zod';
import { UsageError } from '../../util/errors.ts';

export const priceSchema = z.object({
  maxCost: z
    .number()
    .positive()
    .optional()
    .meta({ placeholder: 'usd' })
    .describe('stop before the request that could exceed this many USD'),
  priceInput: z
    .number()
    .min(0)
    .optional()
    .meta({ placeholder: 'usd' })
    .describe('USD per million input tokens, before the half that --flex or a batch takes off'),
  priceOutput: z
    .number()
    .min(0)
    .optional()
    .meta({ placeholder: 'usd' })
    .describe('USD per million output tokens, before the half that --flex or a batch takes off'),
});

/** The person's own price; undefined where none was typed. Throws UsageError for one of the two alone. */
export function readPrice({
  priceInput: input,
  priceOutput: output,
}: Pick<z.output<typeof priceSchema>, 'priceInput' | 'priceOutput'>):
  { input: number; output: number } | undefined {
  if (input !== undefined && output !== undefined) return { input, output };
  if (input === undefined && output === undefined) return undefined;
  throw new UsageError({
    place: input === undefined ? '--price-output' : '--price-input',
    found: 'one price',
    wanted: 'both --price-input and --price-output',
  });
}
