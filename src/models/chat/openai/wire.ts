/**
 * One HTTP exchange, bounded: the whole answer within the time-out and under a size, errors with the server's own words,
 * proxies from the environment. The SDK is given this in place of `fetch`.
 */
import { getProxyForUrl } from 'proxy-from-env';
import { Agent, fetch as undiciFetch, ProxyAgent, type Dispatcher } from 'undici';
import { isLoopback } from './endpoint.ts';
import { addressOf } from '../../../util/network/urls.ts';
import { readServerError, REDIRECTED, type ServerError } from './failures.ts';

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
      // The same shapes as undici's own types, which differ from Node's in name.
      const { method, body } = init as Pick<UndiciInit, 'method' | 'body'>;
      const response = await fetchHere(
        url,
        { method: method ?? 'GET', body: body ?? null, signal },
        new Headers(init.headers),
      );
      since = Math.max(started, lastAnswer);
      isWaiting = false;
      const headers = new Headers([...response.headers]);
      const bytes = await readBytes(response.body, maxBytes, signal);
      const text = decode(bytes, headers.get('content-type') ?? '');
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

const MAX_REDIRECTS = 5;

/**
 * Follows redirections that stay on the server and keep method and body (307 and 308), or of a GET, which takes no key to
 * another server. Any other one is returned as it is: no other server gets the key and what the request holds.
 */
async function fetchHere(
  url: string,
  init: Pick<UndiciInit, 'method' | 'body' | 'signal'>,
  headers: Headers,
): ReturnType<typeof undiciFetch> {
  let at = new URL(url);
  const isGet = (init.method ?? 'GET').toUpperCase() === 'GET';
  for (let hops = 0; ; hops++) {
    const dispatcher = dispatcherFor(at.href);
    const response = await undiciFetch(at, {
      ...init,
      headers: [...headers],
      redirect: 'manual',
      dispatcher,
    });
    const location = response.headers.get('location') ?? '';
    const isRedirect = response.status >= 300 && response.status < 400 && URL.canParse(location, at.href);
    if (!isRedirect || hops === MAX_REDIRECTS) return response;
    const next = new URL(location, at.href);
    const stays = isSameServer(at, next);
    if (!isGet && !(stays && (response.status === 307 || response.status === 308))) return response;
    if (!stays) for (const name of ['authorization', 'api-key']) headers.delete(name);
    await response.body?.cancel();
    at = next;
  }
}

/** The same origin, or the same host by https in place of http. */
function isSameServer(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  return from.protocol === 'http:' && to.protocol === 'https:' && from.host === to.host && to.port === '';
}

async function readBytes(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    signal.throwIfAborted();
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new AnswerSizeError(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** UTF-8 as JSON is, whatever the header says; what is none is read in the header's character set. */
function decode(bytes: Uint8Array, contentType: string): string {
  const charset = /charset="?([\w-]+)/iu.exec(contentType)?.[1];
  if (charset === undefined) return new TextDecoder().decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder(isCharset(charset) ? charset : 'utf-8').decode(bytes);
  }
}

function isCharset(name: string): boolean {
  try {
    return new TextDecoder(name).encoding !== '';
  } catch {
    return false;
  }
}

/** In the form that the SDK reads errors from, whatever form the server gave it. */
function errorResponse(status: number, text: string, headers: Headers): Response {
  const said = readServerError(text);
  headers.set('content-type', 'application/json');
  const json = (error: ServerError) => JSON.stringify({ error });
  if (status >= 400 && status < 600) return new Response(json(said), { status, headers });
  // A Response of 304 may have no body, and one of 999 cannot be made.
  const location = headers.get('location');
  const target = location === null ? '' : ` and points to ${addressOf(location).shown}`;
  const message = status < 400 ? `status ${status}${target}` : `status ${status}: ${said.message}`;
  const code = status < 400 ? { code: REDIRECTED } : {};
  return new Response(json({ ...said, message, ...code }), { status: 400, headers });
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
