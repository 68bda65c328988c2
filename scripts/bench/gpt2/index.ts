/**
 * `npm run bench:gpt2`: training and decoding of GPT-2 124M (random weights), ours against Hugging Face on PyTorch, in
 * turns on this machine's CPU. Writes results/benchmark_gpt2.json and prints its table. The peer is installed into an
 * environment of its own (5 GB).
 */
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../../../src/util/arrays.ts';
import { writeFileAtomic } from '../../../src/util/files.ts';
import { packageRoot } from '../../../src/util/package.ts';
import { installPeers } from '../peers.ts';
import { gpt2BenchmarkSchema, gpt2Rows, type Gpt2Benchmark } from './record.ts';
import { measureInTurns, type Measured } from './turns.ts';

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

const folder = process.env['BENCH_GPT2_VENV'] ?? join(packageRoot, 'results', 'cache', 'bench', 'venv-gpt2');
const missing = process.env['BENCH_GPT2_VENV']
  ? []
  : await installPeers(folder, join(here, 'requirements.txt'));

const ours = [process.execPath, '--import', 'tsx', join(here, 'ours.ts')];
const peer = [join(folder, 'bin', 'python'), join(here, 'peer.py')];

const summary = (all: Measured[]) => ({
  speed: median(all.map(({ tokensPerSecond }) => tokensPerSecond)),
  peakMB: median(all.map(({ peakMB }) => peakMB)),
});

/** The peer in another way; nothing, with a line in `missing`, where it does not run here. It is tried for one task only then. */
function measureVariant({ title, argv }: Task, { name, variant }: (typeof variants)[number]) {
  const full = `Hugging Face, ${name}`;
  if (missing.some((failed) => failed.name === full)) return [];
  const run = { command: peer, args: [...argv, threads], variant, timeoutMs: MAX_VARIANT_MINUTES * 60_000 };
  const [side] = measureInTurns(title, [{ name: full, run }], 1);
  if (side!.reason === undefined) return [{ name, ...summary(side!.measured) }];
  missing.push({ name: full, reason: side!.reason });
  return [];
}

/** Both sides in turns: medians of ours, and of the peer. Throws Error where one of them fails. */
function compare(task: Task) {
  const { title, argv, variants: hasVariants = false } = task;
  const run = (command: string[]) => ({ command, args: [...argv, threads], variant: '' });
  const sides = [
    { name: 'ours', run: run(ours) },
    { name: 'Hugging Face', run: run(peer) },
  ];
  const [own, other] = measureInTurns(title, sides, turns).map(({ name, measured, reason }) => {
    if (reason !== undefined) throw new Error(`${name}: ${reason}`);
    return summary(measured);
  });
  const others = hasVariants ? variants.flatMap((variant) => measureVariant(task, variant)) : [];
  return { title, ours: own!, peer: other!, ...(hasVariants && { others }) };
}

const machine = { cpu: cpus()[0]!.model.trim(), threads, node: process.version };
const record: Gpt2Benchmark = { schemaVersion: 1, machine, turns, missing, rows: tasks.map(compare) };
record.product = compare(product);
await writeFileAtomic(out, `${JSON.stringify(gpt2BenchmarkSchema.parse(record), null, 2)}\n`);
for (const row of gpt2Rows(record)) console.log(row.join(' | '));
for (const { name, reason } of missing) console.log(`missing: ${name}: ${reason}`);
