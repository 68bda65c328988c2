/** Movies by the logit of their token. */
import type { TrainingSet } from '../../../data/training-set.ts';
import { recommendByDotProduct } from '../../../numeric/top-n.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { TopK } from '../../recommender.ts';
import type { ItemVocabulary } from './histories.ts';
import { MOVIES } from './network.ts';

/**
 * The best `k` movies for each of `users`, of those that a user has not rated in `seen`. A user without a state has no
 * ratings and gets the most popular movies, by the output bias alone.
 */
export async function rankMovies(
  parameters: Parameters,
  { catalogue }: ItemVocabulary,
  states: ReadonlyMap<number, Float32Array>,
  seen: Pick<TrainingSet, 'byUser' | 'userCount' | 'itemCount'>,
  { users, k, threads, signal }: { users: Int32Array; k: number; threads: number; signal: AbortSignal },
): Promise<TopK> {
  const { data, shape } = parameters.get(MOVIES)!;
  const C = shape[1]!;
  const itemFactors = new Float32Array(seen.itemCount * C);
  for (const [token, item] of catalogue.entries()) {
    itemFactors.set(data.subarray(token * C, (token + 1) * C), item * C);
  }
  const userFactors = new Float32Array(seen.userCount * C);
  for (const user of users) userFactors.set(states.get(user) ?? [], user * C);
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
