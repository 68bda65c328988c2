/** What the template of the training texts allows a constrained reply to be: the titles, and the form of a list. */
import { LONGEST_REASON_TOKENS, SHORTEST_ENTRY_TOKENS, type PromptTemplate } from '../prompt/template.ts';
import type { ListFormat } from './list-constraint.ts';
import { buildTrie, type Trie } from './trie.ts';

/** All titles that may be recommended. Movies without a title cannot be written. */
export function titleTrie(template: PromptTemplate): Trie {
  const items = template.titledItems();
  return buildTrie(
    items,
    Array.from(items, (item) => template.title(item)),
  );
}

/** The form of a constrained list of `length` entries. */
export function listFormat(template: PromptTemplate, length: number): Omit<ListFormat, 'maxTokens'> {
  const markers = Array.from({ length }, (_, index) => template.listMarker(index));
  return {
    length,
    marker: (index) => markers[index]!,
    reason: { end: template.newline, maxTokens: LONGEST_REASON_TOKENS },
    reserve: SHORTEST_ENTRY_TOKENS,
  };
}
