/**
 * How much a person loses by not being in the training data: NDCG of users who are folded in from their training ratings,
 * against NDCG of the same users when the model is trained with them.
 */
import type { TrainingSet } from '../../src/data/training-set.ts';
import { evaluateLists } from '../../src/evaluation/evaluator.ts';
import { comparePaired } from '../../src/evaluation/significance.ts';
import { recommendToPeople } from '../../src/experiment/held-out/lists.ts';
import { withoutUsers } from '../../src/experiment/held-out/users.ts';
import type { Prepared } from '../../src/experiment/prepare.ts';
import { modelRng } from '../../src/experiment/run.ts';
import type { TopK } from '../../src/models/recommender.ts';
import { loadModel, type ModelSpec } from '../../src/models/registry.ts';
import type { UsableModel } from '../../src/models/saved.ts';
import { mean, range } from '../../src/util/arrays.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';
import type { FoldInResult } from './record.ts';

/**
 * Divides the users into `groups` at random. Each group is left out of a fit of its own, with its ratings and tags, and
 * folded into that model; a model of all users is fitted beside them. `k` is the first cut-off of the protocol, and the users
 * are those with a relevant test rating.
 */
export async function foldInQuality(
  prepared: Prepared,
  spec: ModelSpec,
  { groups, threads }: { groups: number; threads: number },
): Promise<FoldInResult> {
  const { evaluable, protocol, train } = prepared;
  const k = protocol.k[0]!;
  const rng = new Rng(protocol.seed).derive('fold-in');
  const groupOf = groupsOf(train.userCount, groups, rng.derive('groups'));
  const whole = await usableModel(prepared, spec, train, threads);
  const { items: trained } = await whole.recommend(evaluable, k);
  const { items: known } = await recommendToPeople(whole, train.byUser, evaluable, k);
  const heldOut = new Int32Array(evaluable.length * k);
  const trainedOnAsMany = new Int32Array(evaluable.length * k);
  for (let group = 0; group < groups; group++) {
    const { train: rest, indexOfKept } = withoutUsers(prepared, (user) => groupOf[user] === group);
    const model = await usableModel(prepared, spec, rest, threads);
    const rowsOfGroup = (wanted: number) =>
      range(evaluable.length).filter((row) => groupOf[evaluable[row]!] === wanted);
    const keep = (lists: Int32Array, rows: Int32Array, { items }: TopK) =>
      rows.forEach((row, n) => lists.set(items.subarray(n * k, (n + 1) * k), row * k));
    const usersOf = (rows: Int32Array) => rows.map((row) => evaluable[row]!);
    const out = rowsOfGroup(group);
    keep(heldOut, out, await recommendToPeople(model, train.byUser, usersOf(out), k));
    const next = rowsOfGroup((group + 1) % groups);
    keep(
      trainedOnAsMany,
      next,
      await model.recommend(
        usersOf(next).map((user) => indexOfKept[user]!),
        k,
      ),
    );
    await model.dispose?.();
  }
  await whole.dispose?.();
  const ndcgOf = (items: Int32Array) => {
    const options = { cutoffs: [k], users: evaluable };
    const lists = { users: evaluable, items, k };
    return evaluateLists(lists, prepared.relevant, prepared.facts, options).cutoffs[0]!.perUser.ndcg;
  };
  const columns = { trained, foldedIntoOwn: known, trainedOnAsMany, heldOut };
  const perUser = mapValues(columns, ndcgOf);
  const against = (other: Float64Array, name: string) => {
    const { difference, ci95, p } = comparePaired(perUser.heldOut, other, rng.derive(name));
    return { difference, ci95, p };
  };
  return {
    name: spec.name,
    model: spec.model,
    hyperparameters: spec.hyperparameters,
    ndcg: mapValues(perUser, mean),
    heldOutAgainstTrained: against(perUser.trained, 'trained'),
    heldOutAgainstTrainedOnAsMany: against(perUser.trainedOnAsMany, 'trainedOnAsMany'),
  };
}

/** The model of `train`, in the form that takes up other people. */
async function usableModel(
  { protocol }: Prepared,
  spec: ModelSpec,
  train: TrainingSet,
  threads: number,
): Promise<UsableModel> {
  const recommender = await spec.create();
  const rng = modelRng({ protocol }, spec.name);
  const signal = new AbortController().signal;
  const fitted = await recommender.fit(train, { rng, threads, signal, progress: silentProgress });
  const state = fitted.save?.();
  await fitted.dispose?.();
  if (state === undefined) throw new Error(`${spec.name} cannot be saved`);
  return await loadModel(spec, state, train, { threads });
}

/** Group of each user; the groups differ by one user at most. */
function groupsOf(userCount: number, groups: number, rng: Rng): Int32Array {
  const order = range(userCount);
  rng.shuffle(order);
  const groupOf = new Int32Array(userCount);
  order.forEach((user, place) => (groupOf[user] = place % groups));
  return groupOf;
}

function mapValues<K extends string, A, B>(values: Record<K, A>, change: (value: A) => B): Record<K, B> {
  const entries = Object.entries<A>(values).map(([key, value]) => [key, change(value)]);
  return Object.fromEntries(entries) as Record<K, B>;
}
