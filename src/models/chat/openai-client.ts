/** One request to a server that speaks the OpenAI API, through the official SDK: retries, formats, errors. */
import type OpenAI from 'openai';
import { z } from 'zod';
import { RecsysError, UsageError } from '../../util/errors.ts';
import type { Ask, AskOutcome } from './ask.ts';
import type { Answer, AnswerCache } from './cache.ts';
import type { ChatOptions } from './options.ts';

const entrySchema = z.object({ title: z.string(), reason: z.string() });
const replySchema = z.object({ recommendations: z.array(entrySchema) });
const numberedReplySchema = z.object({ recommendations: z.array(entrySchema.extend({ number: z.int() })) });

/**
 * An `Ask` for a server that speaks the OpenAI API. Answers come from `cache` where it has them. Throws UsageError without a key, and
 * RecsysError at once for what no retry mends: key refused, no permission, unknown model, quota used up.
 */
export async function chatClient(options: ChatOptions, cache: AnswerCache): Promise<Ask> {
  const { default: Sdk } = await import('openai');
  const { zodResponseFormat } = await import('openai/helpers/zod');
  const key = apiKey(options.baseUrl);
  const client = new Sdk({
    apiKey: key,
    baseURL: options.baseUrl ?? 'https://api.openai.com/v1',
    maxRetries: options.retries,
    timeout: 1000 * options.timeout,
    fetch: fetchWithoutQuotaRetries,
    logLevel: 'off',
  });
  const formats = {
    plain: zodResponseFormat(replySchema, 'recommendations'),
    numbered: zodResponseFormat(numberedReplySchema, 'recommendations'),
  };

  return async ({ messages, maxOutputTokens, seed, numbered }, signal) => {
    const body = {
      model: options.model,
      messages,
      temperature: options.temperature,
      max_tokens: maxOutputTokens,
      seed,
    };
    const structured = { ...body, response_format: numbered ? formats.numbered : formats.plain };
    const first = await askOnce(structured);
    if (!('answer' in first) || first.answer.unsupportedFormat !== true) return first;
    return askOnce(body);

    async function askOnce(request: OpenAI.ChatCompletionCreateParamsNonStreaming): Promise<AskOutcome> {
      const shaped = { server: client.baseURL, ...request };
      const cached = await cache.get(shaped);
      if (cached) return { answer: cached, fromCache: true };
      const outcome = await send(client, request, signal, (error) =>
        error instanceof Sdk.APIConnectionTimeoutError
          ? `no answer within ${options.timeout} s`
          : describeError(error, options, key),
      );
      if ('answer' in outcome) await cache.put(shaped, outcome.answer);
      return outcome;
    }
  };
}

async function send(
  client: OpenAI,
  request: OpenAI.ChatCompletionCreateParamsNonStreaming,
  signal: AbortSignal,
  describeFailure: (error: unknown) => string,
): Promise<AskOutcome> {
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  try {
    const { choices, model, usage } = await client.chat.completions.create(request, {
      signal: AbortSignal.any([signal]), // its own: the SDK leaves its listeners behind
    });
    const choice = choices?.[0];
    const answer: Answer = {
      text: choice?.message?.content ?? '',
      refusal: choice?.message?.refusal ?? null,
      finishReason: choice?.finish_reason ?? 'none',
      model: model ?? request.model,
      usage: { input: usage?.prompt_tokens ?? 0, output: usage?.completion_tokens ?? 0 },
      latencySeconds: elapsed(),
    };
    return { answer, fromCache: false };
  } catch (error) {
    if (signal.aborted) throw error;
    if (isFormatRefusal(error, request))
      return { answer: unsupportedFormatAnswer(request.model, elapsed()), fromCache: false };
    return { failure: describeFailure(error) };
  }
}

/** Many servers answer 400 or 422 to a response format that they do not know, naming it. */
function isFormatRefusal(error: unknown, request: OpenAI.ChatCompletionCreateParamsNonStreaming): boolean {
  const { status, message } = error as { status?: number; message?: string };
  const refused = status === 400 || status === 422;
  return (
    refused &&
    request.response_format !== undefined &&
    /response_format|json_schema|schema/iu.test(message ?? '')
  );
}

function unsupportedFormatAnswer(model: string, latencySeconds: number): Answer {
  const usage = { input: 0, output: 0 };
  return {
    text: '',
    refusal: null,
    finishReason: 'none',
    model,
    usage,
    latencySeconds,
    unsupportedFormat: true,
  };
}

/** A failure in one line, without the key. Throws for failures that every further question would meet as well. */
function describeError(error: unknown, { model, baseUrl }: ChatOptions, key: string): string {
  const { status, code, message } = error as { status?: number; code?: string; message?: string };
  const serverMessage = redact(message ?? String(error), key);
  const place = baseUrl ?? 'OpenAI';
  const fatal = (found: string, remedy: string) => new RecsysError({ place, found, remedy });
  if (status === 401) throw fatal('the API key was refused (401)', 'Set OPENAI_API_KEY to a valid key.');
  if (status === 403)
    throw fatal(`no permission (403): ${serverMessage}`, 'Use a key of a project that may use this model.');
  if (status === 404) throw fatal(`no model '${model}' there (404)`, 'Check --model and --base-url.');
  if (code === 'insufficient_quota') {
    throw fatal(
      'the quota of this key is used up',
      'Add credit or use another key; the answers so far are kept.',
    );
  }
  if (status === undefined) return `connection failed: ${serverMessage}`;
  return `status ${status}: ${serverMessage}`;
}

/** The text without the key and anything of a key's form. */
export function redact(text: string, key: string): string {
  const plain = key === '' ? text : text.replaceAll(key, '[key]');
  return plain.replaceAll(/\bsk-[\w*-]+/gu, '[key]');
}

function apiKey(baseUrl: string | undefined): string {
  const key = process.env['OPENAI_API_KEY'];
  if (key) return key;
  if (baseUrl !== undefined && isLoopback(new URL(baseUrl).hostname)) return 'none-needed';
  throw new UsageError({
    place: 'OPENAI_API_KEY',
    found: 'not set',
    wanted: 'an API key in the environment',
    remedy: 'Local servers need none: see --base-url. --dry-run and --replay ask nobody.',
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

/** The SDK retries every 429; one that says the quota is used up will not get better by waiting. */
async function fetchWithoutQuotaRetries(
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  const response = await fetch(input, init);
  if (response.status !== 429) return response;
  const text = await response.text();
  const headers = new Headers(response.headers);
  if (text.includes('insufficient_quota')) headers.set('x-should-retry', 'false');
  return new Response(text, { status: 429, headers });
}
