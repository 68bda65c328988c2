/** The state of an answer and the recommendations in it. */
import type { Entry } from '../../language/grounding.ts';
import { parseReply } from '../../language/reply.ts';
import type { Exchange } from '../language-model.ts';
import type { Answer } from './cache.ts';

export interface AnswerReading {
  state: Exchange['state'];
  /** The text that the recommendations were read from, or the refusal. */
  text: string;
  entries: Entry[];
}

/** Entries that came before a filter, or as a tool call, count as well. */
export function readAnswer(answer: Answer): AnswerReading {
  const { refusal, finishReason, toolCall = '' } = answer;
  if (refusal !== null) return { state: 'refused', text: refusal, entries: [] };
  const isCall = answer.text.trim() === '' && toolCall.trim() !== '';
  const text = isCall ? toolCall : answer.text;
  const isFiltered = finishReason === 'content_filter';
  // Some servers say `stop` at their limit.
  const isTruncated = finishReason === 'length' || isBrokenOff(text);
  const reply = parseReply(text, isTruncated || isFiltered);
  const entries = 'entries' in reply ? reply.entries : [];
  if (isFiltered) return { state: 'filtered', text, entries };
  if (isTruncated) return { state: 'truncated', text, entries };
  return { state: isCall ? 'tool-call' : reply.state, text, entries };
}

/** Is the text JSON from its first character on that ends before its brackets are closed? */
function isBrokenOff(text: string): boolean {
  const json = text.trimStart();
  if (!/^[[{]/u.test(json)) return false;
  let open = 0;
  let inText = false;
  for (let n = 0; n < json.length; n++) {
    const character = json[n];
    if (inText) {
      if (character === '\\') n++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === '{' || character === '[') open++;
    else if ((character === '}' || character === ']') && --open === 0) return false;
  }
  return true;
}
