/** What requests cost: tokens counted with the model's own tokenizer, prices from a dated table or from the user. */
import type { Message } from '../../language/templates.ts';

/** USD per million tokens. */
export interface Price {
  input: number;
  output: number;
}

export const PRICES_AS_OF = '2025-06-01';

/** List prices on `PRICES_AS_OF`; `--price-input` and `--price-output` override them. */
export const prices: Record<string, Price> = {
  'gpt-4o': { input: 2.5, output: 10 },
  'gpt-4o-mini': { input: 0.15, output: 0.6 },
  'gpt-4.1': { input: 2, output: 8 },
  'gpt-4.1-mini': { input: 0.4, output: 1.6 },
  'gpt-4.1-nano': { input: 0.1, output: 0.4 },
};

/** Price of a model; dated names ("gpt-4o-2024-08-06") cost what their family costs. Undefined where unknown. */
export function priceOf(model: string): Price | undefined {
  return prices[model.replace(/-\d{4}-\d{2}-\d{2}$/u, '')];
}

export interface TokenCount {
  input: number;
  output: number;
}

/** USD. */
export function costOf({ input, output }: TokenCount, price: Price): number {
  return (input * price.input + output * price.output) / 1e6;
}

/** Tokens that the chat format adds per message and per request, as OpenAI's cookbook counts them. */
const PER_MESSAGE = 3;
const PER_REQUEST = 3;

/** Counts text in tokens of o200k_base, the encoding of the gpt-4o and gpt-4.1 families. Loads it on first use. */
export async function tokenCounter(): Promise<(text: string) => number> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  return (text) => countTokens(text);
}

/** Input tokens of one request. */
export function countMessages(messages: readonly Message[], count: (text: string) => number): number {
  return messages.reduce(
    (sum, { role, content }) => sum + PER_MESSAGE + count(role) + count(content),
    PER_REQUEST,
  );
}
