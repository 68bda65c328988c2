/** Servers on loopback for the commands that ask one. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inventedArchive } from './invented-archive.ts';

/** Addresses. */
export interface Servers {
  /** Of a chat server in OpenAI's form. */
  chat: string;
  /** Of the archive of the invented release. */
  archive: string;
}

/** `delay` in milliseconds: of an answer of the chat server, and between two of about 20 pieces of the archive. */
export async function startServers(delay: number): Promise<Servers & { close: () => void }> {
  const [chat, archive] = await Promise.all([listen(chatListener(delay)), listen(archiveListener(delay))]);
  return {
    chat: `${chat.url}/v1`,
    archive: `${archive.url}/invented.zip`,
    close: () => {
      chat.close();
      archive.close();
    },
  };
}

async function listen(listener: RequestListener): Promise<{ url: string; close: () => void }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Recommends the same movies to everybody. */
function chatListener(delay: number): RequestListener {
  const films = Array.from({ length: 10 }, (_, n) => `${n + 1}. The Film ${n + 31} (${2010 + n})`);
  const message = { role: 'assistant', content: films.join('\n') };
  const usage = { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  return (request, response) => {
    request.resume().on('end', () =>
      setTimeout(() => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ id: 'x', model: 'local', choices, usage }));
      }, delay),
    );
  };
}

/** The archive in pieces, from where "Range: bytes=N-" asks. */
function archiveListener(delay: number): RequestListener {
  const archive = inventedArchive();
  const piece = Math.ceil(archive.length / 20);
  return (request, response) => {
    let at = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(at > 0 ? 206 : 200, {
      'content-length': archive.length - at,
      ...(at > 0 && { 'content-range': `bytes ${at}-${archive.length - 1}/${archive.length}` }),
    });
    const timer = setInterval(() => {
      if (response.destroyed || at >= archive.length) {
        clearInterval(timer);
        response.end();
        return;
      }
      response.write(archive.subarray(at, at + piece));
      at += piece;
    }, delay);
  };
}
