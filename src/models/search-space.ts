/** What a search may set an option to: `recsys tune` draws from it. Only zod is imported here. */
import { z } from 'zod';

const range = z
  .strictObject({
    low: z.number(),
    high: z.number(),
    scale: z.enum(['linear', 'log']).optional().describe('log: every factor is as likely (default: linear)'),
    whole: z.boolean().optional().describe('whole numbers only'),
  })
  .refine(({ low, high, scale }) => low < high && (scale !== 'log' || low > 0), {
    message: 'expected low < high, and low > 0 on a log scale',
  });

export const optionValueSchema = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);
const choices = z.strictObject({ choices: z.array(optionValueSchema).min(1) });

/** Values of one option: a range, or some values that are equally likely. */
export const dimensionSchema = z.union([range, choices]);

export type Dimension = z.output<typeof dimensionSchema>;
export type OptionValue = z.output<typeof optionValueSchema>;

/** By option. */
export type SearchSpace = Record<string, Dimension>;

/** How a model is searched with some of its options fixed. */
export interface ModelSearch {
  /** Options that are worth a search, beside their defaults. */
  space: SearchSpace;
  /** The option that says how long a fit goes on, for successive halving; absent where there is none. */
  rounds?: string;
}

/** Digits of a drawn number: enough for a setting, few enough to be read. */
const DIGITS = 3;

/** The value at `share`, 0 to 1 exclusive, of a dimension. `log` and `exp` are portable. */
export function valueAt(dimension: Dimension, share: number, { log, exp }: PortableMath): OptionValue {
  if ('choices' in dimension) {
    const { choices } = dimension;
    return choices[Math.min(choices.length - 1, Math.floor(share * choices.length))]!;
  }
  const { low, high, scale, whole } = dimension;
  if (whole)
    return Math.min(high, Math.max(low, Math.floor(between(low, high + 1, share, scale, { log, exp }))));
  return Number(between(low, high, share, scale, { log, exp }).toPrecision(DIGITS));
}

interface PortableMath {
  log: (x: number) => number;
  exp: (x: number) => number;
}

function between(
  low: number,
  high: number,
  share: number,
  scale: 'linear' | 'log' | undefined,
  { log, exp }: PortableMath,
): number {
  return scale === 'log' ? low * exp(share * log(high / low)) : low + share * (high - low);
}
