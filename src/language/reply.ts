/** From what a language model wrote to the titles and reasons in it. Every outcome is a state, never an exception. */
import type { Entry } from './grounding.ts';
import { readJsonAnswer } from './reply/json-entries.ts';
import { readLineEntries } from './reply/line-entries.ts';
import { dropThinking } from './reply/thinking.ts';
import { yearInBrackets } from './titles/year.ts';

export type ParsedReply =
  | { state: 'answered'; entries: Entry[] }
  /** Stopped by the length limit: the entries that were complete. */
  | { state: 'truncated'; entries: Entry[] }
  | { state: 'refused' }
  /** No text, or none but thoughts. */
  | { state: 'empty' }
  /** A list of recommendations with nothing in it. */
  | { state: 'empty-list' }
  /** Text without a single recommendation in it. */
  | { state: 'malformed' };

/** States without recommendations are scored 0 and counted. */
export type ReplyState = ParsedReply['state'];

/**
 * Reads what a model thinks aloud as no part of its answer, then JSON (alone, in a code fence, within prose, nearly
 * right, or cut off), else a list in lines. `truncated` says that the server stopped at its length limit. Linear in the
 * length of the text.
 */
export function parseReply(text: string, truncated = false): ParsedReply {
  const answer = dropThinking(text).trim();
  if (answer === '')
    return truncated && text.trim() !== '' ? { state: 'truncated', entries: [] } : { state: 'empty' };
  const json = readJsonAnswer(answer);
  const fromJson = json && !json.weak ? json.entries : [];
  if (json?.emptyList && !truncated) return { state: 'empty-list' };
  const entries = firstFilled(
    fromJson,
    () => readLineEntries(truncated ? dropLastLine(answer) : answer),
    () => json?.entries ?? [],
  );
  if (fromJson.length === 0 && isRefusal(answer, entries)) return { state: 'refused' };
  if (truncated) return { state: 'truncated', entries };
  return entries.length > 0 ? { state: 'answered', entries } : { state: 'malformed' };
}

function firstFilled(first: Entry[], ...others: (() => Entry[])[]): Entry[] {
  let entries = first;
  for (const read of others) if (entries.length === 0) entries = read();
  return entries;
}

/** The last line of a text that was cut off may not be whole. */
function dropLastLine(text: string): string {
  const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
  return end < 0 ? '' : text.slice(0, end);
}

const REFUSAL_WORDS =
  /\b(?:i[’']?m (?:very |so |really )?sorry|i am (?:very |so |really )?sorry|sorry, (?:but )?i|i (?:really )?(?:can(?:no|[’']?)t|could(?: not|n[’']?t)|won[’']?t|will not|must decline|refuse|do(?: not|n[’']?t) (?:feel comfortable|have (?:access|enough)))|(?:i[’']?m|i am|we are) (?:not able|unable)|unable to (?:provide|recommend|help|assist|comply|fulfil)|as an? (?:ai|(?:large )?language model)|not (?:able|possible) to (?:recommend|provide))\b|抱歉|申し訳|es tut mir leid|je suis désolée?|lo siento/iu;
/** An apology that goes on to an answer. */
const CONTINUATION_WORDS = /\b(?:but|however|instead|nevertheless|here (?:are|is)|that said)\b/iu;

/** A refusal, also one whose reasons are a list: no entry has a year, and the words before the list refuse. */
function isRefusal(text: string, entries: readonly Entry[]): boolean {
  const at = REFUSAL_WORDS.exec(text)?.index;
  if (at === undefined) return false;
  if (entries.length === 0) return true;
  if (entries.some(({ title, reason }) => yearInBrackets(`${title} ${reason}`) !== undefined)) return false;
  const start = text.search(/^\s*(?:[-*•]|\d{1,3}[.)])\s/mu);
  const before = text.slice(0, start < 0 ? text.length : start);
  return (
    at < before.length &&
    !CONTINUATION_WORDS.test(before.slice(at).replace(/^[^,.]{0,20}\bsorry,? but\b/iu, ''))
  );
}
