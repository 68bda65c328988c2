/** Records of one experiment with several seeds as one record, and back. */
import type { Id } from '../../data/dataset.ts';
import { MAX_RESAMPLED_USERS } from '../../evaluation/intervals.ts';
import { byKey, listMetrics, rankingMetrics, type RankingMetric } from '../../evaluation/metric-keys.ts';
import { perUserMetrics } from '../../evaluation/per-user.ts';
import { seedEstimates, type SeedEstimate } from '../../evaluation/seed-intervals.ts';
import { mean } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { AnyRecord, CutoffMetrics, ModelResult, PerUser, SeedResult } from '../record.ts';

/**
 * One record of those of at least two seeds, in the order of the seeds: every metric is the mean over seeds with its
 * standard deviation and its interval over users and seeds together; what each seed gave stands in `models[].seeds` and
 * `protocol.seeds`; `timing` is the mean. Data, models and options must be the same in all.
 */
export function combineSeeds<R extends AnyRecord>(records: readonly R[]): R {
  const [first, ...others] = records;
  if (first === undefined) throw new RangeError('no record');
  if (others.length === 0) return first;
  const further = others.flatMap(({ language }) => language ?? []);
  return {
    ...first,
    protocol: {
      ...first.protocol,
      seeds: records.map(({ protocol: { seed, splitDigest, trainRatings, testRatings } }) => ({
        seed,
        splitDigest,
        trainRatings,
        testRatings,
      })),
    },
    models: first.models.map((_, n) =>
      combineResults(
        records.map((record) => seedResultOf(record, n)),
        first,
        n,
      ),
    ),
    ...(further.length > 0 && { furtherLanguage: further }),
    timing: Object.fromEntries(
      Object.keys(first.timing).map((phase) => [
        phase,
        mean(records.map(({ timing }) => timing[phase] ?? 0)),
      ]),
    ),
  };
}

/** The records of each seed that `combineSeeds` made one of; the record alone where it has one seed. */
export function splitSeeds(record: AnyRecord): AnyRecord[] {
  const { protocol, models, furtherLanguage, ...rest } = record;
  const { seeds, ...shared } = protocol;
  if (seeds === undefined) return [record];
  return seeds.map((own, n) => {
    const language = n === 0 ? record.language : furtherLanguage?.[n - 1];
    return {
      ...rest,
      protocol: { ...shared, ...own },
      models: models.map(({ name, model, hyperparameters, seeds }) => {
        const { seed: _, ...result } = seeds![n]!;
        return { name, model, hyperparameters, ...result };
      }),
      ...(language && { language }),
    };
  });
}

/** What each seed gave of a model: one, where the record has one seed. */
export function perUserOfSeeds({ perUser, seeds }: Pick<ModelResult, 'perUser' | 'seeds'>): PerUser[] {
  return seeds?.map((own) => own.perUser) ?? [perUser];
}

/** Every ranking metric at cut-off `k` over users and seeds; at least two seeds. `seed` derives the resamples. */
export function estimatesOverSeeds(
  seeds: readonly PerUser[],
  k: number,
  seed: number,
): Record<RankingMetric, SeedEstimate> {
  const numbers = new Map<Id, number>();
  const columns = seeds.map(({ userIds, hitRanks, relevant }) => ({
    users: Int32Array.from(userIds, (userId) => {
      const number = numbers.get(userId) ?? numbers.size;
      numbers.set(userId, number);
      return number;
    }),
    columns: perUserMetrics(hitRanks, relevant, k),
  }));
  return seedEstimates(columns, new Rng(seed).derive('bootstrap'));
}

function seedResultOf({ models, protocol }: AnyRecord, n: number): SeedResult {
  const { name: _, model: __, hyperparameters: ___, seeds: ____, ...result } = models[n]!;
  return { seed: protocol.seed, ...result };
}

function combineResults(seeds: SeedResult[], { models, protocol }: AnyRecord, n: number): ModelResult {
  const first = models[n]!;
  const perUser = seeds.map((own) => own.perUser);
  const isEvaluated = perUser.every(({ userIds }) => userIds.length > 0);
  const metrics = Object.keys(first.metrics).map((k): [string, CutoffMetrics] => {
    const own = seeds.map(({ metrics }) => metrics[k]!);
    const ranking = isEvaluated ? estimatesOverSeeds(perUser, Number(k), protocol.seed) : own[0]!;
    const lists = byKey(listMetrics, (key) => {
      const values = own.flatMap((metrics) => metrics[key] ?? []);
      return values.length === own.length ? mean(values) : null;
    });
    return [k, { ...byKey(rankingMetrics, (key) => ranking[key]), ...lists }];
  });
  const users = new Set(perUser.flatMap(({ userIds }) => userIds));
  const intervals = users.size > MAX_RESAMPLED_USERS ? 'normal' : 'bootstrap';
  return { ...first, metrics: Object.fromEntries(metrics), intervals, seeds };
}
