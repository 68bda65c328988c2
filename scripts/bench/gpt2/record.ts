/** results/benchmark_gpt2.json: its schema, and the table that README.md shows of it. */
import { z } from 'zod';

const sideSchema = z.object({
  /** Tokens per second, or GFLOP/s of the product; median over turns. */
  speed: z.number(),
  /** Peak resident memory of the process; median over turns. */
  peakMB: z.number(),
});

const rowSchema = z.object({ title: z.string(), ours: sideSchema, peer: sideSchema });

export const gpt2BenchmarkSchema = z.object({
  schemaVersion: z.literal(1),
  machine: z.object({ cpu: z.string(), threads: z.number(), node: z.string() }),
  turns: z.number(),
  missing: z.array(z.object({ name: z.string(), reason: z.string() })),
  rows: z.array(rowSchema),
  /** One large product of matrices, in GFLOP/s: what bounds training. */
  product: rowSchema.optional(),
});
export type Gpt2Benchmark = z.output<typeof gpt2BenchmarkSchema>;

/** One line per task; the last one is the product. */
export function gpt2Rows({ rows, product }: Gpt2Benchmark): string[][] {
  return [
    ['GPT-2 124M, float32', 'recsys', 'Hugging Face', 'ratio', 'peak memory'],
    ...[...rows, ...(product ? [product] : [])].map((row) => {
      const { title, ours, peer } = row;
      const unit = row === product ? 'GFLOP/s' : 'tokens/s';
      const memory = row === product ? '' : `${ours.peakMB.toFixed(0)} / ${peer.peakMB.toFixed(0)} MB`;
      const speeds = [ours, peer].map(({ speed }) => `${speed.toFixed(0)} ${unit}`);
      return [title, ...speeds, `${(ours.speed / peer.speed).toFixed(2)}x`, memory];
    }),
  ];
}
