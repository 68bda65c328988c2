/** A server on loopback that speaks the OpenAI API as a test tells it to: real HTTP for the real SDK. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The connection ends in the middle of the answer. */
export const CUT = Symbol('cut');
/** No answer ever comes. */
export const SILENCE = Symbol('silence');

/** A question as small as one can be, for the client. */
export const chatRequest = {
  messages: [
    { role: 'system' as const, content: 'You recommend movies.' },
    { role: 'user' as const, content: 'User 1 has watched nothing.' },
  ],
  maxOutputTokens: 100,
  seed: 1,
  numbered: false,
};

export interface ChatBody {
  model: string;
  messages: { role: string; content: string }[];
  response_format?: { type: string };
  [parameter: string]: unknown;
}

/** A body as it stands, with its headers; `trickle`: byte by byte, for ever. */
export interface RawAnswer {
  raw: string | Buffer;
  status?: number;
  headers?: Record<string, string>;
  trickle?: boolean;
}

/** What to answer to the n-th request (from 0): a text, a whole message, an error, a cut connection, or silence. */
export type Behaviour = (
  body: ChatBody,
  n: number,
) =>
  | string
  | { message: { content?: string | null; refusal?: string }; finishReason?: string }
  | { status: number; error: { message: string; code?: string }; headers?: Record<string, string> }
  | RawAnswer
  | typeof CUT
  | typeof SILENCE
  | Promise<string>;

export interface ChatServer {
  url: string;
  requests: {
    body: ChatBody;
    authorization: string | undefined;
    url: string;
    headers: IncomingHttpHeaders;
  }[];
  /** Requests for anything but a completion: `GET /v1/models/gpt-4o`. */
  others: string[];
  behave(behaviour: Behaviour): void;
  /** What is answered to other requests, by the begin of their path; 404 for the rest. */
  serve(
    path: string,
    answer: (body: string, method: string, url: string) => RawAnswer | Promise<RawAnswer>,
  ): void;
  close(): Promise<void>;
}

export async function chatServer(first: Behaviour): Promise<ChatServer> {
  let behaviour = first;
  const requests: ChatServer['requests'] = [];
  const others: string[] = [];
  const served = new Map<string, Parameters<ChatServer['serve']>[1]>();
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const url = request.url ?? '';
    const path = url.split('?')[0]!;
    if (!path.endsWith('/chat/completions')) {
      others.push(`${request.method} ${url}`);
      const handler = [...served].find(([begin]) => path.startsWith(begin))?.[1];
      const other = (await handler?.(text, request.method ?? '', url)) ?? {
        raw: '{"error": {"message": "not found"}}',
        status: 404,
      };
      response.writeHead(other.status ?? 200, { 'content-type': 'application/json', ...other.headers });
      response.end(other.raw);
      return;
    }
    const body = JSON.parse(text) as ChatBody;
    const { headers } = request;
    const n = requests.push({ body, authorization: headers.authorization, url, headers }) - 1;
    const outcome = await behaviour(body, n);
    if (outcome === SILENCE) return;
    if (outcome === CUT) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"choices": [{"message": {"con');
      setTimeout(() => request.socket.destroy(), 10);
      return;
    }
    if (typeof outcome === 'object' && 'raw' in outcome) {
      response.writeHead(outcome.status ?? 200, { 'content-type': 'application/json', ...outcome.headers });
      if (outcome.trickle !== true) return void response.end(outcome.raw);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
      return;
    }
    if (typeof outcome === 'object' && 'error' in outcome) {
      response.writeHead(outcome.status, { 'content-type': 'application/json', ...outcome.headers });
      response.end(JSON.stringify({ error: outcome.error }));
      return;
    }
    const { message, finishReason = 'stop' } =
      typeof outcome === 'string' ? { message: { content: outcome } } : outcome;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        id: `chatcmpl-${n}`,
        object: 'chat.completion',
        created: 0,
        model: `${body.model}-2024-08-06`,
        choices: [
          {
            index: 0,
            finish_reason: finishReason,
            message: { role: 'assistant', content: null, ...message },
          },
        ],
        usage: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
      }),
    );
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    others,
    serve: (path, answer) => void served.set(path, answer),
    behave: (next) => (behaviour = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
