/** Who may ask: pages of this server and programs of this machine, never a page of another site. */
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

/** A person's ratings as JSON stay far below. */
const MAX_BODY_BYTES = 256 * 1024;
const ANY_ADDRESS = new Set(['0.0.0.0', '::']);
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses with status 403 a request
 * - whose Host is no name of this server: a foreign name that was made to point here (DNS rebinding);
 * - that a page of another origin sends, as Origin or Sec-Fetch-Site says.
 *
 * `host` is the address that the server listens on. Where that is every address, any IP address is a name of this server.
 */
export function refuseForeign(host: string): MiddlewareHandler {
  return async (context, next) => {
    const [own, origin, site] = ['host', 'origin', 'sec-fetch-site'].map((name) => context.req.header(name));
    if (!isOwnHost(own ?? '', host)) {
      return context.json({ error: `Host '${own}' is not a name of this server` }, 403);
    }
    if (origin !== undefined && origin !== `http://${own}`) {
      return context.json({ error: `requests from ${origin} are refused` }, 403);
    }
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      return context.json({ error: 'requests that another site sends are refused; type the address' }, 403);
    }
    return await next();
  };
}

function isOwnHost(header: string, listening: string): boolean {
  let name: string;
  try {
    name = new URL(`http://${header}`).hostname;
  } catch {
    return false;
  }
  const address = name.replace(/^\[|\]$/g, '');
  if (LOOPBACK.has(name) || address === listening) return true;
  return ANY_ADDRESS.has(listening) && isIP(address) !== 0;
}

/** Headers of every answer: nothing is loaded from elsewhere, nothing inline runs, no page frames this one. */
export function safeHeaders(): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      scriptSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ['data:'],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    strictTransportSecurity: false, // plain HTTP on loopback
    xFrameOptions: 'DENY',
  });
}

/** Refuses other methods than reading and posting, and bodies that are too large. */
export function limitRequests(): MiddlewareHandler {
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (context) => context.json({ error: `a body over ${MAX_BODY_BYTES} bytes` }, 413),
  });
  return async (context, next) => {
    if (!['GET', 'HEAD', 'POST'].includes(context.req.method)) {
      return context.json({ error: `method ${context.req.method}, expected GET or POST` }, 405);
    }
    return await limit(context, next);
  };
}
