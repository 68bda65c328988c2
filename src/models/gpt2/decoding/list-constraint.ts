/** A reply that is a list of real movies: fixed text, allowed titles, free reasons. */
import { FreeText, type Constraint } from './decoder.ts';
import type { AllowedTitles } from './trie.ts';

/** How a list is written, in tokens. */
export interface ListFormat {
  /** Entries wanted; a list is shorter when no movie is left. */
  length: number;
  /** Text before entry `index`, 0-based ("1. "). */
  marker(index: number): readonly number[];
  /** What follows a title: free text that ends with the token `end`, after `maxTokens` at the latest; absent for none. */
  reason?: { end: number; maxTokens: number };
  /** Longest list in tokens: it stops there, maybe within an entry. */
  maxTokens: number;
  /** Tokens that a reason leaves to each entry still to come, where the list is nearly at its end; default 0. */
  reserve?: number;
}

type State =
  | { kind: 'text'; tokens: readonly number[]; at: number }
  | { kind: 'title'; node: number }
  | { kind: 'reason'; text: FreeText }
  | { kind: 'done' };

/**
 * Keeps a reply to the format: every title is that of an allowed movie, which is excluded once it is written. Where an allowed
 * title begins another, the shorter one is taken.
 */
export class ListConstraint implements Constraint {
  /** The movies written so far, in order. */
  readonly items: number[] = [];
  readonly #format: ListFormat;
  readonly #titles: AllowedTitles;
  #state: State = { kind: 'done' };
  #left: number;

  /** `titles` is changed by what is written; pass a copy if it is needed again. */
  constructor(format: ListFormat, titles: AllowedTitles) {
    this.#format = format;
    this.#titles = titles;
    this.#left = format.maxTokens;
    this.#next();
  }

  get done(): boolean {
    return this.#state.kind === 'done' || this.#left <= 0;
  }

  allowed(): ArrayLike<number> | undefined {
    const state = this.#state;
    if (state.kind === 'text') return [state.tokens[state.at]!];
    if (state.kind === 'reason') return state.text.allowed();
    if (state.kind === 'done') return [];
    return this.#titles.children(state.node).map((child) => this.#titles.trie.token[child]!);
  }

  /** Throws RangeError when the token was not allowed, which is a mistake of the caller. */
  accept(token: number): void {
    const state = this.#state;
    this.#left--;
    if (state.kind === 'text' && token === state.tokens[state.at]) {
      if (++state.at === state.tokens.length) this.#state = { kind: 'title', node: 0 };
    } else if (state.kind === 'title') this.#descend(state, token);
    else if (state.kind === 'reason') {
      state.text.accept(token);
      if (state.text.done) this.#next();
    } else throw new RangeError(`token ${token} is not allowed here`);
  }

  clone(): ListConstraint {
    const copy = new ListConstraint(this.#format, this.#titles.clone());
    copy.items.push(...this.items);
    copy.#left = this.#left;
    const state = this.#state;
    copy.#state = state.kind === 'reason' ? { kind: 'reason', text: state.text.clone() } : { ...state };
    return copy;
  }

  #descend(state: { kind: 'title'; node: number }, token: number): void {
    const { trie } = this.#titles;
    const child = this.#titles.children(state.node).find((node) => trie.token[node] === token);
    if (child === undefined) throw new RangeError(`token ${token} continues no allowed title`);
    state.node = child;
    const [item] = this.#titles.itemsAt(child);
    if (item === undefined) return;
    this.items.push(item);
    this.#titles.exclude(item);
    const { reason, reserve = 0, length } = this.#format;
    if (reason === undefined) this.#next();
    else {
      const most = Math.min(reason.maxTokens, this.#left - reserve * (length - this.items.length));
      const text = new FreeText(Math.max(1, most), new Set([reason.end]), reason.end);
      this.#state = { kind: 'reason', text };
    }
  }

  /** Begins the next entry, or ends the list. */
  #next(): void {
    if (this.items.length === this.#format.length || this.#titles.size === 0) this.#state = { kind: 'done' };
    else {
      const tokens = this.#format.marker(this.items.length);
      this.#state = tokens.length > 0 ? { kind: 'text', tokens, at: 0 } : { kind: 'title', node: 0 };
    }
  }
}
