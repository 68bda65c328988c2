/** The catalogue as a prefix tree over tokens, and one reader's walk through it that avoids certain movies. */

/**
 * Node 0 is the root. Children of node n are nodes `firstChild[n]` to `firstChild[n + 1]`, ascending by `token`; a
 * node's children have higher numbers than the node. Where a title is the beginning of another, its node has children;
 * ending every title with a token that titles hardly contain makes that rare.
 */
export interface Trie {
  /** The token that leads to each node; -1 at the root. */
  token: Int32Array;
  parent: Int32Array;
  firstChild: Int32Array;
  /** Items whose title ends at each node: mostly one, more where movies share a title, undefined where none ends. */
  items: (readonly number[] | undefined)[];
  /** The node where each item's title ends, -1 when the item is not in the trie. */
  end: Int32Array;
  /** Movies at or below each node. */
  count: Int32Array;
}

interface Draft {
  children: Map<number, Draft>;
  items: number[];
}

/**
 * Builds the tree of `titles[i]`, the tokens of item `items[i]`. Throws RangeError when a title is empty, which is a
 * mistake of the caller.
 */
export function buildTrie(items: ArrayLike<number>, titles: readonly ArrayLike<number>[]): Trie {
  const root: Draft = { children: new Map(), items: [] };
  let largest = -1;
  for (const [i, title] of titles.entries()) {
    if (title.length === 0) throw new RangeError(`the title of item ${items[i]} is empty`);
    let node = root;
    for (const token of Array.from(title)) {
      const next = node.children.get(token) ?? { children: new Map<number, Draft>(), items: [] };
      node.children.set(token, next);
      node = next;
    }
    node.items.push(items[i]!);
    largest = Math.max(largest, items[i]!);
  }
  return freeze(root, largest + 1);
}

/** Numbers the nodes breadth first, so that siblings are neighbours. */
function freeze(root: Draft, itemCount: number): Trie {
  const order: Draft[] = [root];
  const token = [-1];
  const parent = [-1];
  const firstChild: number[] = [];
  for (const [node, draft] of order.entries()) {
    firstChild.push(order.length);
    for (const [step, child] of [...draft.children].sort(([a], [b]) => a - b)) {
      order.push(child);
      token.push(step);
      parent.push(node);
    }
  }
  firstChild.push(order.length);
  const end = new Int32Array(itemCount).fill(-1);
  const count = new Int32Array(order.length);
  for (const [node, { items }] of order.entries()) {
    count[node] = items.length;
    for (const item of items) end[item] = node;
  }
  for (let node = order.length - 1; node > 0; node--) count[parent[node]!]! += count[node]!;
  return {
    token: Int32Array.from(token),
    parent: Int32Array.from(parent),
    firstChild: Int32Array.from(firstChild),
    items: order.map(({ items }) => (items.length > 0 ? items.sort((a, b) => a - b) : undefined)),
    end,
    count,
  };
}

/** The movies that may still be recommended to one reader. */
export class AllowedTitles {
  readonly trie: Trie;
  /** Allowed movies at or below each node. */
  readonly #count: Int32Array;
  readonly #excluded: Set<number>;

  constructor(trie: Trie, excluded: Iterable<number> = [], from?: AllowedTitles) {
    this.trie = trie;
    this.#count = (from === undefined ? trie.count : from.#count).slice();
    this.#excluded = new Set(from === undefined ? [] : from.#excluded);
    for (const item of excluded) this.exclude(item);
  }

  /** Allowed movies in all. */
  get size(): number {
    return this.#count[0]!;
  }

  /** Takes a movie out; one that is not in the trie, or taken out before, changes nothing. */
  exclude(item: number): void {
    let node = this.trie.end[item] ?? -1;
    if (node === -1 || this.#excluded.has(item)) return;
    this.#excluded.add(item);
    for (; node !== -1; node = this.trie.parent[node]!) this.#count[node]!--;
  }

  /** Children of `node` that lead to an allowed movie, ascending by token. */
  children(node: number): number[] {
    const allowed: number[] = [];
    for (let child = this.trie.firstChild[node]!; child < this.trie.firstChild[node + 1]!; child++) {
      if (this.#count[child]! > 0) allowed.push(child);
    }
    return allowed;
  }

  /**
   * Where a walk that has come to `node` ends up without any choice: the end of the title where one movie alone is allowed at
   * or below it, else `node`.
   */
  forced(node: number): number {
    if (this.#count[node] !== 1) return node;
    let at = node;
    while (this.itemsAt(at).length === 0) at = this.children(at)[0]!;
    return at;
  }

  /** The allowed movies whose title ends at `node`, ascending: mostly none or one, two where they share a title. */
  itemsAt(node: number): number[] {
    return this.trie.items[node]?.filter((item) => !this.#excluded.has(item)) ?? [];
  }

  clone(): AllowedTitles {
    return new AllowedTitles(this.trie, [], this);
  }
}
