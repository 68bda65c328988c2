/** Lists for users whom the model was not trained on. */
import { selectRows, type Csr } from '../../data/csr.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import type { Fitted, TopK } from '../../models/recommender.ts';
import { isRegistered, loadModel, recordedSpec } from '../../models/registry.ts';
import type { UsableModel } from '../../models/saved.ts';
import { range } from '../../util/arrays.ts';
import { UsageError } from '../../util/errors.ts';
import type { RunContext, RunnableModel } from '../run.ts';

/**
 * The best `k` items for each of `users`, who are rows of `histories`. Throws UsageError for a model that cannot take up
 * people whom it does not know.
 */
export async function recommendHeldOut(
  { name, model, hyperparameters }: RunnableModel,
  fitted: Fitted,
  train: TrainingSet,
  histories: Csr,
  users: Int32Array,
  k: number,
  { threads }: Pick<RunContext, 'threads'>,
): Promise<TopK> {
  const state = fitted.save?.();
  if (isRegistered(model) && state !== undefined) {
    const usable = await loadModel(recordedSpec(name, model, hyperparameters), state, train, { threads });
    try {
      if (usable.foldIn !== undefined) return await recommendToPeople(usable, histories, users, k);
    } finally {
      await usable.dispose?.();
    }
  }
  throw new UsageError({
    place: '--held-out-users',
    found: `${name}, which knows only users that it was trained on`,
    wanted: 'popularity, mf, fm or ease',
  });
}

/** Lists of `users`, rows of `histories`, as people whom the model does not know. */
export async function recommendToPeople(
  model: UsableModel,
  histories: Csr,
  users: Int32Array,
  k: number,
): Promise<TopK> {
  if (model.foldIn === undefined) throw new RangeError('the model cannot fold anybody in');
  const folded = await model.foldIn(selectRows(histories, users));
  return await folded.recommend(range(users.length), k);
}
