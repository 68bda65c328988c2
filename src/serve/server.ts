/** The server: pages and API behind one guard, on one port, until it is stopped. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { html, type Html } from '../report/html.ts';
import { RecsysError, UsageError } from '../util/errors.ts';
import { systemError } from '../util/process/system-errors.ts';
import { api, readQuery, type Served } from './api.ts';
import { limitRequests, refuseForeign, safeHeaders } from './guard.ts';
import { experimentsPage } from './pages/experiments.ts';
import { renderLayout, type PagePath } from './pages/layout.ts';
import { serveScript } from './pages/script.ts';
import { serveStyles } from './pages/style.ts';
import { usersPage, usersSchema } from './pages/users.ts';
import { addressAfter, youPage, youSchema } from './pages/you.ts';
import { runQuerySchema } from './runs.ts';

export interface Listening {
  /** "http://127.0.0.1:8377". */
  url: string;
  /** Ends open connections too. */
  close(): Promise<void>;
}

/** All routes. `host` is the address that the server will listen on. */
export function application(served: Served, host: string): Hono {
  const app = new Hono();
  app.use(safeHeaders(), refuseForeign(host), limitRequests());
  app.use(async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
  });
  app.get('/style.css', (c) => c.body(serveStyles(), 200, { 'content-type': 'text/css; charset=utf-8' }));
  app.get('/script.js', (c) =>
    c.body(serveScript, 200, { 'content-type': 'text/javascript; charset=utf-8' }),
  );
  addPages(app, served);
  app.route('/', api(served));
  app.notFound((c) => answerError(c, new UsageError({ place: c.req.path, found: 'no such page' }), 404));
  app.onError((error, c) => {
    const known = error instanceof RecsysError ? error : systemError(error);
    if (known !== undefined) return answerError(c, known, 400);
    process.stderr.write(`error: unexpected: ${error.message}\n`);
    return answerError(c, new RecsysError('unexpected; the terminal says more'), 500);
  });
  return app;
}

function addPages(app: Hono, { contents, asker, records }: Served): void {
  const queryOf = (c: Context) =>
    Object.fromEntries(
      Object.entries(c.req.queries())
        .map(([name, values]): [string, string[]] => [name, values.filter((value) => value !== '')])
        .filter(([, values]) => values.length > 0),
    );
  const answer = (c: Context, title: string, path: PagePath, main: Html) =>
    c.html(renderLayout(title, path, main));
  app.get('/', async (c) => {
    if (!contents || !asker) return answer(c, 'Users', '/', withoutModels);
    const query = readQuery(usersSchema, queryOf(c));
    const { records: read } = await records.read();
    return answer(c, 'Users', '/', await usersPage(contents, asker, read, query));
  });
  app.get('/you', async (c) => {
    if (!contents || !asker) return answer(c, 'You', '/you', withoutModels);
    const query = readQuery(youSchema, queryOf(c));
    const address = addressAfter(query);
    if (address !== undefined) return c.redirect(address, 303);
    return answer(c, 'You', '/you', await youPage(contents, asker, query));
  });
  app.get('/experiments', async (c) => {
    const query = readQuery(runQuerySchema, queryOf(c));
    const { records: read, unreadable } = await records.read();
    return answer(c, 'Runs', '/experiments', experimentsPage(read, unreadable, query));
  });
}

const withoutModels = html`<h1>No saved model</h1>
  <p>Save some and start the server again:</p>
  <p><code>recsys baseline --save-models models</code></p>
  <p><a href="/experiments">The runs</a> need no model.</p>`;

/** A page for a browser, JSON for programs. */
function answerError(c: Context, error: RecsysError, status: 400 | 404 | 500) {
  if (!(c.req.header('accept') ?? '').includes('text/html')) return c.json({ error: error.message }, status);
  const main = html`<h1>That does not work</h1>
    <p>${error.message}</p>
    <p><a href="/">Back to the users</a></p>`;
  return c.html(renderLayout('Error', undefined, main), status);
}

/**
 * Listens on `host` and `port` (0: any that is free). Throws RecsysError where the port is taken or the address is none of this
 * machine.
 */
export async function listen(app: Hono, host: string, port: number): Promise<Listening> {
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)));
    server.listen(port, host, resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${own}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): RecsysError {
  const found: Record<string, string> = {
    EADDRINUSE: 'another program listens there',
    EADDRNOTAVAIL: 'no address of this machine',
    ENOTFOUND: 'no such host',
    EACCES: 'no permission to listen there',
  };
  return new RecsysError({
    place: `${host}:${port}`,
    found: found[cause.code ?? ''] ?? cause.message,
    remedy: 'Give another --port, or --port 0 for any that is free.',
    cause,
  });
}
