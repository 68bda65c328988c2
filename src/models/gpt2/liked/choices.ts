/**
 * Training texts as choices between titles. Behind some of a history's titles the model is asked which of the user's other
 * liked movies follow, all at once, by the first token of their titles; inside a title, where others go on differently.
 * Tokens that the tree of titles forces are read and never asked for.
 */
import { chunk } from '../../../training/job.ts';
import type { Rng } from '../../../util/rng.ts';
import type { LikedTemplate } from './template.ts';
import { NARROW, type TitleTree } from './title-tree.ts';

/** Share of the places between two titles that are asked. */
const ASKED_SHARE = 0.2;

/** A node of the tree at which the model chooses. */
interface Choice {
  /** Position of the token whose state decides. */
  at: number;
  node: number;
  /** What it counts. */
  weight: number;
  /** Children and the share of the liked movies left that lie below each; their sum is 1. */
  targets: (readonly [child: number, share: number])[];
  /** Children all of whose movies were named before. */
  excluded: number[];
}

export interface ChoiceText {
  tokens: number[];
  choices: Choice[];
}

export interface ChoiceBatch {
  /** Rows of the graph, of which those behind `texts` are empty. */
  rows: number;
  length: number;
  texts: readonly ChoiceText[];
}

/** Movies below each node of the tree that are on either side of a place in a text. */
class Tally {
  readonly #tree: TitleTree;
  readonly #counts = new Map<number, number>();
  /** Children with a count by their parent. */
  readonly #children = new Map<number, Set<number>>();

  constructor(tree: TitleTree, items: readonly number[]) {
    this.#tree = tree;
    for (const item of items) this.add(item);
  }

  count(node: number): number {
    return this.#counts.get(node) ?? 0;
  }

  /** Children of `node` with a movie at or below them, ascending. */
  children(node: number): number[] {
    return [...(this.#children.get(node) ?? [])].sort((a, b) => a - b);
  }

  add(item: number): void {
    for (const node of this.#tree.path(item)) {
      this.#counts.set(node, this.count(node) + 1);
      const parent = this.#tree.trie.parent[node]!;
      this.#children.set(parent, (this.#children.get(parent) ?? new Set()).add(node));
    }
  }

  remove(item: number): void {
    for (const node of this.#tree.path(item)) {
      const left = this.count(node) - 1;
      this.#counts.set(node, left);
      if (left === 0) this.#children.get(this.#tree.trie.parent[node]!)!.delete(node);
    }
  }
}

/** Texts that name each of the movies `liked` once, in an order drawn by `rng`; a new text where one is full. */
export function choiceTexts(
  liked: readonly number[],
  template: LikedTemplate,
  tree: TitleTree,
  contextLength: number,
  rng: Rng,
): ChoiceText[] {
  const order = rng.shuffle([...liked]);
  const heading = template.prompt({ disliked: [], watched: [], liked: [] });
  const texts: ChoiceText[] = [];
  for (let from = 0; from < order.length;) {
    let length = heading.length;
    let to = from;
    for (; to < order.length; to++) {
      // The end of the last title is not read: nothing is asked behind it.
      const more = template.title(order[to]!).length;
      if (length + more > contextLength + 1) break;
      length += more;
    }
    to = Math.max(to, from + 1);
    texts.push(textOf(order.slice(from, to), liked, heading, template, tree, contextLength, rng));
    from = to;
  }
  return texts;
}

function textOf(
  named: readonly number[],
  liked: readonly number[],
  heading: readonly number[],
  template: LikedTemplate,
  tree: TitleTree,
  contextLength: number,
  rng: Rng,
): ChoiceText {
  const left = new Tally(tree, liked);
  const seen = new Tally(tree, []);
  const count = Math.ceil(ASKED_SHARE * named.length);
  const asked = new Set(rng.shuffle([...named.keys()]).slice(0, count));
  const tokens = [...heading];
  const choices: Choice[] = [];
  for (const [n, item] of named.entries()) {
    const path = tree.path(item);
    for (const [depth, token] of template.title(item).entries()) {
      const node = path[depth]!;
      if (tree.width(node) > 1 && (node > 0 || asked.has(n))) {
        const weight = node > 0 ? 1 : named.length / count;
        choices.push({ at: tokens.length - 1, weight, ...choiceAt(node, left, seen, tree) });
      }
      tokens.push(token);
    }
    left.remove(item);
    seen.add(item);
  }
  const read = tokens.slice(0, Math.min(tokens.length - 1, contextLength));
  return { tokens: read, choices: choices.filter(({ at }) => at < read.length) };
}

function choiceAt(node: number, left: Tally, seen: Tally, tree: TitleTree) {
  const liked = left.children(node);
  const total = liked.reduce((sum, child) => sum + left.count(child), 0);
  return {
    node,
    targets: liked.map((child) => [child, left.count(child) / total] as const),
    excluded: seen.children(node).filter((child) => seen.count(child) >= tree.trie.count[child]!),
  };
}

/** Texts of about one length together; batches have as many tokens each, so that few different graphs are built. */
export function choiceBatches(
  texts: readonly ChoiceText[],
  { batchSize, contextLength }: { batchSize: number; contextLength: number },
  rng: Rng,
): ChoiceBatch[] {
  const lengths = [0.25, 0.5, 1].map((share) => Math.ceil(share * contextLength));
  return rng.shuffle(
    lengths.flatMap((length, n) => {
      const shorter = n === 0 ? 0 : lengths[n - 1]!;
      const own = texts.filter(({ tokens }) => tokens.length > shorter && tokens.length <= length);
      const rows = Math.floor((batchSize * contextLength) / length);
      return chunk(rng.shuffle(own), rows).map((part) => ({ rows, length, texts: part }));
    }),
  );
}

/** Movies that a batch chooses: what its mean loss is a mean over. */
export function countMovies({ texts }: ChoiceBatch): number {
  let sum = 0;
  for (const { choices } of texts) for (const { node, weight } of choices) sum += node === 0 ? weight : 0;
  return Math.max(1, sum);
}

/** The choices of a batch at wide or at narrow nodes, with the row of their text. */
export function choicesOf(
  batch: ChoiceBatch,
  tree: TitleTree,
  wide: boolean,
): { row: number; choice: Choice }[] {
  return batch.texts.flatMap(({ choices }, row) =>
    choices.filter(({ node }) => tree.width(node) > NARROW === wide).map((choice) => ({ row, choice })),
  );
}
