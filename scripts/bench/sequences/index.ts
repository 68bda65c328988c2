/**
 * The next movie of a history: our item tokens beside RecTools' SASRec of the same width, blocks and length, and
 * beside models that see no order, on one split, all lists scored by `recsys evaluate` or the same code:
 *
 *   npm run bench:sequences -- [--train FILE --test FILE --data NAME] [--passes 20] [--peer-passes 20]
 *     [--peer-batch-size 32] [--form bf16]... [--out FILE]
 *
 * By default the last rating of each user of the embedded data is to be found. Writes results/benchmark_sequences.json, or
 * --out, and prints its table. The peer is installed into an environment of its own (6 GB).
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadDataset } from '../../../src/data/loader.ts';
import { splitRatings } from '../../../src/data/split.ts';
import type { Dataset, Ratings } from '../../../src/data/dataset.ts';
import { writeFileAtomic } from '../../../src/util/files.ts';
import { packageRoot } from '../../../src/util/package.ts';
import { Rng } from '../../../src/util/rng.ts';
import { installPeers, lastLine } from '../peers.ts';
import { runProcess, type Finished } from '../process.ts';
import {
  sequenceBenchmarkSchema,
  sequenceRows,
  type SequenceBenchmark,
  type SequenceContender,
} from './record.ts';

const { values: flags } = parseArgs({
  options: {
    train: { type: 'string' },
    test: { type: 'string' },
    data: { type: 'string', default: 'ml-latest-small-2016, the last rating of each user' },
    passes: { type: 'string', default: '20' },
    'peer-passes': { type: 'string', default: '20' },
    'peer-batch-size': { type: 'string', default: '32' },
    form: { type: 'string', multiple: true, default: [] },
    threads: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string', default: 'results/benchmark_sequences.json' },
  },
});
const K = 10;
const here = fileURLToPath(new URL('.', import.meta.url));
const cli = join(packageRoot, 'dist', 'cli.js');
const cache = join(packageRoot, 'results', 'cache', 'bench');
const work = join(cache, 'sequences');

interface RecordRead {
  timing: Record<string, number>;
  models: {
    name: string;
    metrics: Record<string, { ndcg: { mean: number }; hitRate: { mean: number } }>;
  }[];
}

await mkdir(work, { recursive: true });
const files = flags.train && flags.test ? { train: flags.train, test: flags.test } : await embeddedSplit();
const split = [
  '--train',
  files.train,
  '--test',
  files.test,
  '--threshold',
  '0',
  '--k',
  String(K),
  '--json',
  '--quiet',
];
const evaluate = (lists: string) => [process.execPath, cli, 'evaluate', '--recommendations', lists, ...split];
const ours = (...args: string[]) => [process.execPath, cli, ...args, ...split, '--threads', flags.threads];
const record: SequenceBenchmark = {
  schemaVersion: 1,
  machine: { cpu: cpus()[0]!.model.trim(), threads: Number(flags.threads), node: process.version },
  data: flags.data,
  k: K,
  loadAverage: loadavg()[0]!,
  contenders: [],
  missing: [],
};
await measureItemTokens();
await measurePeer();
await measureBaselines();
await writeFileAtomic(flags.out, `${JSON.stringify(sequenceBenchmarkSchema.parse(record), null, 2)}\n`);
for (const row of sequenceRows(record)) console.log(row.join(' | '));
for (const { name, reason } of record.missing) console.log(`missing: ${name}: ${reason}`);

async function measureItemTokens(): Promise<void> {
  const results = join(work, 'items');
  await rm(results, { recursive: true, force: true });
  const options = [
    '--tokens',
    'items',
    '--item-objective',
    'next',
    '--epochs',
    flags.passes,
    '--batch-size',
    '32',
  ];
  const run = await runOurs(ours('finetune-gpt2', ...options, '--results-dir', results));
  const { models } = JSON.parse(run.stdout) as RecordRead;
  add(`recsys, item tokens`, Number(flags.passes), run, models[0]!);
}

async function measurePeer(): Promise<void> {
  const folder = process.env['BENCH_SEQUENCES_VENV'] ?? join(cache, 'venv-sequences');
  if (!process.env['BENCH_SEQUENCES_VENV'])
    record.missing.push(...(await installPeers(folder, join(here, 'requirements.txt'))));
  const passes = flags['peer-passes'];
  for (const form of ['float32', ...flags.form]) {
    const name = `RecTools, SASRec, ${form === 'float32' ? 'float32, eager' : form}`;
    const lists = join(work, 'lists.csv');
    const python = [join(folder, 'bin', 'python'), join(here, 'peer.py')];
    const run = await runProcess(
      [...python, files.train, files.test, lists, passes, flags['peer-batch-size'], flags.threads, form],
      process.env,
    );
    if (run.code !== 0) {
      record.missing.push({ name, reason: lastLine(run.stderr) });
      continue;
    }
    const scored = await runOurs(evaluate(lists));
    add(name, Number(passes), run, (JSON.parse(scored.stdout) as RecordRead).models[0]!);
  }
}

/** One process for all, so that time on processors and memory are not known of each. */
async function measureBaselines(): Promise<void> {
  const models = ['--models', 'popularity-count,mf,ease', '--results-dir', join(work, 'baselines')];
  const { stdout } = await runOurs(ours('baseline', ...models));
  const found = JSON.parse(stdout) as RecordRead;
  for (const model of found.models) {
    add(
      `recsys, ${model.name}`,
      null,
      { seconds: found.timing[`${model.name}.fit`]!, cpuSeconds: 0, peakKB: 0 },
      model,
    );
  }
}

async function runOurs(command: string[]): Promise<Finished> {
  const run = await runProcess(command, process.env);
  if (run.code !== 0) throw new Error(`${command.slice(2).join(' ')}: ${lastLine(run.stderr)}`);
  return run;
}

function add(
  name: string,
  passes: number | null,
  { seconds, cpuSeconds, peakKB }: Pick<Finished, 'seconds' | 'cpuSeconds' | 'peakKB'>,
  { metrics }: RecordRead['models'][number],
): void {
  const { ndcg, hitRate } = metrics[K]!;
  const contender: SequenceContender = {
    name,
    passes,
    seconds,
    cpuSeconds: cpuSeconds || null,
    peakMB: peakKB === 0 ? null : Math.round(peakKB / 1024),
    ndcg: ndcg.mean,
    hitRate: hitRate.mean,
  };
  record.contenders.push(contender);
  process.stderr.write(`${name}: ${seconds.toFixed(0)} s, NDCG@${K} ${ndcg.mean.toFixed(4)}\n`);
}

/** The last rating of each user of the embedded data as test, the others as train, in files that every tool reads. */
async function embeddedSplit(): Promise<{ train: string; test: string }> {
  const dataset = await loadDataset(join(packageRoot, 'data', 'ml-latest-small-2016'));
  const { train, test } = splitRatings(dataset, { kind: 'leave-last-one-out', testShare: 0.2 }, new Rng(42));
  const paths = { train: join(work, 'train.csv'), test: join(work, 'test.csv') };
  await writeFileAtomic(paths.train, csvOf(dataset, train));
  await writeFileAtomic(paths.test, csvOf(dataset, test));
  return paths;
}

function csvOf({ userIds, itemIds }: Dataset, { users, items, values, timestamps }: Ratings): string {
  const lines = Array.from(users, (user, row) =>
    [userIds[user], itemIds[items[row]!], values[row], timestamps[row]].join(','),
  );
  return `userId,movieId,rating,timestamp\n${lines.join('\n')}\n`;
}
