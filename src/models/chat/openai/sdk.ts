/** The official SDK, set up for an endpoint, and its errors as facts. */
import OpenAI, { APIConnectionError, APIError } from 'openai';
import { z } from 'zod';
import type { ResolvedChatOptions } from '../options.ts';
import type { Endpoint } from './endpoint.ts';
import type { ServerError } from './failures.ts';
import { readRetryAfter } from './waits.ts';
import { AnswerSizeError, AnswerTimeoutError, boundedFetch } from './wire.ts';

/** The SDK's own time-out, above every one of `boundedFetch`; the largest that a timer takes. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** How requests of one SDK client are sent. */
export interface SdkOptions extends Pick<ResolvedChatOptions, 'timeout' | 'concurrency'> {
  /** Further tries by the SDK itself; none where the caller has its own. */
  retries?: number;
  maxBytes?: number;
}

/** The SDK for an endpoint. */
export function createSdk(
  { baseUrl, query, headers, official }: Endpoint,
  { timeout, concurrency, retries = 0, maxBytes }: SdkOptions,
): OpenAI {
  return new OpenAI({
    apiKey: 'none', // it demands one; the headers are the endpoint's
    baseURL: baseUrl,
    defaultQuery: query,
    defaultHeaders: { Authorization: null, ...headers },
    ...(!official && { organization: null, project: null }), // those of the environment are OpenAI's
    maxRetries: retries,
    timeout: NO_TIMEOUT_MS,
    fetch: boundedFetch({
      timeoutSeconds: timeout,
      concurrency,
      ...(maxBytes !== undefined && { maxBytes }),
    }),
    logLevel: 'off',
  });
}

export interface SdkErrorFacts {
  /** HTTP status; undefined where no answer came. */
  status?: number;
  said: ServerError;
  headers: Headers;
  /** A connection was made. */
  connected: boolean;
  /** The request may have reached the server. */
  sent: boolean;
}

/** Codes of failures before a request is sent. */
const UNSENT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_INVALID_URL',
]);

/** What `boundedFetch` puts into the body of an error, beside the fields that the SDK reads itself. */
const bodySchema = z
  .object({
    message: z.string().optional(),
    afterSeconds: z.number().optional(),
    quotas: z.string().optional(),
  })
  .catch({});

/** What is known of an error that the SDK threw. */
export function readSdkError(error: unknown): SdkErrorFacts {
  if (error instanceof APIError && error.status !== undefined) {
    const { status, headers, code, type, param } = error as APIError<number, Headers>;
    const { message = error.message, afterSeconds, quotas } = bodySchema.parse(error.error);
    return {
      status,
      said: {
        message,
        afterSeconds: readRetryAfter(headers ?? new Headers(), new Date()) ?? afterSeconds,
        ...(code && { code }),
        ...(type && { type }),
        ...(param && { param }),
        ...(quotas && { quotas }),
      },
      headers: headers ?? new Headers(),
      connected: true,
      sent: true,
    };
  }
  const causes = causesOf(error);
  const known = causes.find(
    (cause) => cause instanceof AnswerTimeoutError || cause instanceof AnswerSizeError,
  );
  const codes = causes.map((cause) => (cause as NodeJS.ErrnoException).code ?? '');
  const unsent = codes.find((code) => UNSENT_CODES.has(code));
  const innermost = causes.at(-1);
  const words = innermost instanceof Error ? innermost.message || codes.at(-1) : String(innermost);
  return {
    said: { message: known?.message ?? `connection failed: ${unsent ? `${unsent} ` : ''}${words}` },
    headers: new Headers(),
    connected: unsent === undefined,
    sent: unsent === undefined,
  };
}

/** The error and its causes, outermost first. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let at = error; at instanceof Error && causes.length < 10; at = at.cause) {
    if (!(at instanceof APIConnectionError)) causes.push(at);
  }
  return causes.length > 0 ? causes : [error instanceof Error ? error : new Error(String(error))];
}
