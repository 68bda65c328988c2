/**
 * Speed beside the Python tools that people would use instead, in one run:
 *
 *   npm run bench -- [--quick] [--only ROW]... [--out results/benchmark.json]
 *
 * The first run installs the peers under results/cache/bench. --quick takes small data; --only replaces rows of the
 * file that is there. Seconds are medians over alternating turns; each process gets two threads.
 */
import { cpus, totalmem } from 'node:os';
import { execFileSync } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFileAtomic } from '../../src/util/files.ts';
import { packageRoot } from '../../src/util/package.ts';
import { compare, foreignThreadVariables, type Benchmark, type Contender } from './compare.ts';
import { prepareInputs, THREADS } from './inputs.ts';
import { peerFolder, preparePeers, type Environments } from './peers.ts';
import { benchmarkSchema, comparisonRows, scalingRows, type BenchmarkRecord } from './record.ts';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    out: { type: 'string', default: 'results/benchmark.json' },
  },
});
const cache = join(packageRoot, 'results', 'cache', 'bench');
const million = 1_000_000;

/** Peers of each row: script and environment. */
type Peer = [name: string, script: string, environment?: 'venv-numpy1'];
interface Row {
  title: string;
  ratings: number;
  /** Iterations within a process, and processes. */
  iterations: number;
  turns: number;
  cold?: boolean;
  peers: Peer[];
}

const loaders: Peer[] = [
  ['pandas', 'load_pandas.py'],
  ['polars', 'load_polars.py'],
];
const rows: Record<string, Row> = {
  load: {
    title: 'ratings.csv to columns, warm disk cache',
    ratings: 32_000_204,
    iterations: 1,
    turns: 3,
    peers: loaders,
  },
  'load-1m': {
    title: 'ratings.csv to columns, warm disk cache',
    ratings: million,
    iterations: 1,
    turns: 7,
    peers: loaders,
  },
  'load-cold': {
    title: 'ratings.csv to columns, cold',
    ratings: 32_000_204,
    iterations: 1,
    turns: 3,
    cold: true,
    peers: loaders,
  },
  als: {
    title: 'ALS sweep, rank 64',
    ratings: 25 * million,
    iterations: 3,
    turns: 3,
    peers: [
      ['implicit', 'als_implicit.py'],
      ['LensKit', 'als_lenskit.py'],
      ['buffalo', 'als_buffalo.py', 'venv-numpy1'],
    ],
  },
  bpr: {
    title: 'BPR epoch, rank 64',
    ratings: 10 * million,
    iterations: 5,
    turns: 3,
    peers: [
      ['implicit', 'bpr_implicit.py'],
      ['buffalo', 'bpr_buffalo.py', 'venv-numpy1'],
    ],
  },
  fm: {
    title: 'FM epoch, rank 64, squared error',
    ratings: million,
    iterations: 8,
    turns: 3,
    peers: [['myFM', 'fm_myfm.py', 'venv-numpy1']],
  },
  mf: {
    title: 'the same without features: biased MF',
    ratings: million,
    iterations: 8,
    turns: 3,
    peers: [
      ['cornac MF', 'mf_cornac.py'],
      ['Surprise SVD (one thread)', 'mf_surprise.py', 'venv-numpy1'],
    ],
  },
  top: {
    title: 'top 10 for all users, rank 64',
    ratings: 10 * million,
    iterations: 1,
    turns: 3,
    peers: [
      ['implicit', 'top_implicit.py'],
      ['PyTorch', 'top_torch.py'],
    ],
  },
  metrics: {
    title: 'metrics of all users',
    ratings: 10 * million,
    iterations: 5,
    turns: 3,
    peers: [
      ['NumPy', 'metrics_numpy.py'],
      ['ranx', 'metrics_ranx.py'],
    ],
  },
};
const scaled = ['load', 'als', 'bpr', 'fm', 'mf', 'top', 'metrics'];
const names = ['baseline', 'baseline-without-fm', ...Object.keys(rows), 'scaling'];
for (const name of flags.only ?? []) {
  if (!names.includes(name)) throw new Error(`--only ${name}: one of ${names.join(', ')}`);
}
const wanted = (name: string) => flags.only === undefined || flags.only.includes(name);

const compiled = await compile();
const environments = await preparePeers(cache);
const record = await startRecord(environments);
for (const name of ['baseline', 'baseline-without-fm'] as const)
  if (wanted(name)) await saveRow(await compare(baseline(environments, name), cache));
for (const [name, row] of Object.entries(rows)) {
  if (wanted(name)) await saveRow(await compare(await benchmarkOf(name, row, environments), cache));
}
if (wanted('scaling')) await scale();
for (const row of [...comparisonRows(record), [], ...scalingRows(record)])
  process.stdout.write(`${row.join(' | ')}\n`);
for (const { name, reason } of record.missing) process.stdout.write(`missing: ${name}: ${reason}\n`);

/** Our side as JavaScript, as users run it: tsx would take 50 MB for itself. Returns the script. */
async function compile(): Promise<string> {
  const folder = join(cache, 'js');
  const project = fileURLToPath(new URL('.', import.meta.url));
  execFileSync('npx', ['tsc', '-p', project], { stdio: 'inherit' });
  // The compiled files look for data and kernels where the sources' project has them.
  for (const name of ['dist', 'data', 'package.json'])
    await symlink(join(packageRoot, name), join(folder, name)).catch(ignoreExisting);
  return join(folder, 'scripts', 'bench', 'ours.js');
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** The record so far: with --only what the file holds, otherwise nothing. */
async function startRecord({ missing }: Environments): Promise<BenchmarkRecord> {
  const old = flags.only && (await readFile(flags.out, 'utf8').catch(() => undefined));
  const kept = old === undefined ? undefined : benchmarkSchema.parse(JSON.parse(old));
  return {
    schemaVersion: 2,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      threads: THREADS,
      memoryGB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
    removedVariables: foreignThreadVariables,
    missing,
    rows: kept?.rows ?? [],
    scaling: kept?.scaling ?? [],
  };
}

/** Saves after each row: an interrupted run keeps what it has measured. */
async function saveRow(row: BenchmarkRecord['rows'][number]): Promise<void> {
  const others = [...record.rows.filter((other) => other.row !== row.row), row];
  record.rows = others.toSorted((a, b) => names.indexOf(a.row) - names.indexOf(b.row));
  for (const { name, reason } of row.failed) process.stderr.write(`${row.row}: ${name} failed: ${reason}\n`);
  await save();
}

async function save(): Promise<void> {
  await writeFileAtomic(flags.out, `${JSON.stringify(benchmarkSchema.parse(record), null, 2)}\n`);
}

/** With the factorization machines and without: most of the peer's time is one that does not rank. */
function baseline({ python }: Environments, row: 'baseline' | 'baseline-without-fm'): Benchmark {
  const folder = join(packageRoot, 'data', 'ml-latest-small-2016');
  const cli = join(packageRoot, 'dist', 'cli.js');
  const withFm = row === 'baseline';
  const models = withFm ? [] : ['--models', 'popularity,popularity-count,mf'];
  return {
    row,
    title: `whole baseline${withFm ? '' : ' without FM'}, process start to results`,
    data: 'ml-latest-small',
    folder,
    whole: true,
    warmUp: true,
    turns: flags.quick ? 3 : 5,
    contenders: [
      {
        name: 'recsys',
        command: (out) => {
          const options = ['--json', '--quiet', '--threads', String(THREADS), '--results-dir', out];
          return [process.execPath, cli, 'baseline', ...models, ...options];
        },
      },
      ...['ranx', 'numpy'].map((metrics) => ({
        name: `implicit, ${withFm ? 'myFM, ' : ''}${metrics}`,
        env: { OPENBLAS_NUM_THREADS: '1' }, // as implicit asks
        command: () => [
          python['venv-numpy1'],
          join(peerFolder, 'baseline.py'),
          folder,
          metrics,
          ...(withFm ? [] : ['no-fm']),
        ],
      })),
    ],
  };
}

async function benchmarkOf(name: string, row: Row, { python }: Environments): Promise<Benchmark> {
  const ratings = flags.quick ? Math.min(row.ratings, million) : row.ratings;
  const folder = await prepareInputs(cache, ratings);
  const iterations = String(row.iterations);
  const peers = row.peers.map(([peer, script, environment]): Contender => {
    const command = [python[environment ?? 'venv'], join(peerFolder, script), folder];
    // implicit asks for BLAS without threads of its own: its rows are what it shares out.
    const env = { OPENBLAS_NUM_THREADS: peer === 'implicit' ? '1' : String(THREADS) };
    return { name: peer, env, command: (out) => [...command, out, iterations] };
  });
  return {
    row: name,
    title: row.title,
    data: `${Number((ratings / million).toFixed(1))} million, synthetic`,
    folder,
    contenders: [ours(name, folder, iterations), ...peers],
    turns: row.turns,
    ...(row.cold && { cold: join(folder, 'ratings.csv') }),
  };
}

function ours(name: string, folder: string, iterations: string): Contender {
  const [work] = name.split('-') as [string];
  return { name: 'recsys', command: (out) => [process.execPath, compiled, work, folder, out, iterations] };
}

/** How our own time grows with the data. */
async function scale(): Promise<void> {
  record.scaling = [];
  for (const ratings of flags.quick
    ? [million / 10, million]
    : [million / 10, million, 10 * million, 25 * million]) {
    const folder = await prepareInputs(cache, ratings);
    for (const row of scaled) {
      const { title } = rows[row]!;
      const contenders = [ours(row, folder, '3')];
      const benchmark = { row, title, folder, data: '', contenders, turns: ratings > 10 * million ? 1 : 3 };
      const { contenders: measured, failed } = await compare(benchmark, cache);
      if (measured[0]) record.scaling.push({ row, title, ratings, seconds: measured[0].seconds });
      else process.stderr.write(`${row}, ${ratings} ratings: ${failed[0]?.reason}\n`);
      await save();
    }
  }
}
