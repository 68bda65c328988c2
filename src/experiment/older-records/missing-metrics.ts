/** Records that are older than a metric of the table: what is missing follows from the ranks of their hits. */
import { z } from 'zod';
import { rankingMetrics } from '../../evaluation/metric-keys.ts';
import { perUserMetrics, rankingEstimates } from '../../evaluation/per-user.ts';
import { Rng } from '../../util/rng.ts';
import { cutoffSchema, perUserSchema, type PerUser } from '../record.ts';

/** As much of a record as tells whether a metric is missing; the hits of its users are read only then. */
const olderRecord = z.object({
  protocol: z.object({ seed: z.int(), convention: z.undefined().optional() }),
  models: z.array(z.object({ metrics: z.record(z.string(), z.record(z.string(), z.unknown())) })),
});

/**
 * Adds the ranking metrics that a parsed record lacks to it, in place, computed as `scoreLists` computes them. Leaves
 * alone what is no record, and records by another tool's conventions, which hit ranks do not determine.
 */
export function addMissingMetrics(value: unknown): void {
  const parsed = olderRecord.safeParse(value);
  if (!parsed.success) return;
  const { models } = value as z.output<typeof olderRecord>;
  for (const { metrics, ...model } of models) {
    for (const [k, own] of Object.entries(metrics)) {
      const missing = rankingMetrics.filter((key) => !(key in own));
      if (missing.length === 0 || !cutoffSchema.safeParse(Number(k)).success) continue;
      const perUser = hitsOf(model);
      if (perUser === undefined) continue;
      const columns = perUserMetrics(perUser.hitRanks, perUser.relevant, Number(k));
      const rng = new Rng(parsed.data.protocol.seed).derive('bootstrap');
      const found = rankingEstimates([columns], rng)[0]!;
      for (const key of missing) own[key] = found[key];
    }
  }
}

/** What the users hit; undefined where there is no user, or no readable list of them. */
function hitsOf(model: object): PerUser | undefined {
  const perUser = 'perUser' in model ? perUserSchema.safeParse(model.perUser).data : undefined;
  return perUser?.userIds.length === 0 ? undefined : perUser;
}
