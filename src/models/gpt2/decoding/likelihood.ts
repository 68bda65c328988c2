/** Ranking movies by the probability that the model would write their title next. */
import { throwIfAborted } from '../../../util/errors.ts';
import { byScore } from '../../top-k.ts';
import { rowOf, type Decoder } from './decoder.ts';
import { logSumExp } from './sampling.ts';
import type { AllowedTitles, Trie } from './trie.ts';

export interface RankedTitle {
  item: number;
  /** Sum of the log-probabilities of the title's tokens, its end included, over what `LikelihoodRequest.among` says. */
  logProbability: number;
  /** The log-probability plus the movie's offset: what the ranking is by. */
  score: number;
}

/** A number to be added to each movie's log-probability. */
export interface TitleOffsets {
  /** By item index. */
  items: Float32Array;
  /** By node of the trie: the largest offset of the movies at or below it. */
  largest: Float32Array;
}

/** What the walk needs of `items`, a number per item index, on `trie`. */
export function titleOffsets(trie: Trie, items: Float32Array): TitleOffsets {
  const largest = new Float32Array(trie.token.length).fill(-Infinity);
  for (const [node, ending] of trie.items.entries()) {
    for (const item of ending ?? []) largest[node] = Math.max(largest[node]!, items[item]!);
  }
  for (let node = largest.length - 1; node > 0; node--) {
    const parent = trie.parent[node]!;
    largest[parent] = Math.max(largest[parent]!, largest[node]!);
  }
  return { items, largest };
}

export interface LikelihoodRequest {
  prompt: ArrayLike<number>;
  titles: AllowedTitles;
  /**
   * The titles, on the same tree, that a token's probability is shared out among: those that can be meant. What they force
   * costs nothing and is not computed. By default the whole vocabulary.
   */
  among?: AllowedTitles;
  /** Without it nothing is added. */
  offsets?: TitleOffsets;
}

export interface Ranking {
  /** Most probable first; equal ones by ascending item. */
  best: RankedTitle[];
  /** True when no prefix of a title was dropped because `width` was too small: the ranking is that of all allowed titles. */
  complete: boolean;
}

interface Prefix {
  node: number;
  token: number;
  logProbability: number;
  /** No title below the node has a higher score. */
  bound: number;
  /** Row of the decoder's batch. */
  row: number;
}

/**
 * The `k` allowed titles with the highest scores after each prompt. The titles' tree is walked level by level, so that
 * prompts and common prefixes are computed once. No title is more probable than its prefix, so a prefix is dropped without
 * loss as soon as k finished titles are better than it can become; at most `width` prefixes per prompt are kept, and `complete`
 * tells whether that was ever too few.
 */
export async function rankByLikelihood(
  decoder: Decoder,
  requests: readonly LikelihoodRequest[],
  { k, width }: { k: number; width: number },
  signal: AbortSignal,
): Promise<Ranking[]> {
  const rankings: Ranking[] = requests.map(() => ({ best: [], complete: true }));
  if (requests.length === 0) return rankings;
  let frontier: Prefix[][] = requests.map((_, row) => [
    { node: 0, token: -1, logProbability: 0, bound: 0, row },
  ]);
  let rows = requests.length;
  let logits = await decoder.start(requests.map(({ prompt }) => prompt));
  for (;;) {
    frontier = frontier.map((prefixes, index) => {
      const request = requests[index]!;
      const { titles, offsets } = request;
      const ranking = rankings[index]!;
      const next = prefixes.flatMap((prefix) => extend(prefix, request, rowOf(logits, prefix.row, rows)));
      ranking.best = merge(ranking.best, next, { titles, offsets, k });
      const floor = ranking.best.length === k ? ranking.best.at(-1)!.score : -Infinity;
      const allowed = next.filter(({ node, bound }) => bound >= floor && titles.children(node).length > 0);
      if (allowed.length > width) ranking.complete = false;
      return allowed.sort((a, b) => b.bound - a.bound).slice(0, width);
    });
    const all = frontier.flat();
    if (all.length === 0) return rankings;
    throwIfAborted(signal);
    logits = await decoder.step(
      Int32Array.from(all, ({ token }) => token),
      Int32Array.from(all, ({ row }) => row),
    );
    rows = all.length;
    for (const [row, prefix] of all.entries()) prefix.row = row;
  }
}

function extend(
  { node, logProbability, row }: Prefix,
  { titles, among, offsets }: LikelihoodRequest,
  logits: Float32Array,
): Prefix[] {
  const { token: tokens } = titles.trie;
  const norm = logSumExp(
    among === undefined
      ? logits
      : Float32Array.from(among.children(node), (child) => logits[tokens[child]!]!),
  );
  return titles.children(node).map((child) => {
    const token = tokens[child]!;
    const sum = logProbability + logits[token]! - norm;
    const bound = sum + (offsets?.largest[child] ?? 0);
    return { node: among?.forced(child) ?? child, token, logProbability: sum, bound, row };
  });
}

/** The `k` best of the titles known and those that end at the new nodes. */
function merge(
  known: RankedTitle[],
  reached: Prefix[],
  { titles, offsets, k }: { titles: AllowedTitles; offsets: TitleOffsets | undefined; k: number },
): RankedTitle[] {
  const ranked = reached.flatMap(({ node, logProbability }) =>
    titles.itemsAt(node).map((item) => ({
      item,
      logProbability,
      score: logProbability + (offsets?.items[item] ?? 0),
    })),
  );
  return [...known, ...ranked].sort(byScore).slice(0, k);
}
