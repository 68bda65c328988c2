/** Counts the tokens of text and of chat requests. */
import type { Message } from '../../language/templates.ts';
import { familyOf } from './families.ts';

/** Tokens that the chat format adds per message and per request, as OpenAI's cookbook counts them. */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_REQUEST = 3;

/**
 * Counts text in tokens of o200k_base, the encoding of OpenAI's models since gpt-4o; for other models an estimate (see
 * `hasKnownEncoding`). Loads it on first use.
 */
export async function tokenCounter(): Promise<(text: string) => number> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  // A text may hold <|endoftext|> and its like: it counts as text.
  return (text) => countTokens(text, { disallowedSpecial: new Set() });
}

/** Are counts exact for this model? */
export function hasKnownEncoding(model: string): boolean {
  return familyOf(model)?.encoding !== undefined;
}

/** Input tokens of one request. */
export function countMessages(messages: readonly Message[], count: (text: string) => number): number {
  return messages.reduce(
    (sum, { role, content }) => sum + TOKENS_PER_MESSAGE + count(role) + count(content),
    TOKENS_PER_REQUEST,
  );
}
