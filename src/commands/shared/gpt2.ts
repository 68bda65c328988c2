/** GPT-2's two option sets on the command line: each flag belongs to texts, to item tokens or to both. */
import type { z } from 'zod';
import { gpt2ItemOptions, itemFlags, tokensFlag } from '../../models/gpt2/item-options.ts';
import { gpt2Options } from '../../models/gpt2/options.ts';
import { UsageError } from '../../util/errors.ts';
import { flagName, readFlags } from './flags.ts';

type Typed = Record<string, unknown>;

/** The options of `--tokens text`. Throws UsageError for a flag that item tokens alone have. */
export function readTextOptions(typed: Typed) {
  refuseOthers(typed, itemFlags, tokensFlag, 'text');
  return readFlags(gpt2Options, typed);
}

/** The options of `--tokens items`. Throws UsageError for a flag that texts alone have, and for two places to start from. */
export function readItemOptions(typed: Typed) {
  refuseOthers(typed, gpt2Options, gpt2ItemOptions, 'items');
  if (typed['model'] !== undefined && typed['itemInit'] !== undefined) {
    throw new UsageError({
      place: '--item-init',
      found: 'with --model, whose movies start from the words of their titles',
      remedy: 'Leave out one of both.',
    });
  }
  return readFlags(gpt2ItemOptions, typed);
}

/** Throws UsageError for a typed flag of `others` that `own` does not have. */
function refuseOthers(typed: Typed, others: z.ZodObject, own: z.ZodObject, tokens: string): void {
  for (const key of Object.keys(others.shape)) {
    if (typed[key] === undefined || key in own.shape) continue;
    throw new UsageError({
      place: flagName(key),
      found: `--tokens ${tokens}, which does not use it`,
      remedy: `Leave out ${flagName(key)}.`,
    });
  }
}
