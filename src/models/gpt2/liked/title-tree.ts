/**
 * Where the titles of a catalogue part: a title is a walk through the tree of all titles, and only where several tokens can
 * follow is anything to be learned. Nodes with many children are wide; their children's tokens share one output table.
 */
import { AllowedTitles, buildTrie, type Trie } from '../decoding/trie.ts';
import type { LikedTemplate } from './template.ts';

/** Most children of a node that is not wide. */
export const NARROW = 16;

export class TitleTree {
  readonly trie: Trie;
  /** Tokens below wide nodes, ascending: the columns of the output table. */
  readonly wideTokens: Int32Array;
  readonly #columns: Map<number, number>;
  readonly #paths: Map<number, Int32Array>;

  constructor(template: LikedTemplate) {
    this.trie = titleTrie(template, template.items);
    const wide = new Set<number>();
    for (let node = 0; node < this.trie.token.length; node++) {
      if (this.width(node) > NARROW)
        for (const child of this.children(node)) wide.add(this.trie.token[child]!);
    }
    this.wideTokens = Int32Array.from(wide).sort();
    this.#columns = new Map(Array.from(this.wideTokens, (token, column) => [token, column]));
    this.#paths = new Map(Array.from(template.items, (item) => [item, this.#pathTo(item)]));
  }

  /** Number of children. */
  width(node: number): number {
    return this.trie.firstChild[node + 1]! - this.trie.firstChild[node]!;
  }

  children(node: number): number[] {
    return Array.from({ length: this.width(node) }, (_, n) => this.trie.firstChild[node]! + n);
  }

  /** The column of a child of a wide node. */
  column(child: number): number {
    return this.#columns.get(this.trie.token[child]!)!;
  }

  /** Nodes from the root to the end of the item's title. */
  path(item: number): Int32Array {
    return this.#paths.get(item)!;
  }

  #pathTo(item: number): Int32Array {
    const path: number[] = [];
    for (let node = this.trie.end[item]!; node >= 0; node = this.trie.parent[node]!) path.push(node);
    return Int32Array.from(path.toReversed());
  }
}

/** The tree of the titles of `items`. */
export function titleTrie(template: LikedTemplate, items: Int32Array): Trie {
  return buildTrie(
    items,
    Array.from(items, (item) => template.title(item)),
  );
}

/** The titles of `items` alone out of `all`, on the tree of the catalogue. */
export function titlesOf(
  items: Iterable<number>,
  template: LikedTemplate,
  all: AllowedTitles,
): AllowedTitles {
  const kept = new Set(items);
  const titles = all.clone();
  for (const item of template.items) if (!kept.has(item)) titles.exclude(item);
  return titles;
}

/**
 * What a network that was trained on choices ranks: the titles of `candidates`, or all, their probability shared out among
 * the titles of the catalogue that are not `seen`.
 */
export function choiceTitles(
  catalogue: Trie,
  template: LikedTemplate,
  seen: Iterable<number>,
  candidates?: Iterable<number>,
): { titles: AllowedTitles; among: AllowedTitles } {
  const among = new AllowedTitles(catalogue, seen);
  return { titles: candidates ? titlesOf(candidates, template, among) : among, among };
}
