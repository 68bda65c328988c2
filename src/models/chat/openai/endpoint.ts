/** Which server is asked, and with which key: flags, environment, Azure's URLs, hosts that need none. */
import { UsageError } from '../../../util/errors.ts';
import { addressOf, isSecretParameter, variantsOf, withoutSecrets } from '../../../util/network/urls.ts';
import type { ChatOptions } from '../options.ts';

export interface Endpoint {
  /** Without query and user name: what may be shown and kept. */
  baseUrl: string;
  /** Parameters of every request's URL, such as Azure's api-version. */
  query: Record<string, string>;
  /** Undefined where none is sent. */
  key?: string;
  /** Azure takes the key in a header of its own. */
  azure: boolean;
  /** OpenAI's own server. */
  official: boolean;
  /** Every secret in key and URL: they are removed from all that is shown or kept. */
  secrets: string[];
}

const OFFICIAL_BASE_URL = 'https://api.openai.com/v1';

/**
 * The server of `--base-url`, else of OPENAI_BASE_URL, else OpenAI's; the key of OPENAI_API_KEY (on Azure of
 * AZURE_OPENAI_API_KEY first). Throws UsageError for a URL that is none, and for a missing key unless the host is this
 * machine or on the local network, or `--no-key` is given.
 */
export function resolveEndpoint(
  { baseUrl, key }: Pick<ChatOptions, 'baseUrl' | 'key'>,
  environment: NodeJS.ProcessEnv = process.env,
): Endpoint {
  const place = baseUrl === undefined ? 'OPENAI_BASE_URL' : '--base-url';
  const url = parseUrl(baseUrl ?? (environment['OPENAI_BASE_URL']?.trim() || OFFICIAL_BASE_URL), place);
  const azure = /\.azure\.com$/iu.test(url.hostname) || url.pathname.includes('/openai/deployments/');
  const queries = [...url.searchParams].filter(isSecretParameter).map(([, value]) => value);
  const secrets = [...userSecrets(url), ...queries];
  const ownKey = (azure && environment['AZURE_OPENAI_API_KEY']) || environment['OPENAI_API_KEY'];
  const found = key ? ownKey?.trim() : undefined;
  if (key && !found && !isLocal(url.hostname)) throw missingKeyError(url);
  const path = url.pathname.replace(/(?:\/chat\/completions)?\/*$/u, '');
  return {
    baseUrl: `${url.origin}${path}`,
    query: Object.fromEntries(url.searchParams),
    azure,
    official: url.hostname === new URL(OFFICIAL_BASE_URL).hostname,
    secrets: variantsOf([...secrets, found ?? '']),
    ...(found && { key: found }),
  };
}

/** What `http://user:password@host` holds, also as basic authentication; a user name counts where there is no password. */
function userSecrets({ username, password, href }: URL): string[] {
  if (password === '') return [username];
  return [password, (addressOf(href).headers['authorization'] ?? '').replace('Basic ', '')];
}

function parseUrl(text: string, place: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new UsageError({
    place,
    found: `'${addressOf(text).shown}'`,
    wanted: 'a URL that begins with http:// or https://, such as http://localhost:11434/v1',
  });
}

function missingKeyError({ hostname }: URL): UsageError {
  return new UsageError({
    place: 'OPENAI_API_KEY',
    found: 'not set',
    wanted: `an API key in the environment for ${hostname}`,
    remedy: 'A server that takes none is asked with --no-key. --dry-run and --replay send no chat request.',
  });
}

/** This machine, private and link-local addresses (RFC 1918, 3927, 4193, 4291), and names that only a local network knows. */
export function isLocal(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/gu, '').toLowerCase();
  if (isLoopback(hostname)) return true;
  if (host.includes(':')) return /^(?:f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/u.test(host);
  const octets = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/u.exec(host);
  if (octets) {
    const [first, second] = [Number(octets[1]), Number(octets[2])];
    return (
      first === 10 ||
      first === 0 ||
      (first === 172 && second >= 16 && second <= 31) ||
      (first === 192 && second === 168) ||
      (first === 169 && second === 254)
    );
  }
  return !host.includes('.') || /\.(?:local|internal|lan|home|localhost|home\.arpa)$/u.test(host);
}

/** This machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/u.test(hostname);
}

/** The text without the secrets and anything of a key's form. */
export function redact(text: string, secrets: readonly string[]): string {
  return withoutSecrets(text, secrets).replaceAll(/\bsk-[\w*-]{8,}/gu, '[key]');
}
