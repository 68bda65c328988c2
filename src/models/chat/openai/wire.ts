/**
 * One HTTP exchange, bounded: the whole answer within the time-out and under a size, errors with the server's own words,
 * proxies from the environment. The SDK is given this in place of `fetch`.
 */
import { getProxyForUrl } from 'proxy-from-env';
import { Agent, fetch as undiciFetch, ProxyAgent, type Dispatcher } from 'undici';
import { isLoopback } from './endpoint.ts';
import { readServerError } from './failures.ts';

/** Largest answer that is read, after decompression. A list of 100 movies with reasons has about 30 kB. */
const MAX_ANSWER_BYTES = 8 * 2 ** 20;
/** Of a file with many answers. */
export const MAX_FILE_BYTES = 256 * 2 ** 20;

/** No whole answer came in time. */
export class AnswerTimeoutError extends Error {}

/** The answer is larger than is read. */
export class AnswerSizeError extends Error {
  constructor(maxBytes: number) {
    super(`an answer of more than ${maxBytes / 2 ** 20} MiB was not read`);
  }
}

export interface WireOptions {
  /** Longest time from sending to the last byte. */
  timeoutSeconds: number;
  /** Requests under way at once: a server may work on them one after another. */
  concurrency: number;
  maxBytes?: number;
}

type UndiciInit = NonNullable<Parameters<typeof undiciFetch>[1]>;

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * A `fetch` that resolves once the whole body is there. Rejects with AnswerTimeoutError, AnswerSizeError, or what the
 * connection failed with. While a request waits for its first byte, an answer to another one shows that the server works
 * through its queue: the time-out then counts from that answer, at most `concurrency` times.
 */
export function boundedFetch({
  timeoutSeconds,
  concurrency,
  maxBytes = MAX_ANSWER_BYTES,
}: WireOptions): Fetch {
  const timeoutMs = 1000 * timeoutSeconds;
  let lastAnswer = -Infinity;
  return async (input, init = {}) => {
    const started = performance.now();
    const url = input instanceof Request ? input.url : String(input);
    const expired = new AbortController();
    let since = started;
    let isWaiting = true;
    let timer: NodeJS.Timeout;
    const check = () => {
      const now = performance.now();
      if (isWaiting) since = Math.max(started, lastAnswer);
      const left = Math.min(since + timeoutMs, started + concurrency * timeoutMs) - now;
      if (left > 0) timer = setTimeout(check, left);
      else expired.abort(new AnswerTimeoutError(`no answer within ${timeoutSeconds} s`));
    };
    timer = setTimeout(check, timeoutMs);
    try {
      const signal = init.signal ? AbortSignal.any([init.signal, expired.signal]) : expired.signal;
      const response = await undiciFetch(url, {
        // The same shapes as undici's own types, which differ from Node's in name.
        ...(init as Pick<UndiciInit, 'method' | 'body'> & { headers?: Record<string, string> }),
        headers: [...new Headers(init.headers)],
        signal,
        dispatcher: dispatcherFor(url),
      });
      since = Math.max(started, lastAnswer);
      isWaiting = false;
      const text = await readText(response.body, maxBytes, signal);
      const headers = new Headers([...response.headers]);
      headers.delete('content-encoding');
      headers.delete('content-length');
      if (!response.ok) return errorResponse(response.status, text, headers);
      lastAnswer = performance.now();
      return new Response(text, { headers }); // 200: a Response of 204 may have no body
    } catch (error) {
      if (expired.signal.aborted) throw expired.signal.reason;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}

async function readText(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    signal.throwIfAborted();
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new AnswerSizeError(maxBytes);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** In the form that the SDK reads errors from, whatever form the server gave it. */
function errorResponse(status: number, text: string, headers: Headers): Response {
  const { message, code, type, param } = readServerError(text);
  headers.set('content-type', 'application/json');
  const body = JSON.stringify({ error: { message, code, type, param } });
  // A redirection that leads nowhere is an error too, and a Response of 304 may have no body.
  return new Response(body, { status: Math.max(status, 400), headers });
}

// The time-out of a request is `boundedFetch`'s own.
const limits = { headersTimeout: 0, bodyTimeout: 0 };
let direct: Agent | undefined;
const proxies = new Map<string, ProxyAgent>();

/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured; this machine is never asked through a proxy. */
function dispatcherFor(url: string): Dispatcher {
  const proxy = isLoopback(new URL(url).hostname) ? '' : getProxyForUrl(url);
  if (proxy === '') return (direct ??= new Agent(limits));
  const known = proxies.get(proxy) ?? new ProxyAgent({ uri: proxy, ...limits });
  proxies.set(proxy, known);
  return known;
}
