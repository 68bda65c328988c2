/** What a language model adds to the contract of a recommender: the texts around its lists. */
import { listRecommendations, type GroundedEntry } from '../language/grounding.ts';
import type { History } from '../language/history.ts';
import type { ReplyState } from '../language/reply.ts';
import type { Fitted, TopK } from './recommender.ts';
import { topKOf } from './top-k.ts';

/** One user's exchange with a language model: what the prompt said, what was written, and the movies found in it. */
export interface Exchange {
  /** User index. */
  user: number;
  history: History;
  /** `filtered`, `tool-call` and `failed` come from chat servers alone. */
  state: ReplyState | 'filtered' | 'tool-call' | 'failed';
  /** The text as generated, or why there is none. */
  reply: string;
  entries: readonly GroundedEntry[];
}

/** A fitted language model. The runner reads the texts from it after `recommend`. */
export interface LanguageFitted<E extends Exchange = Exchange> extends Fitted {
  /** Name and version of the prompt template, as records keep it. */
  readonly template: string;
  /** One exchange per user that `recommend` was called with, in the order of the calls. */
  readonly exchanges: readonly E[];
}

/** How many exchanges ended in each state. */
export function countStates(exchanges: readonly { state: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of exchanges) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/**
 * The lists of some exchanges, row by row: the recommended items of each, at most `k`. Scores are those that `scoresOf`
 * gives for a row, best first; without them 1 / rank, since a text gives an order and no score.
 */
export function rankExchanges(
  exchanges: readonly Pick<Exchange, 'entries'>[],
  k: number,
  scoresOf: (row: number) => readonly number[] | undefined = () => undefined,
): TopK {
  const lists = exchanges.map(({ entries }, row) => {
    const given = scoresOf(row);
    return listRecommendations(entries).map((item, n) => ({ item, score: given?.[n] ?? 1 / (n + 1) }));
  });
  return topKOf(lists, k);
}
