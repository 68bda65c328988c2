/** GPT-2's two option sets on the command line: each flag belongs to texts, to item tokens or to both. */
import { z } from 'zod';
import { tokenKinds, type TokenKind } from '../../experiment/language/gpt2/token-kinds.ts';
import { itemFlags, tokensFlag, type Tokens } from '../../models/gpt2/item-options.ts';
import { gpt2Options } from '../../models/gpt2/options.ts';
import { UsageError } from '../../util/errors.ts';
import { flagName, readFlags, type Typed } from './flags.ts';

/** Every flag of both kinds, as one command takes them. */
export const gpt2Flags = z.object({ ...tokensFlag.shape, ...itemFlags.shape, ...gpt2Options.shape });

/** What `--tokens` chooses, and all options of that kind. */
export interface TypedGpt2 {
  tokens: Tokens;
  kind: TokenKind;
  options: Readonly<Record<string, unknown>>;
}

/** Throws UsageError for a flag that the kind of `--tokens` does not have, and for two places to start from. */
export function readGpt2(typed: Typed): TypedGpt2 {
  const { tokens } = readFlags(tokensFlag, typed);
  const kind = tokenKinds[tokens];
  for (const key of Object.keys(gpt2Flags.shape)) {
    if (typed[key] === undefined || key in kind.schema.shape || key in tokensFlag.shape) continue;
    throw new UsageError({
      place: flagName(key),
      found: `--tokens ${tokens}, which does not use it`,
      remedy: `Leave out ${flagName(key)}.`,
    });
  }
  if (typed['model'] !== undefined && typed['itemInit'] !== undefined) {
    throw new UsageError({
      place: '--item-init',
      found: 'with --model, whose movies start from the words of their titles',
      remedy: 'Leave out one of both.',
    });
  }
  return { tokens, kind, options: readFlags(kind.schema, typed) };
}
