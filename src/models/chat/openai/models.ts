/** What a server says of a model, and of the tokens of a text, without being asked for an answer. */
import { z } from 'zod';
import type { ResolvedChatOptions } from '../options.ts';
import { redact, type Endpoint } from './endpoint.ts';
import { createSdk, readSdkError } from './sdk.ts';
import { boundedFetch } from './wire.ts';

/** Such requests are answered at once or not at all. */
const TIMEOUT_SECONDS = 10;

const modelSchema = z.object({ shutdown_date: z.string().nullish() });

/** What `GET /models/NAME` says. `problem`: why nothing is known. */
export type ServedModel = { shutdownDate?: string } | { problem: string };

/** Asks for the model's own entry; never throws for what the server answers. */
export async function fetchServedModel(
  endpoint: Endpoint,
  { model }: Pick<ResolvedChatOptions, 'model'>,
  signal: AbortSignal,
): Promise<ServedModel> {
  const sdk = createSdk(endpoint, { timeout: TIMEOUT_SECONDS, concurrency: 1 });
  try {
    const found = modelSchema.safeParse(await sdk.models.retrieve(model, { signal }));
    const date = found.data?.shutdown_date;
    return date ? { shutdownDate: redact(date.slice(0, 10), endpoint.secrets) } : {};
  } catch (error) {
    signal.throwIfAborted();
    const { status, said } = readSdkError(error);
    const message = redact(said.message, endpoint.secrets);
    return { problem: status === undefined ? message : `status ${status}: ${message}` };
  }
}

const tokensSchema = z.union([
  z.object({ count: z.int().min(0) }).transform(({ count }) => count),
  z.object({ tokens: z.array(z.unknown()) }).transform(({ tokens }) => tokens.length),
]);

/**
 * Counts a text in the server's own tokens, where it has `/tokenize` beside its API (llama.cpp, vLLM); undefined where
 * it has not, and from the first time that it fails. OpenAI and Azure are not asked.
 */
export function serverTokenCounter(
  { baseUrl, query, official, azure, headers }: Endpoint,
  model: string,
  signal: AbortSignal,
): (text: string) => Promise<number | undefined> {
  let exists = !official && !azure;
  const fetch = boundedFetch({ timeoutSeconds: TIMEOUT_SECONDS, concurrency: 1 });
  const url = new URL(`${baseUrl.replace(/\/v\d+$/u, '')}/tokenize`);
  url.search = new URLSearchParams(query).toString();
  return async (text) => {
    if (!exists) return undefined;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ content: text, model, prompt: text }), // llama.cpp's name, then vLLM's
        signal,
      });
      const count = tokensSchema.safeParse(JSON.parse(await response.text())).data;
      exists = response.ok && count !== undefined;
      return exists ? count : undefined;
    } catch {
      signal.throwIfAborted();
      exists = false;
      return undefined;
    }
  };
}
