/** Ranking movies by the probability that the model would write their title next. */
import { throwIfAborted } from '../../../util/errors.ts';
import { rowOf, type Decoder } from './decoder.ts';
import { logSumExp } from './sampling.ts';
import type { AllowedTitles } from './trie.ts';

export interface RankedTitle {
  item: number;
  /** Sum of the log-probabilities of the title's tokens, its end included, over the whole vocabulary. */
  logProbability: number;
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
  /** Row of the decoder's batch. */
  row: number;
}

/**
 * The `k` most probable allowed titles after each prompt. The titles' tree is walked level by level, so that prompts and
 * common prefixes are computed once. No title is more probable than its prefix, so a prefix is dropped without
 * loss as soon as k finished titles are more probable; at most `width` prefixes per prompt are kept, and `complete`
 * tells whether that was ever too few.
 */
export async function rankByLikelihood(
  decoder: Decoder,
  requests: readonly { prompt: ArrayLike<number>; titles: AllowedTitles }[],
  { k, width }: { k: number; width: number },
  signal: AbortSignal,
): Promise<Ranking[]> {
  const rankings: Ranking[] = requests.map(() => ({ best: [], complete: true }));
  if (requests.length === 0) return rankings;
  let frontier: Prefix[][] = requests.map((_, row) => [{ node: 0, token: -1, logProbability: 0, row }]);
  let rows = requests.length;
  let logits = await decoder.start(requests.map(({ prompt }) => prompt));
  for (;;) {
    frontier = frontier.map((prefixes, index) => {
      const { titles } = requests[index]!;
      const ranking = rankings[index]!;
      const next = prefixes.flatMap((prefix) => extend(prefix, titles, rowOf(logits, prefix.row, rows)));
      ranking.best = merge(ranking.best, next, titles, k);
      const floor = ranking.best.length === k ? ranking.best.at(-1)!.logProbability : -Infinity;
      const allowed = next.filter(
        ({ node, logProbability }) => logProbability >= floor && titles.children(node).length > 0,
      );
      if (allowed.length > width) ranking.complete = false;
      return allowed.sort((a, b) => b.logProbability - a.logProbability).slice(0, width);
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
  titles: AllowedTitles,
  logits: Float32Array,
): Prefix[] {
  const norm = logSumExp(logits);
  return titles.children(node).map((child) => {
    const token = titles.trie.token[child]!;
    return { node: child, token, logProbability: logProbability + logits[token]! - norm, row };
  });
}

/** The `k` best of the titles known and those that end at the new nodes. */
function merge(known: RankedTitle[], reached: Prefix[], titles: AllowedTitles, k: number): RankedTitle[] {
  const ranked = reached.flatMap(({ node, logProbability }) =>
    titles.itemsAt(node).map((item) => ({ item, logProbability })),
  );
  return [...known, ...ranked]
    .sort((a, b) => b.logProbability - a.logProbability || a.item - b.item)
    .slice(0, k);
}
