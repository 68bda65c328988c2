/** Records that are older than a metric of the table: what is missing follows from the ranks of their hits. */
import { z } from 'zod';
import { rankingMetrics } from '../../evaluation/metric-keys.ts';
import { perUserMetrics, rankingEstimates } from '../../evaluation/per-user.ts';
import { Rng } from '../../util/rng.ts';
import { cutoffSchema, perUserSchema } from '../record.ts';

/** As much of a record as computing metrics anew takes. */
const olderRecord = z.object({
  protocol: z.object({ seed: z.int(), convention: z.undefined().optional() }),
  models: z.array(
    z.object({ metrics: z.record(z.string(), z.record(z.string(), z.unknown())), perUser: perUserSchema }),
  ),
});

/**
 * Adds the ranking metrics that a parsed record lacks to it, in place, computed as `scoreLists` computes them. Leaves
 * alone what is no record, and records by another tool's conventions, which hit ranks do not determine.
 */
export function addMissingMetrics(value: unknown): void {
  const parsed = olderRecord.safeParse(value);
  if (!parsed.success) return;
  const { models } = value as z.output<typeof olderRecord>;
  for (const { metrics, perUser } of models) {
    for (const [k, own] of Object.entries(metrics)) {
      const missing = rankingMetrics.filter((key) => !(key in own));
      if (
        missing.length === 0 ||
        perUser.userIds.length === 0 ||
        !cutoffSchema.safeParse(Number(k)).success
      ) {
        continue;
      }
      const columns = perUserMetrics(perUser.hitRanks, perUser.relevant, Number(k));
      const rng = new Rng(parsed.data.protocol.seed).derive('bootstrap');
      const found = rankingEstimates([columns], rng)[0]!;
      for (const key of missing) own[key] = found[key];
    }
  }
}
