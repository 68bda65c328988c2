/** Runs the contestants of one row in turns, each turn a process of its own, so that a disturbance meets all of them. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { ALS_CONFIDENCE, ALS_REGULARIZATION, RANK, THREADS } from './inputs.ts';
import { judge } from './judge.ts';
import { lastLine } from './peers.ts';
import type { BenchmarkRow, Contestant } from './record.ts';

export interface Entrant {
  name: string;
  /** Program and arguments; a place where lists may be left is given to it as `out`. */
  command: (out: string) => string[];
  env?: Record<string, string>;
}

export interface Contest {
  row: string;
  title: string;
  /** Folder of the data, and what tables call it. */
  folder: string;
  data: string;
  entrants: Entrant[];
  turns: number;
  /** The whole process is what counts, not what it reports. */
  whole?: boolean;
  /** A first turn that does not count: numba keeps what it compiles on disk. */
  warmUp?: boolean;
  /** Files to drop from the disk cache before each turn. */
  cold?: string;
}

interface Turn {
  seconds: number;
  peakMB: number | null;
  quality: Record<string, number>;
}

const threads = String(THREADS);
const environment = {
  ...process.env,
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

export async function hold(contest: Contest, cache: string): Promise<BenchmarkRow> {
  const turns = new Map<string, Turn[]>(contest.entrants.map(({ name }) => [name, []]));
  const failed = new Map<string, string>();
  const load = loadavg()[0]!;
  for (let turn = contest.warmUp ? -1 : 0; turn < contest.turns; turn++) {
    for (const entrant of contest.entrants) {
      if (failed.has(entrant.name)) continue;
      const out = join(cache, 'out');
      await rm(out, { recursive: true, force: true });
      if (contest.cold !== undefined) dropFromDiskCache(contest.cold);
      const result = await run(entrant, out, contest.whole ?? false);
      if (typeof result === 'string') failed.set(entrant.name, result);
      else if (turn >= 0) {
        if (turn === contest.turns - 1 && !contest.whole)
          Object.assign(result.quality, await judge(contest.folder, out));
        turns.get(entrant.name)!.push(result);
        process.stderr.write(`${contest.row} ${turn + 1} ${entrant.name}: ${result.seconds.toFixed(3)} s\n`);
      }
    }
  }
  return {
    row: contest.row,
    title: contest.title,
    data: contest.data,
    contestants: [...turns].filter(([name]) => !failed.has(name)).map(([name, all]) => summary(name, all)),
    failed: [...failed].map(([name, reason]) => ({ name, reason })),
    loadAverage: load,
  };
}

function summary(name: string, turns: Turn[]): Contestant {
  const peaks = turns.flatMap(({ peakMB }) => peakMB ?? []);
  return {
    name,
    seconds: median(turns.map(({ seconds }) => seconds)),
    turns: turns.map(({ seconds }) => seconds),
    peakMB: peaks.length === 0 ? null : Math.round(median(peaks)),
    quality: turns.at(-1)!.quality,
  };
}

/** One turn, or why it failed. */
async function run(entrant: Entrant, out: string, whole: boolean): Promise<Turn | string> {
  const [program, ...args] = entrant.command(out);
  const started = performance.now();
  const child = spawn(program!, args, { env: { ...environment, ...entrant.env } });
  let [text, errors, peak] = ['', '', 0];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors = (errors + chunk).slice(-4000)));
  const watch = setInterval(() => (peak = Math.max(peak, peakOf(child.pid))), 20);
  const code = await new Promise<number | string>((resolve) => {
    child
      .on('error', (error) => resolve(error.message))
      .on('close', (status, signal) => resolve(status ?? signal!));
  });
  clearInterval(watch);
  const wall = (performance.now() - started) / 1000;
  if (code !== 0) return `${code}: ${lastLine(errors)}`;
  const { seconds, quality } = JSON.parse(whole ? text : lastLine(text)) as {
    seconds: number[];
    quality?: Record<string, number>;
  };
  return {
    // The first iteration compiles and touches memory for the first time; with several it is left out.
    seconds: whole ? wall : median(seconds.length > 1 ? seconds.slice(1) : seconds),
    peakMB: peak === 0 ? null : peak / 1024,
    quality: quality ?? baselineQuality(text),
  };
}

/** NDCG of each model in a record of `recsys baseline`. */
function baselineQuality(text: string): Record<string, number> {
  const { models } = JSON.parse(text) as {
    models: { name: string; metrics: Record<string, { ndcg: { mean: number } }> }[];
  };
  return Object.fromEntries(models.map(({ name, metrics }) => [`ndcg ${name}`, metrics['10']!.ndcg.mean]));
}

/** Peak resident memory so far, in kB; 0 when it cannot be told. */
function peakOf(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** GNU dd knows how to (posix_fadvise); without it the file stays in the cache. */
export function dropFromDiskCache(file: string): boolean {
  return spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0']).status === 0;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
