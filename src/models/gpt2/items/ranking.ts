/** Movies by the logit of their token. */
import { has } from '../../../data/csr.ts';
import type { TrainingSet } from '../../../data/training-set.ts';
import { recommendByDotProduct } from '../../../numeric/top-n.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { TopK } from '../../recommender.ts';
import { byScore, topKOf } from '../../top-k.ts';
import type { ItemVocabulary } from './histories.ts';
import { MOVIES } from './network.ts';

interface RankingOptions {
  users: Int32Array;
  k: number;
  threads: number;
  signal: AbortSignal;
  /** The only movies that a user may get. */
  candidates?: (user: number) => Int32Array;
}

/**
 * The best `k` movies for each of `users`, of those that a user has not rated in `seen`. `states` has one for each of
 * them, also for a user without ratings.
 */
export async function rankMovies(
  parameters: Parameters,
  { catalogue }: ItemVocabulary,
  states: ReadonlyMap<number, Float32Array>,
  seen: Pick<TrainingSet, 'byUser' | 'userCount' | 'itemCount'>,
  { users, k, threads, signal, candidates }: RankingOptions,
): Promise<TopK> {
  if (candidates) return rankCandidates(parameters, catalogue, states, seen, { users, k, candidates });
  const C = parameters.get(MOVIES)!.shape[1]!;
  const itemFactors = movieRows(parameters, { catalogue }, seen.itemCount);
  const userFactors = new Float32Array(seen.userCount * C);
  for (const user of users) userFactors.set(states.get(user)!, user * C);
  return await recommendByDotProduct({
    factors: C,
    userFactors,
    itemFactors,
    catalogue,
    seen: seen.byUser,
    users,
    k,
    threads,
    signal,
  });
}

/** (items, C): the row of each movie by its item index, 0 for movies without a token. */
export function movieRows(
  parameters: Parameters,
  { catalogue }: Pick<ItemVocabulary, 'catalogue'>,
  itemCount: number,
): Float32Array {
  const { data, shape } = parameters.get(MOVIES)!;
  const C = shape[1]!;
  const rows = new Float32Array(itemCount * C);
  for (const [token, item] of catalogue.entries()) {
    rows.set(data.subarray(token * C, (token + 1) * C), item * C);
  }
  return rows;
}

/** The same among each user's candidates, those of the catalogue that the user has not rated. */
function rankCandidates(
  parameters: Parameters,
  catalogue: Int32Array,
  states: ReadonlyMap<number, Float32Array>,
  { byUser, itemCount }: Pick<TrainingSet, 'byUser' | 'itemCount'>,
  { users, k, candidates }: Required<Pick<RankingOptions, 'users' | 'k' | 'candidates'>>,
): TopK {
  const { data, shape } = parameters.get(MOVIES)!;
  const C = shape[1]!;
  const tokenOf = new Int32Array(itemCount).fill(-1);
  for (const [token, item] of catalogue.entries()) tokenOf[item] = token;
  const lists = Array.from(users, (user) => {
    const state = states.get(user)!;
    return Array.from(candidates(user))
      .filter((item) => tokenOf[item]! >= 0 && !has(byUser, user, item))
      .map((item) => {
        const from = tokenOf[item]! * C;
        return { item, score: state.reduce((total, value, c) => total + value * data[from + c]!, 0) };
      })
      .sort(byScore);
  });
  return topKOf(lists, k);
}
