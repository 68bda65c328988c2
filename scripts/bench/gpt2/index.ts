/**
 * `npm run bench:gpt2`: training and decoding of GPT-2 124M (random weights), ours against Hugging Face on PyTorch, in
 * turns on this machine's CPU. Writes results/benchmark_gpt2.json and prints its table. The peer is installed into an
 * environment of its own (5 GB).
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../../../src/util/arrays.ts';
import { writeFileAtomic } from '../../../src/util/files.ts';
import { packageRoot } from '../../../src/util/package.ts';
import { installPeers } from '../peers.ts';
import { gpt2BenchmarkSchema, gpt2Rows, type Gpt2Benchmark } from './record.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = join(packageRoot, 'results', 'benchmark_gpt2.json');
const threads = availableParallelism();
const turns = 3;
/** Of one process of the peer in another way: compiling may take long. */
const MAX_VARIANT_MINUTES = 4;
const tasks: Task[] = [
  { title: 'training, 4 x 256 tokens', argv: ['train', 4, 256, 3], variants: true },
  { title: 'training on answers, the last quarter', argv: ['answers', 4, 256, 3], variants: true },
  { title: 'decoding, batch 1 after 32 tokens', argv: ['decode', 1, 32, 30] },
  { title: 'decoding, batch 16 after 64 tokens', argv: ['decode', 16, 64, 15] },
];
const product = { title: 'product of 1024 x 768 and 768 x 3072', argv: ['product', 1, 1, 20] };

/** The peer in other ways, one turn each; ours computes in float32 and as it stands. */
const variants = [
  { name: 'autocast to bf16', variant: 'bf16' },
  { name: 'torch.compile', variant: 'compile' },
];

interface Task {
  title: string;
  argv: (string | number)[];
  /** Is the peer measured in other ways as well? */
  variants?: boolean;
}

interface Measured {
  tokensPerSecond: number;
  peakMB: number;
}

const folder = process.env['BENCH_GPT2_VENV'] ?? join(packageRoot, 'results', 'cache', 'bench', 'venv-gpt2');
const missing = process.env['BENCH_GPT2_VENV']
  ? []
  : await installPeers(folder, join(here, 'requirements.txt'));

const sides = {
  ours: [process.execPath, '--import', 'tsx', join(here, 'ours.ts')],
  'Hugging Face': [join(folder, 'bin', 'python'), join(here, 'peer.py')],
};

function measure(side: keyof typeof sides, argv: (string | number)[], variant = ''): Measured {
  const [program, ...before] = sides[side];
  const run = spawnSync(program!, [...before, ...argv.map(String), String(threads)], {
    encoding: 'utf8',
    env: { ...process.env, PEER_VARIANT: variant },
    ...(variant !== '' && { timeout: MAX_VARIANT_MINUTES * 60_000, killSignal: 'SIGKILL' }),
  });
  const { status, stdout, stderr } = run;
  if (status !== 0)
    throw new Error(`${side} ${variant}: ${run.error ? timeLimit(run.error) : reason(stderr)}`);
  const measured = JSON.parse(stdout) as Measured;
  process.stderr.write(`${argv.join(' ')} ${side} ${variant}: ${measured.tokensPerSecond.toFixed(0)}\n`);
  return measured;
}

function timeLimit(error: NodeJS.ErrnoException): string {
  return error.code === 'ETIMEDOUT' ? `not done after ${MAX_VARIANT_MINUTES} minutes` : error.message;
}

/** The last line of a Python traceback that names an error; what follows may be advice. */
function reason(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1)!;
}

const summary = (all: Measured[]) => ({
  speed: median(all.map(({ tokensPerSecond }) => tokensPerSecond)),
  peakMB: median(all.map(({ peakMB }) => peakMB)),
});

/** The peer in another way; nothing, with a line in `missing`, where it does not run here. It is tried for one task only then. */
function measureVariant(argv: (string | number)[], { name, variant }: (typeof variants)[number]) {
  const title = `Hugging Face, ${name}`;
  if (missing.some((failed) => failed.name === title)) return [];
  try {
    return [{ name, ...summary([measure('Hugging Face', argv, variant)]) }];
  } catch (error) {
    missing.push({ name: title, reason: String(error) });
    return [];
  }
}

/** Both sides in turns: medians of ours, and of the peer. */
function compare({ title, argv, variants: hasVariants = false }: Task) {
  const ours: Measured[] = [];
  const peer: Measured[] = [];
  for (let turn = 0; turn < turns; turn++) {
    ours.push(measure('ours', argv));
    peer.push(measure('Hugging Face', argv));
  }
  const others = hasVariants ? variants.flatMap((own) => measureVariant(argv, own)) : [];
  return { title, ours: summary(ours), peer: summary(peer), ...(hasVariants && { others }) };
}

const machine = { cpu: cpus()[0]!.model.trim(), threads, node: process.version };
const record: Gpt2Benchmark = { schemaVersion: 1, machine, turns, missing, rows: tasks.map(compare) };
record.product = compare(product);
await writeFileAtomic(out, `${JSON.stringify(gpt2BenchmarkSchema.parse(record), null, 2)}\n`);
for (const row of gpt2Rows(record)) console.log(row.join(' | '));
for (const { name, reason } of missing) console.log(`missing: ${name}: ${reason}`);
