/** Scoring options on ratings carved out of train. Test ratings are split off before and do not come here. */
import { join } from 'node:path';
import type { Csr } from '../../data/csr.ts';
import type { Ratings } from '../../data/dataset.ts';
import { carveValidation, isTemporal, type SplitOptions } from '../../data/split.ts';
import { thresholdInStars, type TrainingSet } from '../../data/training-set.ts';
import { evaluateLists, relevantItems } from '../../evaluation/evaluator.ts';
import { meansMetrics, metricOf, type RankingMetric, type UserMetric } from '../../evaluation/metric-keys.ts';
import { isRegistered, recordedSpec } from '../../models/registry.ts';
import { mean, range } from '../../util/arrays.ts';
import { DataError } from '../../util/errors.ts';
import { Rng } from '../../util/rng.ts';
import { rowLength } from '../../util/sparse-rows.ts';
import { Stopwatch } from '../environment.ts';
import { recommendHeldOut } from '../held-out/lists.ts';
import { holdOutUsers } from '../held-out/users.ts';
import type { JobModel } from '../jobs/job.ts';
import { sampleUsers } from '../language/asked-users.ts';
import { tokenKindOf } from '../language/gpt2/token-kinds.ts';
import type { Prepared } from '../prepare.ts';
import type { Protocol } from '../protocol.ts';
import { withFitted, type RunContext, type RunnableModel } from '../run.ts';

/** Train divided again: a part to fit on, and what is relevant of the rest. */
export interface Fold {
  train: TrainingSet;
  /** Of users who are held out of it, what is known; absent without them. */
  histories?: Csr;
  /** users x items: the relevant validation items. */
  relevant: Csr;
  /** Users with at least one of them, ascending. */
  users: Int32Array;
}

/**
 * Divides train by the protocol's own rule and threshold; where that holds users out, as many of train are held out again.
 * `seed` draws the division, and nothing else depends on it.
 */
export function carveFold(
  { train, threshold, protocol }: Pick<Prepared, 'train' | 'threshold' | 'protocol'>,
  { split, testShare, seed: protocolSeed, heldOutUsers }: Protocol,
  seed: number,
): Fold {
  const rng = new Rng(protocolSeed).derive(`validation:${seed}`);
  const options = { kind: split, testShare };
  const { inner, validation, histories } =
    heldOutUsers === undefined
      ? carveRatings(train, options, rng)
      : carveUsers(train, options, heldOutUsers, rng);
  const least = thresholdInStars(threshold, train);
  const relevant = relevantItems(validation, least, train.userCount, train.itemCount);
  const users = range(train.userCount).filter((user) => rowLength(relevant, user) > 0);
  if (users.length > 0) return { train: inner, ...(histories && { histories }), relevant, users };
  throw new DataError({
    place: '--threshold',
    found: `no validation rating reaches ${protocol.threshold}, so that nothing can be tuned`,
    remedy: 'Give a lower --threshold or a larger --test-share.',
  });
}

/**
 * The fold of each seed, in their order; seeds that divide train alike have one and the same. `known` keeps folds from one call
 * to the next.
 */
export function carveFolds(
  prepared: Pick<Prepared, 'train' | 'threshold' | 'protocol'>,
  protocol: Protocol,
  seeds: readonly number[],
  known = new Map<number, Fold>(),
): Fold[] {
  return seeds.map((seed) => {
    const earlier = known.get(seed);
    if (earlier !== undefined) return earlier;
    const drawn = carveFold(prepared, protocol, seed);
    const fold = [...known.values()].find((other) => isSameDivision(other, drawn)) ?? drawn;
    known.set(seed, fold);
    return fold;
  });
}

/** Whether two folds of one train fit on the same ratings. Of users held out, whose histories are drawn too, never. */
function isSameDivision(a: Fold, b: Fold): boolean {
  if (a.histories !== undefined || b.histories !== undefined) return false;
  const [left, right] = [a.train.ratings, b.train.ratings];
  return (
    left.users.length === right.users.length &&
    left.users.every((user, row) => user === right.users[row] && left.items[row] === right.items[row])
  );
}

/**
 * How many divisions of train the carve seeds make, where they make fewer than there are seeds: a split by time leaves to
 * chance only what shares a second.
 */
export function fewerDivisions(
  prepared: Pick<Prepared, 'train' | 'threshold' | 'protocol'>,
  protocol: Protocol,
  seeds: readonly number[],
): number | undefined {
  if (seeds.length === 1 || !isTemporal(protocol.split) || protocol.heldOutUsers !== undefined)
    return undefined;
  const divisions = new Set(carveFolds(prepared, protocol, seeds)).size;
  return divisions < seeds.length ? divisions : undefined;
}

interface Carved {
  inner: TrainingSet;
  validation: Ratings;
  histories?: Csr;
}

function carveRatings(train: TrainingSet, options: SplitOptions, rng: Rng): Carved {
  const { train: inner, validation } = carveValidation(train, options, rng);
  return { inner, validation };
}

function carveUsers(train: TrainingSet, options: SplitOptions, tested: number, rng: Rng): Carved {
  const whole = { ...train, name: 'training ratings' };
  const { train: inner, histories, split } = holdOutUsers(whole, options, { tested, unused: 0 }, rng);
  return { inner, histories, validation: split.test };
}

/** The objective over the users of the fold, at the largest cut-off. */
export async function scoreOf(
  runnable: RunnableModel,
  prepared: Prepared,
  { train, histories, relevant, users }: Fold,
  { objective, model }: { objective: RankingMetric; model: JobModel },
  context: RunContext,
): Promise<number> {
  const k = Math.max(...prepared.protocol.k);
  const { numUsers } = model.hyperparameters; // of language models
  const asked = typeof numUsers === 'number' ? sampleUsers(users, numUsers, prepared.protocol) : users;
  const lists = await withFitted({ ...prepared, train }, runnable, context, new Stopwatch(), (fitted) =>
    histories === undefined
      ? fitted.recommend(asked, k)
      : recommendHeldOut(runnable, fitted, train, histories, asked, k, context),
  );
  const options = { cutoffs: [k], users: asked };
  const { cutoffs } = evaluateLists({ users: asked, ...lists }, relevant, prepared.facts, options);
  return valueOf(objective, cutoffs[0]!.perUser);
}

function valueOf(objective: RankingMetric, columns: Record<UserMetric, Float64Array>): number {
  if (!isOfMeans(objective)) return mean(columns[objective]);
  const { of, combine } = metricOf(objective);
  const [a, b] = of as readonly [UserMetric, UserMetric];
  return combine(mean(columns[a]), mean(columns[b]));
}

function isOfMeans(key: RankingMetric): key is (typeof meansMetrics)[number] {
  return (meansMetrics as readonly string[]).includes(key);
}

/** What the runner fits for a model of a job; GPT-2 writes to `folder`. */
export async function runnableOf(
  { name, model, hyperparameters }: JobModel,
  {
    protocol,
    prepared,
    folder,
    context,
  }: { protocol: Protocol; prepared: Prepared; folder: string; context: RunContext },
): Promise<RunnableModel> {
  if (isRegistered(model)) return recordedSpec(name, model, hyperparameters);
  if (model !== 'gpt2')
    throw new DataError({
      place: 'job',
      found: `model '${model}'`,
      wanted: 'a model of this version',
      remedy: 'Let all workers run the same version of recsys.',
    });
  const place = {
    threshold: thresholdInStars(prepared.threshold, prepared.train),
    output: join(folder, 'model'),
    log: join(folder, 'gpt2_training.jsonl'),
  };
  const gpt2 = await tokenKindOf(hyperparameters).open(hyperparameters, context);
  const own = gpt2.model({ data: prepared.source, protocol }, place);
  // Without `save`: what is kept of a trial is its score.
  return { name, model: own.model, hyperparameters: own.hyperparameters, create: () => own.create() };
}
