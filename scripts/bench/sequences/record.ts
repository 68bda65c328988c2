/** results/benchmark_sequences.json: its schema, and the table that docs/gpt2.md shows of it. */
import { z } from 'zod';

const contenderSchema = z.object({
  name: z.string(),
  /** Passes over the histories; null for models that are solved. */
  passes: z.number().nullable(),
  /** From the start of the process to its end; of models in one process, of their fits. */
  seconds: z.number(),
  /** On processors, of all threads; null where it is not known. */
  cpuSeconds: z.number().nullable(),
  peakMB: z.number().nullable(),
  ndcg: z.number(),
  hitRate: z.number(),
});
export type SequenceContender = z.output<typeof contenderSchema>;

export const sequenceBenchmarkSchema = z.object({
  schemaVersion: z.literal(1),
  machine: z.object({ cpu: z.string(), threads: z.number(), node: z.string() }),
  data: z.string(),
  k: z.number(),
  /** Load of the machine at the start. */
  loadAverage: z.number(),
  contenders: z.array(contenderSchema),
  missing: z.array(z.object({ name: z.string(), reason: z.string() })),
});
export type SequenceBenchmark = z.output<typeof sequenceBenchmarkSchema>;

/** One line per contender. */
export function sequenceRows({ contenders, k }: SequenceBenchmark): string[][] {
  const rows = contenders.map(({ name, passes, seconds, cpuSeconds, peakMB, ndcg, hitRate }) => [
    name,
    passes === null ? '' : String(passes),
    seconds < 10 ? `${seconds.toPrecision(2)} s` : `${seconds.toFixed(0)} s`,
    cpuSeconds === null ? '' : `${cpuSeconds.toFixed(0)} s`,
    peakMB === null ? '' : `${peakMB.toFixed(0)} MB`,
    ndcg.toFixed(4),
    hitRate.toFixed(4),
  ]);
  return [['model', 'passes', 'time', 'of processors', 'peak memory', `NDCG@${k}`, `hit rate@${k}`], ...rows];
}
