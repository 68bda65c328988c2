/** results/benchmark.json: its schema, and the tables that README.md and docs/benchmarks.md show of it. */
import { z } from 'zod';

const contenderSchema = z.object({
  name: z.string(),
  /** Median over turns of the median of a turn's iterations. */
  seconds: z.number(),
  /** Of each turn, in the order in which they ran. */
  turns: z.array(z.number()),
  /** Peak resident memory of the process, data included; median over turns. Null where /proc is missing. */
  peakMB: z.number().nullable(),
  quality: z.record(z.string(), z.number()),
});
export type ContenderResult = z.output<typeof contenderSchema>;

const rowSchema = z.object({
  row: z.string(),
  title: z.string(),
  data: z.string(),
  /** The first is ours. */
  contenders: z.array(contenderSchema),
  failed: z.array(z.object({ name: z.string(), reason: z.string() })),
  loadAverage: z.number(),
});
export type BenchmarkRow = z.output<typeof rowSchema>;

export const benchmarkSchema = z.object({
  schemaVersion: z.literal(2),
  machine: z.object({ cpu: z.string(), threads: z.number(), memoryGB: z.number(), node: z.string() }),
  missing: z.array(z.object({ name: z.string(), reason: z.string() })),
  /** Variables of the caller's environment that say something of threads: no contender saw them. */
  removedVariables: z.array(z.string()).default([]),
  rows: z.array(rowSchema),
  /** Ours alone: seconds per row and number of ratings. */
  scaling: z.array(
    z.object({ row: z.string(), title: z.string(), ratings: z.number(), seconds: z.number() }),
  ),
});
export type BenchmarkRecord = z.output<typeof benchmarkSchema>;

/** One line per row: ours, the fastest peer, how many times faster, memory and quality of both, load at the start. */
export function comparisonRows({ rows }: BenchmarkRecord): string[][] {
  return [
    ['work', 'data', 'recsys', 'best peer', 'ratio', 'peak memory', 'quality', 'load'],
    ...rows.flatMap(({ title, data, loadAverage, contenders: [ours, ...peers] }) => {
      const best = peers.toSorted((a, b) => a.seconds - b.seconds)[0];
      if (ours === undefined || best === undefined) return [];
      return [
        [
          title,
          data,
          time(ours.seconds),
          `${best.name} ${time(best.seconds)}`,
          `${(best.seconds / ours.seconds).toFixed(1)}x`,
          `${ours.peakMB ?? '?'} / ${best.peakMB ?? '?'} MB`,
          bothQualities(ours, best),
          loadAverage.toFixed(1),
        ],
      ];
    }),
  ];
}

/** Seconds per row of work and column of size. */
export function scalingRows({ scaling }: BenchmarkRecord): string[][] {
  const sizes = [...new Set(scaling.map(({ ratings }) => ratings))].toSorted((a, b) => a - b);
  const titles = [...new Set(scaling.map(({ title }) => title))];
  return [
    ['work', ...sizes.map((size) => `${size / 1e6} million`)],
    ...titles.map((title) => [
      title,
      ...sizes.map((size) => {
        const cell = scaling.find((entry) => entry.title === title && entry.ratings === size);
        return cell === undefined ? '' : time(cell.seconds);
      }),
    ]),
  ];
}

export function time(seconds: number): string {
  return seconds < 1 ? `${(1000 * seconds).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}

/** The one number that says most, of both: "NDCG 0.041 / 0.041". */
function bothQualities(ours: ContenderResult, peer: ContenderResult): string {
  const shown = Object.keys(ours.quality).filter(
    (name) => name in peer.quality && /^(ndcg|rmse|rows)/.test(name),
  );
  const number = (value: number) =>
    Number.isInteger(value) ? value.toLocaleString('en-US') : value.toFixed(4);
  return shown
    .slice(-2)
    .map((name) => `${name} ${number(ours.quality[name]!)} / ${number(peer.quality[name]!)}`)
    .join('; ');
}
