/** A language model's ranking blended with another model's; the weight is chosen on validation users. */
import { carveValidation } from '../../data/split.ts';
import { thresholdInStars } from '../../data/training-set.ts';
import { evaluateLists, relevantItems } from '../../evaluation/evaluator.ts';
import { BLENDED_LENGTH, createHybrid } from '../../models/hybrid/index.ts';
import { fuse } from '../../models/hybrid/rank-fusion.ts';
import type { LanguageFitted } from '../../models/language-model.ts';
import type { TopK } from '../../models/recommender.ts';
import type { ModelSpec } from '../../models/registry.ts';
import { range, sum } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import { rowLength } from '../../util/sparse-rows.ts';
import { Stopwatch } from '../environment.ts';
import type { Prepared, RankingInput } from '../prepare.ts';
import type { Protocol } from '../protocol.ts';
import { modelRng, withFitted, type RunContext, type RunnableModel } from '../run.ts';

/** Weights of the language model that are tried. */
const TRIED_WEIGHTS = Array.from({ length: 11 }, (_, n) => n / 10);

export interface Hybrid {
  /** The model to blend with. */
  model: ModelSpec;
  /** Weight of the language model in the blend, 0 to 1; chosen on validation users when absent. */
  weight?: number;
}

/** The language model `name`, whose `lists` are there already, blended with the hybrid's model. */
export function hybridModel(
  prepared: Prepared,
  name: string,
  lists: TopK,
  { model, weight }: Required<Hybrid>,
): RunnableModel {
  const together = `${name}+${model.name}`;
  return {
    name: together,
    model: 'hybrid',
    hyperparameters: { weight, models: [name, model.name] },
    create: async () =>
      createHybrid({
        name: together,
        first: lists,
        second: await model.create(),
        secondRng: modelRng(prepared, model.name),
        weight,
      }),
  };
}

/**
 * The weight with the highest NDCG on validation ratings carved from train, of as many users as are asked, none of them
 * among `asked` where there are as many others. The language model is made anew for the inner training part by
 * `makeModel` and measured by validation ratings alone. Equal values: the smaller weight.
 */
export async function chooseHybridWeight(
  prepared: Prepared,
  asked: Int32Array,
  makeModel: (input: RankingInput, users: Int32Array) => Promise<RunnableModel<LanguageFitted>>,
  { model, protocol }: { model: ModelSpec; protocol: Protocol },
  context: RunContext,
): Promise<number> {
  const { inner, users } = validationPart(prepared, asked, protocol);
  const length = Math.max(...protocol.k);
  // A stopped fit on the inner part would be taken for one on the whole of train: nothing is kept.
  const { fits: _, ...unkept } = context;
  const rank = (model: RunnableModel, k: number) =>
    withFitted(inner, model, unkept, new Stopwatch(), (fitted) => fitted.recommend(users, k));
  const first = await rank(await makeModel(inner, users), length);
  const second = await rank(model, BLENDED_LENGTH);
  let best = { weight: 0, ndcg: -1 };
  for (const weight of TRIED_WEIGHTS) {
    const lists = { users, ...fuse(first, second, weight, length) };
    const { cutoffs } = evaluateLists(lists, inner.relevant, inner.facts, { cutoffs: [length], users });
    const ndcg = sum(cutoffs[0]!.perUser.ndcg) / Math.max(1, users.length);
    if (ndcg > best.ndcg) best = { weight, ndcg };
  }
  return best.weight;
}

/** Train divided again by the protocol's rule, and as many other users with a relevant validation item as are asked. */
function validationPart(
  prepared: Prepared,
  asked: Int32Array,
  { split, testShare, seed }: Protocol,
): { inner: RankingInput; users: Int32Array } {
  const rng = new Rng(seed).derive('hybrid');
  const { train, validation } = carveValidation(
    prepared.train,
    { kind: split, testShare },
    rng.derive('split'),
  );
  const threshold = thresholdInStars(prepared.threshold, prepared.train);
  const relevant = relevantItems(validation, threshold, train.userCount, train.itemCount);
  const everyone = range(train.userCount).filter((user) => rowLength(relevant, user) > 0);
  const others = everyone.filter((user) => !asked.includes(user));
  const pool = others.length < asked.length ? everyone : others;
  const users = rng.derive('users').shuffle(pool).slice(0, asked.length).sort();
  const { source, dataset, facts, protocol } = prepared;
  return {
    inner: { source, dataset, train, relevant, facts, threshold: prepared.threshold, protocol },
    users,
  };
}
