/** Retrieval: movies that a language model chooses from, by a fitted model or by a text index. */
import { rankByScore, TextIndex } from '../../language/bm25.ts';
import { describeHistory } from '../../language/history.ts';
import type { TopK } from '../../models/recommender.ts';
import { specOf, type ModelSpec } from '../../models/registry.ts';
import { itemsOfRow } from '../../models/top-k.ts';
import { UsageError } from '../../util/errors.ts';
import { sum } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import { indicesOf } from '../../util/sparse-rows.ts';
import { Stopwatch } from '../environment.ts';
import type { Prepared, RankingInput } from '../prepare.ts';
import { withFitted, type RunContext } from '../run.ts';

/** Where candidates come from, and how many each user gets. */
export interface CandidateSource {
  source: 'bm25' | ModelSpec;
  count: number;
}

/** Item indices of a user's candidates, in the order of the prompt. */
export type Candidates = ReadonlyMap<number, Int32Array>;

/** "none", "bm25:100" or "mf:100". Throws UsageError naming `--candidates`. */
export function parseCandidates(text: string): CandidateSource | undefined {
  if (text === 'none') return undefined;
  const [, name, count] = /^([a-z0-9-]+):([1-9]\d{0,3})$/u.exec(text) ?? [];
  if (name === undefined || count === undefined) {
    throw new UsageError({
      place: '--candidates',
      found: `'${text}'`,
      wanted: 'none, bm25:N or MODEL:N, such as mf:100',
    });
  }
  return { source: name === 'bm25' ? name : specOf(name, {}, '--candidates'), count: Number(count) };
}

/** The candidates of each user, shuffled so that their order tells the language model nothing. */
export async function retrieveCandidates(
  { source, count }: CandidateSource,
  prepared: RankingInput,
  users: Int32Array,
  context: RunContext,
): Promise<Candidates> {
  const lists =
    source === 'bm25'
      ? searchByText(prepared, users, count)
      : await withFitted(prepared, source, context, new Stopwatch(), (fitted) =>
          fitted.recommend(users, count),
        );
  const rng = new Rng(prepared.protocol.seed).derive('candidates');
  return new Map(
    Array.from(users, (user, row) => {
      const own = rng.derive(String(prepared.dataset.userIds[user]));
      return [user, own.shuffle(itemsOfRow(lists, row))];
    }),
  );
}

/** The same candidates in another order of the prompt; permutation 0 is the order in which they are. */
export function reorderCandidates(
  candidates: Candidates,
  { protocol, dataset }: Pick<Prepared, 'protocol' | 'dataset'>,
  permutation: number,
): Candidates {
  if (permutation === 0) return candidates;
  const rng = new Rng(protocol.seed).derive(`candidates in order ${permutation}`);
  return new Map(
    [...candidates].map(([user, items]) => [
      user,
      rng.derive(String(dataset.userIds[user])).shuffle(items.slice()),
    ]),
  );
}

/** Movies whose text stands for a user's taste: those that a truncated history keeps. */
const MAX_QUERY_MOVIES = 20;

function searchByText({ train }: Pick<Prepared, 'train'>, users: Int32Array, k: number): TopK {
  const index = new TextIndex(train);
  const items = new Int32Array(users.length * k).fill(-1);
  for (const [row, user] of users.entries()) {
    const liked = describeHistory(train, user, { maxMovies: MAX_QUERY_MOVIES }).items;
    items.set(rankByScore(index.score(liked), train, user).subarray(0, k), row * k);
  }
  return { k, items, scores: new Float32Array(items.length) };
}

/** Mean share of a user's relevant test items that the candidates hold: no list made from them can recall more. */
export function candidateRecall({ relevant }: Pick<Prepared, 'relevant'>, candidates: Candidates): number {
  const recalls = [...candidates].flatMap(([user, items]) => {
    const own = indicesOf(relevant, user);
    return own.length === 0 ? [] : [own.filter((item) => items.includes(item)).length / own.length];
  });
  return sum(recalls) / Math.max(1, recalls.length);
}
