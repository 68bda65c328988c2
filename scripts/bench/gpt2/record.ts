/** results/benchmark_gpt2.json: its schema, and the table that docs/gpt2.md shows of it. */
import { z } from 'zod';

const sideSchema = z.object({
  /** Tokens per second, or GFLOP/s of the product; median over turns. */
  speed: z.number(),
  /** Peak resident memory of the process; median over turns. */
  peakMB: z.number(),
});

type Side = z.output<typeof sideSchema>;

const rowSchema = z.object({
  title: z.string(),
  ours: sideSchema,
  peer: sideSchema,
  /** The peer in other ways, such as with torch.compile; absent in older records. */
  others: z.array(sideSchema.extend({ name: z.string() })).optional(),
});
type Row = z.output<typeof rowSchema>;

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

/** Operations per parameter and token of a training step: two forward, four backward (Kaplan et al. 2020). */
const OPERATIONS = 6;
const PARAMETERS = 124_439_808;

/** One line per task, then the product, and the tokens per second that training could reach at the product's speed. */
export function gpt2Rows({ rows, product }: Gpt2Benchmark): string[][] {
  const line = ({ title, ours, peer }: Row, unit: string, memory = '') => {
    const speeds = [ours, peer].map(({ speed }) => `${speed.toFixed(0)} ${unit}`);
    return [title, ...speeds, `${(ours.speed / peer.speed).toFixed(2)}x`, memory];
  };
  const head = ['GPT-2 124M, float32', 'recsys', 'Hugging Face', 'ratio', 'peak memory'];
  const tasks = rows.flatMap(({ title, ours, peer, others = [] }) =>
    [
      { title, peer },
      ...others.map((other) => ({ title: `${title}; peer: ${other.name}`, peer: other })),
    ].map((own) =>
      line({ ...own, ours }, 'tokens/s', `${ours.peakMB.toFixed(0)} / ${own.peer.peakMB.toFixed(0)} MB`),
    ),
  );
  if (product === undefined) return [head, ...tasks];
  const bound = ({ speed, peakMB }: Side) => ({ peakMB, speed: (speed * 1e9) / (OPERATIONS * PARAMETERS) });
  const most = { title: 'training at that speed', ours: bound(product.ours), peer: bound(product.peer) };
  return [head, ...tasks, line(product, 'GFLOP/s'), line(most, 'tokens/s')];
}

/** results/benchmark_gpt2_gpu.json. */
export const gpuBenchmarkSchema = z.object({
  schemaVersion: z.literal(1),
  turns: z.number(),
  machine: z.object({ gpu: z.string(), cpu: z.string(), node: z.string(), torch: z.string() }),
  rows: z.array(
    z.object({
      title: z.string(),
      sides: z.array(
        z.object({
          name: z.string(),
          /** Median over the turns of a process's median; null where it failed. */
          tokensPerSecond: z.number().nullable(),
          /** Of the first updates. */
          losses: z.array(z.number()),
          reason: z.string().optional(),
        }),
      ),
    }),
  ),
});
export type GpuBenchmark = z.output<typeof gpuBenchmarkSchema>;

/** A line per engine, a column per task. */
export function gpuRows({ rows }: GpuBenchmark): string[][] {
  const names = rows[0]!.sides.map(({ name }) => name);
  const cell = (speed: number | null) => (speed === null ? '-' : `${speed.toFixed(0)} tokens/s`);
  return [
    ['', ...rows.map(({ title }) => title)],
    ...names.map((name, n) => [name, ...rows.map(({ sides }) => cell(sides[n]!.tokensPerSecond))]),
  ];
}
