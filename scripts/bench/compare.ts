/** Runs the contenders of a benchmark in turns, each turn in its own process, so that a disturbance affects all of them. */
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { median } from '../../src/util/arrays.ts';
import { ALS_CONFIDENCE, ALS_REGULARIZATION, RANK, THREADS } from './inputs.ts';
import { measureQuality } from './quality.ts';
import { lastLine } from './peers.ts';
import { runProcess } from './process.ts';
import type { BenchmarkRow, ContenderResult } from './record.ts';

export interface Contender {
  name: string;
  /** Program and arguments; `out` is the folder where it may leave factors, lists or predictions. */
  command: (out: string) => string[];
  env?: Record<string, string>;
}

/** One row of the benchmark record. */
export interface Benchmark {
  /** Key of the row in the record. */
  row: string;
  title: string;
  /** Folder of the data, and what tables call it. */
  folder: string;
  data: string;
  contenders: Contender[];
  turns: number;
  /** Measures the whole process instead of the seconds that it reports. */
  whole?: boolean;
  /** Runs a first turn that does not count: numba caches what it compiles on disk. */
  warmUp?: boolean;
  /** Files to drop from the disk cache before each turn. */
  cold?: string;
}

interface Turn {
  seconds: number;
  peakMB: number | null;
  quality: Record<string, number>;
}

/** Variables that limit or bind threads, such as OMP_PROC_BIND; `VARIABLE=value`, as the record has them. */
const THREAD_VARIABLE =
  /^(OMP|MKL|KMP|GOMP|OPENBLAS|GOTO|BLIS|VECLIB|NUMEXPR|NUMBA|RAYON|POLARS|TBB)_|_NUM_THREADS$|^UV_THREADPOOL_SIZE$/;
const isForeign = ([name]: [string, unknown]) => THREAD_VARIABLE.test(name);

/** What was removed from the caller's environment, sorted. */
export const foreignThreadVariables = Object.entries(process.env)
  .filter(isForeign)
  .map(([name, value]) => `${name}=${value ?? ''}`)
  .sort();

const threads = String(THREADS);
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter((entry) => !isForeign(entry))),
  BENCH_RANK: String(RANK),
  BENCH_THREADS: threads,
  BENCH_CONFIDENCE: String(ALS_CONFIDENCE),
  BENCH_REGULARIZATION: String(ALS_REGULARIZATION),
  OMP_NUM_THREADS: threads,
  MKL_NUM_THREADS: threads,
  NUMBA_NUM_THREADS: threads,
  RAYON_NUM_THREADS: threads,
  POLARS_MAX_THREADS: threads,
  RECSYS_NO_CACHE: '1',
};

/**
 * Measures every contender `turns` times, in turns. Seconds and memory are medians over turns; quality is that of the last
 * turn. A contender that fails once is left out and listed under `failed` with its reason. `cache` is the folder for output.
 */
export async function compare(benchmark: Benchmark, cache: string): Promise<BenchmarkRow> {
  const turns = new Map<string, Turn[]>(benchmark.contenders.map(({ name }) => [name, []]));
  const failed = new Map<string, string>();
  const load = loadavg()[0]!;
  for (let turn = benchmark.warmUp ? -1 : 0; turn < benchmark.turns; turn++) {
    for (const contender of benchmark.contenders) {
      if (failed.has(contender.name)) continue;
      const out = join(cache, 'out');
      await rm(out, { recursive: true, force: true });
      if (benchmark.cold !== undefined) dropFromDiskCache(benchmark.cold);
      const result = await run(contender, out, benchmark.whole ?? false);
      if (typeof result === 'string') failed.set(contender.name, result);
      else if (turn >= 0) {
        if (turn === benchmark.turns - 1 && !benchmark.whole)
          Object.assign(result.quality, await measureQuality(benchmark.folder, out));
        turns.get(contender.name)!.push(result);
        process.stderr.write(
          `${benchmark.row} ${turn + 1} ${contender.name}: ${result.seconds.toFixed(3)} s\n`,
        );
      }
    }
  }
  return {
    row: benchmark.row,
    title: benchmark.title,
    data: benchmark.data,
    contenders: [...turns].filter(([name]) => !failed.has(name)).map(([name, all]) => summary(name, all)),
    failed: [...failed].map(([name, reason]) => ({ name, reason })),
    loadAverage: load,
  };
}

function summary(name: string, turns: Turn[]): ContenderResult {
  const peaks = turns.flatMap(({ peakMB }) => peakMB ?? []);
  return {
    name,
    seconds: median(turns.map(({ seconds }) => seconds)),
    turns: turns.map(({ seconds }) => seconds),
    peakMB: peaks.length === 0 ? null : Math.round(median(peaks)),
    quality: turns.at(-1)!.quality,
  };
}

/** One turn: its seconds, memory and reported quality; or a string, the reason of its failure. */
async function run(contender: Contender, out: string, whole: boolean): Promise<Turn | string> {
  const { code, stdout, stderr, peakKB, ...finished } = await runProcess(contender.command(out), {
    ...environment,
    ...contender.env,
  });
  if (code !== 0) return `${code}: ${lastLine(stderr)}`;
  const { seconds, quality } = JSON.parse(whole ? stdout : lastLine(stdout)) as {
    seconds: number[];
    quality?: Record<string, number>;
  };
  return {
    // The first iteration compiles and touches memory for the first time; with several it is left out.
    seconds: whole ? finished.seconds : median(seconds.length > 1 ? seconds.slice(1) : seconds),
    peakMB: peakKB === 0 ? null : peakKB / 1024,
    quality: quality ?? baselineQuality(stdout),
  };
}

/** NDCG of each model in a record of `recsys baseline`. */
function baselineQuality(text: string): Record<string, number> {
  const { models } = JSON.parse(text) as {
    models: { name: string; metrics: Record<string, { ndcg: { mean: number } }> }[];
  };
  return Object.fromEntries(models.map(({ name, metrics }) => [`ndcg ${name}`, metrics['10']!.ndcg.mean]));
}

/** Drops a file from the disk cache by GNU dd (posix_fadvise). Returns false where that failed and it is still cached. */
export function dropFromDiskCache(file: string): boolean {
  return spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0']).status === 0;
}
