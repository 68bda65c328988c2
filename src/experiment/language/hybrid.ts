/** A language model's ranking blended with a baseline's; the weight is chosen on validation users. */
import { carveValidation } from '../../data/split.ts';
import { evaluateLists, relevantItems } from '../../evaluation/evaluator.ts';
import { fuse } from '../../models/hybrid/rank-fusion.ts';
import type { TopK } from '../../models/recommender.ts';
import { Rng } from '../../util/rng.ts';
import type { Prepared } from '../prepare.ts';
import type { Protocol } from '../protocol.ts';

export { fuse as hybridLists };

/** Weights that are tried: the share of the language model. */
const weights = Array.from({ length: 11 }, (_, n) => n / 10);

/**
 * The weight with the highest NDCG on validation ratings carved from train, of as many users as are asked, none of them
 * among `asked`. `rank` gets an inner `Prepared` whose test side is the validation part, so that the test ratings can
 * decide nothing. Equal values: the smaller weight.
 */
export async function chooseHybridWeight(
  prepared: Prepared,
  asked: Int32Array,
  { split, testShare, threshold, k }: Protocol,
  rank: (inner: Prepared, users: Int32Array) => Promise<{ chat: TopK; baseline: TopK }>,
): Promise<number> {
  const rng = new Rng(prepared.protocol.seed).derive('hybrid');
  const { train, validation } = carveValidation(
    prepared.train,
    { kind: split, testShare },
    rng.derive('split'),
  );
  const relevant = relevantItems(validation, threshold, train.userCount, train.itemCount);
  const others = Array.from({ length: train.userCount }, (_, user) => user).filter(
    (user) => relevant.pointers[user + 1]! > relevant.pointers[user]! && !asked.includes(user),
  );
  const users = Int32Array.from(rng.derive('users').shuffle(others).slice(0, asked.length)).sort();
  const { chat, baseline } = await rank({ ...prepared, train, relevant }, users);
  const length = k.at(-1)!;
  let best = { weight: 0, ndcg: -1 };
  for (const weight of weights) {
    const lists = { users, ...fuse(chat, baseline, weight, length) };
    const { cutoffs } = evaluateLists(lists, relevant, prepared.facts, { cutoffs: [length], users });
    const ndcg = cutoffs[0]!.perUser.ndcg.reduce((sum, value) => sum + value, 0) / Math.max(1, users.length);
    if (ndcg > best.ndcg) best = { weight, ndcg };
  }
  return best.weight;
}
