/** A server on loopback that speaks the OpenAI API as a test tells it to: real HTTP for the real SDK. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The connection ends in the middle of the answer. */
export const CUT = Symbol('cut');
/** No answer ever comes. */
export const SILENCE = Symbol('silence');

export interface ChatBody {
  model: string;
  messages: { role: string; content: string }[];
  response_format?: unknown;
}

/** What to answer to the n-th request (from 0): a text, a whole message, an error, a cut connection, or silence. */
export type Behaviour = (
  body: ChatBody,
  n: number,
) =>
  | string
  | { message: { content?: string | null; refusal?: string }; finishReason?: string }
  | { status: number; error: { message: string; code?: string }; headers?: Record<string, string> }
  | typeof CUT
  | typeof SILENCE;

export interface ChatServer {
  url: string;
  requests: { body: ChatBody; authorization: string | undefined }[];
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

export async function chatServer(first: Behaviour): Promise<ChatServer> {
  let behaviour = first;
  const requests: ChatServer['requests'] = [];
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text) as ChatBody;
    const n = requests.push({ body, authorization: request.headers.authorization }) - 1;
    const outcome = behaviour(body, n);
    if (outcome === SILENCE) return;
    if (outcome === CUT) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"choices": [{"message": {"con');
      setTimeout(() => request.socket.destroy(), 10);
      return;
    }
    if (typeof outcome === 'object' && 'status' in outcome) {
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
    behave: (next) => (behaviour = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
