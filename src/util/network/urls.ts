/** Addresses that people type, which may hold keys: what is sent, and what may be shown. */

export interface Address {
  /** Without user name and password, which `fetch` refuses. */
  url: string;
  /** The user name and password as basic authentication (RFC 7617), where the address has them. */
  headers: Record<string, string>;
  /** What may be shown and kept: without user name, password and query. */
  shown: string;
  /** Everything in the address that may be a key. */
  secrets: string[];
}

/** Shorter texts stand in too many others by chance. */
const MIN_SECRET_LENGTH = 4;

/** Takes an address apart; text that is no URL may be shown the same way. */
export function addressOf(text: string): Address {
  const headers: Record<string, string> = {};
  const shown = text.replace(/\?.*$/su, '?...').replace(/\/\/[^/?#]*@/u, '//...@');
  if (!URL.canParse(text)) return { url: text, headers, shown, secrets: [] };
  const url = new URL(text);
  const [user, password] = [url.username, url.password].map(decode) as [string, string];
  const queries = [...url.searchParams].filter(isSecretParameter).map(([, value]) => value);
  const secrets = [user, password, ...queries];
  if (user !== '' || password !== '') {
    const basic = Buffer.from(`${user}:${password}`).toString('base64');
    headers['authorization'] = `Basic ${basic}`;
    secrets.push(basic);
  }
  url.username = '';
  url.password = '';
  return { url: url.href, headers, shown, secrets: variantsOf(secrets) };
}

/** All but version and deployment names: a parameter of a URL may be a key under any name. */
export function isSecretParameter([name, value]: [string, string]): boolean {
  return !/version|deployment|region|project/iu.test(name) && value.length >= 6;
}

/** Secrets as they may be echoed: as they are and as in a URL, longest first. */
export function variantsOf(secrets: readonly string[]): string[] {
  const long = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH);
  const all = long.flatMap((secret) => [secret, encodeURIComponent(secret), decode(secret)]);
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

/** The text with `[key]` in place of each of `secrets`. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '[key]'), text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
