/**
 * `npx tsx scripts/bench/gpt2/gpu.ts PYTHON [TURNS]`: training on this machine's GPU, ours on WebGPU and CUDA beside
 * Hugging Face on PyTorch. PYTHON has torch and transformers. Writes results/benchmark_gpt2_gpu.json and prints its
 * table.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gpuName } from '../../../src/models/gpt2/engine/gpu-name.ts';
import { median } from '../../../src/util/arrays.ts';
import { writeFileAtomic } from '../../../src/util/files.ts';
import { packageRoot } from '../../../src/util/package.ts';
import { gpuBenchmarkSchema, gpuRows, type GpuBenchmark } from './record.ts';
import { measureInTurns } from './turns.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const python = process.argv[2] ?? 'python3';
const threads = availableParallelism();
const turns = Number(process.argv[3] ?? 2);
const TIMEOUT_MS = 90_000;
const SHOWN_LOSSES = 3;

const ours = [process.execPath, '--import', 'tsx', join(here, 'ours.ts')];
const peer = [python, join(here, 'peer.py')];
const sides = [
  { name: 'recsys on WebGPU', command: ours, provider: 'webgpu', variant: '' },
  { name: 'recsys on CUDA', command: ours, provider: 'cuda', variant: '' },
  { name: 'PyTorch, float32', command: peer, provider: 'cuda', variant: '' },
  { name: 'PyTorch, TF32', command: peer, provider: 'cuda', variant: 'tf32' },
  { name: 'PyTorch, bf16', command: peer, provider: 'cuda', variant: 'bf16' },
  { name: 'PyTorch, bf16, torch.compile', command: peer, provider: 'cuda', variant: 'bf16+compile' },
];
const tasks = [
  { title: 'GPT-2 124M, 4 x 256 tokens', argv: ['train', 4, 256, 10] },
  { title: 'GPT-2 124M, 8 x 512 tokens', argv: ['train', 8, 512, 10] },
  { title: 'item tokens, 128 x 200', argv: ['items', 128, 200, 20] },
];

/** Every side in turns. */
function compare({ title, argv }: (typeof tasks)[number]): GpuBenchmark['rows'][number] {
  const runs = sides.map(({ name, command, provider, variant }) => ({
    name,
    run: { command, args: [...argv, threads, provider], variant, timeoutMs: TIMEOUT_MS },
  }));
  return {
    title,
    sides: measureInTurns(title, runs, turns).map(({ name, measured, reason }) => {
      const losses = measured.at(-1)?.losses.slice(0, SHOWN_LOSSES) ?? [];
      if (reason !== undefined) return { name, tokensPerSecond: null, losses, reason };
      return { name, tokensPerSecond: median(measured.map((own) => own.tokensPerSecond)), losses };
    }),
  };
}

const torch = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
const record: GpuBenchmark = {
  schemaVersion: 1,
  turns,
  machine: {
    gpu: await gpuName('cuda'),
    cpu: cpus()[0]!.model.trim(),
    node: process.version,
    torch: torch.stdout.trim(),
  },
  rows: tasks.map(compare),
};
const out = join(packageRoot, 'results', 'benchmark_gpt2_gpu.json');
await writeFileAtomic(out, `${JSON.stringify(gpuBenchmarkSchema.parse(record), null, 2)}\n`);
for (const row of gpuRows(record)) console.log(row.join(' | '));
