/** Paired tests between every two models, each pair on the users that both were evaluated on. */
import type { Id } from '../../data/dataset.ts';
import { perUserMetrics } from '../../evaluation/per-user.ts';
import { comparePaired, holm, SIGNIFICANCE, smallestPossibleP } from '../../evaluation/significance.ts';
import { mean } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import { noiseHalfWidth } from '../audit/variance.ts';
import type { ModelResult } from '../record.ts';
import { perUserOfSeeds } from '../seeds/combine.ts';
import type { RecordedModel } from './recorded-models.ts';
import { commonUsers, isSame, restrict } from './populations.ts';
import type { ComparedPair } from './record.ts';

/**
 * Paired tests of F1 at the largest cut-off between every two models, in their order; of records over seeds, each user
 * counts once, with the mean over the seeds. Pairs with too few users to show a difference, whatever it is, are left out
 * of Holm's family (Tarone 1990), so that a small record takes nothing from the other pairs. A model is called better
 * only when the corrected p-value is below 0.05 and the bootstrap interval leaves out 0, and, for language models whose
 * noise was measured, when the difference is larger than the noise. Pairs without common users are left out.
 */
export function comparePairs(
  recorded: readonly RecordedModel[],
  { k, seed }: { k: number; seed: number },
): ComparedPair[] {
  const scored = recorded.map((model) => ({ model, ...f1ByUser(model.result, k) }));
  const tested = scored.flatMap((left, i) =>
    scored.slice(i + 1).flatMap((right) => {
      const users = commonUsers([left, right]);
      if (users.length === 0) return [];
      const [a, b] = [left.model, right.model];
      const rng = new Rng(seed).derive(`compare:${a.name}:${b.name}`);
      const [f1OfA, f1OfB] = [left, right].map((own) => f1Of(own, users));
      const result = comparePaired(f1OfA!, f1OfB!, rng);
      return [{ a: a.name, b: b.name, users: users.length, noise: noiseBetween([a, b]), ...result }];
    }),
  );
  const canDiffer = tested.filter(({ users }) => smallestPossibleP(users) < SIGNIFICANCE);
  const corrected = holm(canDiffer.map(({ p }) => p));
  return tested.map((pair) => {
    const index = canDiffer.indexOf(pair);
    if (index < 0) return { ...pair, pHolm: null, better: null };
    const pHolm = corrected[index]!;
    const [low, high] = pair.ci95;
    const isNoise = pair.noise !== null && Math.abs(pair.difference) <= pair.noise;
    const differs = pHolm < SIGNIFICANCE && (low > 0 || high < 0) && !isNoise;
    return { ...pair, pHolm, better: differs ? (pair.difference > 0 ? pair.a : pair.b) : null };
  });
}

/** What asking again in another way does to the difference of two models; independent noises add in squares. */
function noiseBetween(recorded: readonly RecordedModel[]): number | null {
  const halves = recorded.flatMap(({ result, record: { models, language } }) => {
    const noise = models[0] === result ? language?.noise : undefined;
    return noise === undefined ? [] : [noiseHalfWidth(noise.standardDeviation, noise.runs.length)];
  });
  return halves.length === 0 ? null : Math.hypot(...halves);
}

interface Scored {
  userIds: Id[];
  /** A value per user. */
  f1: Float64Array;
}

/** F1 of the users of all seeds, ascending; of each user the mean over the seeds. */
function f1ByUser(result: ModelResult, k: number): Scored {
  const seeds = perUserOfSeeds(result);
  const userIds = commonUsers(seeds);
  const columns = seeds.map((perUser) => {
    const { hitRanks, relevant } = restrict(perUser, userIds);
    return perUserMetrics(hitRanks, relevant, k).f1;
  });
  const meanOf = (row: number) =>
    columns.length === 1 ? columns[0]![row]! : mean(columns.map((f1) => f1[row]!));
  return { userIds, f1: Float64Array.from(userIds, (_, row) => meanOf(row)) };
}

/** F1 of `users`, all of whom were scored. */
function f1Of({ userIds, f1 }: Scored, users: readonly Id[]): Float64Array {
  if (isSame(userIds, users)) return f1;
  const rowOf = new Map(userIds.map((userId, row) => [userId, row]));
  return Float64Array.from(users, (userId) => f1[rowOf.get(userId)!]!);
}
