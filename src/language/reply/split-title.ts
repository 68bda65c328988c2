/** Where in a line of text a title ends and the reason begins. */
import type { Entry } from '../grounding.ts';
import { yearInBrackets } from '../titles/year.ts';

/** Lines are split at no more places. */
const MAX_SPLITS = 6;

/**
 * Splits a line into title and reason: at the end of emphasis or quotes, behind the year, else at a dash or colon. Where
 * there is none of the first two, `readings` has the other splits, longest title first, since titles have colons and
 * dashes of their own.
 */
export function splitTitle(line: string): Entry {
  const text = line.trim();
  return splitMarked(text) ?? splitDated(text) ?? splitAtSeparator(text);
}

/** "**The Matrix (1999)**: why", "\"The Matrix\" (1999) - why", "[The Matrix (1999)](url)". */
function splitMarked(text: string): Entry | undefined {
  const match =
    /^(?:(\*{1,3}|_{1,3}|`)(?<a>\S(?:.*?\S)??)\1|"(?<b>[^"]+)"|“(?<c>[^”"]+)["”]|«(?<d>[^»]+)»|\[(?<e>[^[\]]+)\]\([^()\s]*\))(?<after>.*)$/su.exec(
      text,
    );
  const groups = match?.groups;
  const marked = groups?.['a'] ?? groups?.['b'] ?? groups?.['c'] ?? groups?.['d'] ?? groups?.['e'];
  if (groups === undefined || marked === undefined || !/[\p{L}\p{N}]/u.test(marked)) return undefined;
  const name = trimEnd(marked.replaceAll(/[“”"]|\*\*|__/gu, ''));
  const after = groups['after']!;
  const inside = yearInBrackets(name);
  if (inside !== undefined) {
    const rest = cleanReason(name.slice(inside.end));
    return { title: name.slice(0, inside.end), reason: cleanReason(after) || rest };
  }
  const year = /^["”*_\s]*(?:[([{]|[,–—-]\s*(?=\d{4}\b))/u.test(after) ? yearInBrackets(after) : undefined;
  if (year !== undefined && after.slice(0, year.start).trim().length <= 2)
    return {
      title: `${name} ${after.slice(year.start, year.end)}`,
      reason: cleanReason(after.slice(year.end)),
    };
  const dash = /^\s*[,–—:-]\s*(?<year>(?:18|19|20)\d{2})\b(?<reason>.*)$/su.exec(after)?.groups;
  if (dash) return { title: `${name} (${dash['year']})`, reason: cleanReason(dash['reason']!) };
  return { title: name, reason: cleanReason(after) };
}

/** "The Matrix (1999) - why", "The Matrix - 1999 - why". A year that stands in the reason is not the title's. */
function splitDated(text: string): Entry | undefined {
  const plain = text.replaceAll(/\*\*|__|[“”"]/gu, '').trim();
  const year = yearInBrackets(plain);
  if (year !== undefined && !/(?:\s[-–—]|:)\s+(?:\p{Ll}|I\b|You\b|If\b)/u.test(plain.slice(0, year.start))) {
    const leading = plain.slice(0, year.start).trim() === '';
    if (!leading)
      return { title: plain.slice(0, year.end).trim(), reason: cleanReason(plain.slice(year.end)) };
  }
  const set =
    /^(?<title>.{1,120}?(?:,|\s[-–—:|]|:)\s*(?:18|19|20)\d{2})(?=$|\s*(?:[-–—:,;.|(]))(?<reason>.*)$/su.exec(
      plain,
    )?.groups;
  return set && { title: set['title']!.trim(), reason: cleanReason(set['reason']!) };
}

function splitAtSeparator(text: string): Entry {
  const plain = text.replaceAll(/\*\*|__|[“”"]/gu, '').trim();
  const places = [...plain.matchAll(/\s+[-–—|]+\s+|[:：]\s+/gu)].slice(0, MAX_SPLITS);
  const first = places.find(([separator]) => !separator.includes(':')) ?? places[0];
  const splitAt = (place: RegExpExecArray | undefined): Entry => {
    if (place === undefined) return { title: plain, reason: '' };
    const reason = cleanReason(plain.slice(place.index));
    const year = LEADING_YEAR.exec(reason)?.[1];
    const title = plain.slice(0, place.index).trim();
    return { title: year === undefined ? title : `${title} (${year})`, reason };
  };
  if (first === undefined) return splitAt(first);
  const open = places.filter((place, n) => !continuesTitle(plain, place, places[n + 1]));
  return { ...splitAt(first), readings: [splitAt(undefined), ...open.toReversed().map(splitAt)] };
}

/** A reason that begins with the film's year: "released in 2019", "the 2019 remake". */
const LEADING_YEAR =
  /^(?:(?:the|a|an|this)\s+)?(?:released\s+|out\s+)?(?:in\s+|from\s+|of\s+)?((?:18|19|20)\d{2})\b/iu;

/** Is what stands between two separators part of a title, as "Fallout" in "Mission: Impossible - Fallout - thrilling"? */
function continuesTitle(text: string, place: RegExpExecArray, next: RegExpExecArray | undefined): boolean {
  if (next === undefined) return false;
  const words = text.slice(place.index + place[0].length, next.index).split(/\s+/u);
  return (
    words.length <= 6 &&
    words.every((word) => /^[\p{Lu}\p{N}]/u.test(word) || /^(?:a|an|the|of|in|and|to|for|on)$/u.test(word))
  );
}

function cleanReason(text: string): string {
  return text
    .replaceAll(/\*\*|__/gu, '')
    .replace(/^[\s:：–—,.;|*_"”-]+/u, '')
    .trim();
}

function trimEnd(text: string): string {
  return text.replace(/[\s:：,.;–—-]+$/u, '').trim();
}
