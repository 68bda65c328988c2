/** Which server is asked, and with which key: flags, environment, Azure's URLs, hosts that need none. */
import { UsageError } from '../../../util/errors.ts';
import { addressOf, isSecretParameter, variantsOf, withoutSecrets } from '../../../util/network/urls.ts';
import type { ChatOptions } from '../options.ts';

export interface Endpoint {
  /** Without query and user name: what may be shown and kept. */
  baseUrl: string;
  /** Parameters of every request's URL, such as Azure's api-version. */
  query: Record<string, string>;
  /** What a request proves itself with: the key, or the user name and password of the URL; empty where neither is sent. */
  headers: Record<string, string>;
  azure: boolean;
  /** OpenAI's own server. */
  official: boolean;
  /** Every secret in key and URL: they are removed from all that is shown or kept. */
  secrets: string[];
}

const OFFICIAL_BASE_URL = 'https://api.openai.com/v1';

/** A key is needed, and there is none. */
export class MissingKeyError extends UsageError {
  override name = 'MissingKeyError';
}

/**
 * The server of `--base-url`, else of OPENAI_BASE_URL, else OpenAI's; the key of OPENAI_API_KEY (on Azure of
 * AZURE_OPENAI_API_KEY first). A user name and password in the URL are sent in place of the key: one header holds either
 * (on Azure, whose key has a header of its own, beside it). Throws UsageError for a URL that is none and a key that cannot
 * be sent; MissingKeyError unless the URL has a user name, the host is this machine or on the local network, or `--no-key`
 * is given.
 */
export function resolveEndpoint(
  { baseUrl, key }: Pick<ChatOptions, 'baseUrl' | 'key'>,
  environment: NodeJS.ProcessEnv = process.env,
): Endpoint {
  const place = baseUrl === undefined ? 'OPENAI_BASE_URL' : '--base-url';
  const url = parseUrl(baseUrl ?? (environment['OPENAI_BASE_URL']?.trim() || OFFICIAL_BASE_URL), place);
  const azure = /\.azure\.com$/iu.test(url.hostname) || url.pathname.includes('/openai/deployments/');
  const queries = [...url.searchParams].filter(isSecretParameter).map(([, value]) => value);
  const { authorization: basic } = addressOf(url.href).headers;
  const found = key ? readKey(environment, azure) : undefined;
  if (key && !found && basic === undefined && !isLocal(url.hostname)) throw missingKeyError(url);
  const path = url.pathname.replace(/(?:\/chat\/completions)?\/*$/u, '');
  return {
    baseUrl: `${url.origin}${path}`,
    query: Object.fromEntries(url.searchParams),
    azure,
    official: url.hostname === new URL(OFFICIAL_BASE_URL).hostname,
    headers: {
      ...(azure && found && { 'api-key': found }),
      ...(!azure && found && { Authorization: `Bearer ${found}` }),
      ...(basic !== undefined && { Authorization: basic }),
    },
    // A user name alone is a key; beside a password it is a name, and may stand in any text.
    secrets: variantsOf([
      url.password || url.username,
      (basic ?? '').replace('Basic ', ''),
      ...queries,
      found ?? '',
    ]),
  };
}

/** The key of the environment; undefined where there is none. */
function readKey(environment: NodeJS.ProcessEnv, azure: boolean): string | undefined {
  const names = [...(azure ? ['AZURE_OPENAI_API_KEY'] : []), 'OPENAI_API_KEY'];
  const name = names.find((own) => (environment[own] ?? '').trim() !== '');
  const key = name === undefined ? undefined : environment[name]?.trim();
  if (name === undefined || key === undefined || /^[\x20-\x7e]+$/u.test(key)) return key;
  throw new UsageError({
    place: name,
    found: 'a character that no header can hold, such as a line break or an ellipsis',
    wanted: 'a key of printable ASCII characters',
    remedy: 'Copy the whole key again, not one that was shortened to be shown.',
  });
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

function missingKeyError({ hostname }: URL): MissingKeyError {
  return new MissingKeyError({
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
