/** From what a language model wrote to the titles and reasons in it. Every outcome is a state, never an exception. */
import type { Entry } from './grounding.ts';

export type ParsedReply =
  | { state: 'answered'; entries: Entry[] }
  /** Cut off by the length limit: the entries that were complete. */
  | { state: 'truncated'; entries: Entry[] }
  | { state: 'refused' }
  | { state: 'empty' }
  /** Text without a single recommendation in it. */
  | { state: 'malformed' };

/** States without recommendations are scored 0 and counted. */
export type ReplyState = ParsedReply['state'];

/**
 * Reads JSON (alone, in a code fence, within prose, or cut off), else a list in prose, numbered or with dashes.
 * `truncated` says that the server stopped at its length limit.
 */
export function parseReply(text: string, truncated = false): ParsedReply {
  if (text.trim() === '') return { state: 'empty' };
  const entries = fromJson(text) ?? fromLines(text, truncated);
  if (entries.length > 0) return { state: truncated ? 'truncated' : 'answered', entries };
  if (truncated) return { state: 'truncated', entries: [] };
  return { state: looksLikeRefusal(text) ? 'refused' : 'malformed' };
}

/** The entries of the first JSON value with titles in it; of one that is cut off, those that are complete. */
function fromJson(text: string): Entry[] | undefined {
  const start = text.search(/[[{]/u);
  if (start < 0) return undefined;
  const value = parsePrefix(text.slice(start));
  const list = listIn(value);
  const entries = list?.flatMap((element) => entryOf(element) ?? []);
  if (entries && entries.length > 0) return entries;
  const salvaged = [...text.matchAll(/\{[^{}]*\}/gu)].flatMap(([piece]) => entryOf(parsePrefix(piece)) ?? []);
  return salvaged.length > 0 ? salvaged : undefined;
}

/** The longest JSON value that the text begins with: trailing prose and code fences are dropped. */
function parsePrefix(text: string): unknown {
  for (let end = text.length; end > 0; end = text.slice(0, end - 1).search(/[\]}][^\]}]*$/u) + 1) {
    try {
      return JSON.parse(text.slice(0, end)) as unknown;
    } catch {
      // shorten to the bracket before
    }
  }
  return undefined;
}

function listIn(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.values(value).find((inner): inner is unknown[] => Array.isArray(inner));
}

function entryOf(value: unknown): Entry | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : { title: value.trim(), reason: '' };
  if (typeof value === 'number' && Number.isInteger(value))
    return { title: '', reason: '', candidate: value };
  if (typeof value !== 'object' || value === null) return undefined;
  const field = (...names: string[]) => {
    for (const [key, inner] of Object.entries(value))
      if (names.includes(key.toLowerCase())) return inner as unknown;
    return undefined;
  };
  const title = field('title', 'movie', 'name', 'film');
  const reason = field('reason', 'explanation', 'why', 'description');
  const number = Number(field('number', 'candidate', 'id', 'index') ?? NaN);
  if (typeof title !== 'string' && !Number.isInteger(number)) return undefined;
  const year = field('year');
  const named = typeof title === 'string' ? title.trim() : '';
  const dated = Number.isInteger(year) && !/\(\d{4}\)/u.test(named) ? `${named} (${String(year)})` : named;
  return {
    title: dated,
    reason: typeof reason === 'string' ? reason.trim() : '',
    ...(Number.isInteger(number) && { candidate: number }),
  };
}

const item = /^\s*(?:\*\*)?(?:\d{1,3}\s*[.):]|[-*•–])\s+(?<rest>.+)$/u;

/** Lines such as `1. **The Matrix (1999)** - because ...`. The last line of a text that was cut off does not count. */
function fromLines(text: string, truncated: boolean): Entry[] {
  const lines = text.split(/\r?\n/u);
  if (truncated) lines.pop();
  return lines.flatMap((line) => {
    const rest = item.exec(line)?.groups?.['rest'];
    return rest === undefined ? [] : [titleAndReason(rest)];
  });
}

/** A title ends with its year, else at a dash or colon, else with the line. */
function titleAndReason(text: string): Entry {
  const plain = text.replaceAll(/\*\*|__|[“”"]/gu, '').trim();
  const dated = /^(?<title>.+?\(\d{4}\))(?<reason>.*)$/u.exec(plain)?.groups;
  const split = dated ?? /^(?<title>.+?)(?:\s+[-–—]\s+|:\s+)(?<reason>.+)$/u.exec(plain)?.groups;
  return {
    title: (split?.['title'] ?? plain).trim(),
    reason: (split?.['reason'] ?? '').replace(/^[\s:–—,-]+/u, '').trim(),
  };
}

function looksLikeRefusal(text: string): boolean {
  return /\b(?:i(?:'|’)?m sorry|i am sorry|i can(?:'|’)?t|i cannot|unable to|as an ai)\b/iu.test(text);
}
