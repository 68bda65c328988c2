/**
 * `npm run bench:gpt2`: training and decoding of GPT-2 124M (random weights), ours against Hugging Face on PyTorch, in
 * turns on this machine's CPU. Prints a Markdown table. The peer is installed into an environment of its own (5 GB).
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../../src/util/files.ts';
import { installPeers } from '../peers.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const threads = availableParallelism();
const turns = 3;
const tasks = [
  { title: 'training, 4 x 256 tokens', argv: ['train', 4, 256, 3] },
  { title: 'training on answers, the last quarter', argv: ['answers', 4, 256, 3] },
  { title: 'decoding, batch 1 after 32 tokens', argv: ['decode', 1, 32, 30] },
  { title: 'decoding, batch 16 after 64 tokens', argv: ['decode', 16, 64, 15] },
];

interface Measured {
  tokensPerSecond: number;
  peakMB: number;
  losses: number[];
}

const folder = process.env['BENCH_GPT2_VENV'] ?? join(packageRoot, 'results', 'cache', 'bench', 'venv-gpt2');
const missing = process.env['BENCH_GPT2_VENV']
  ? []
  : await installPeers(folder, join(here, 'requirements.txt'));
for (const { name, reason } of missing) console.log(`missing: ${name}: ${reason}`);

const sides = {
  ours: [process.execPath, '--import', 'tsx', join(here, 'ours.ts')],
  'Hugging Face': [join(folder, 'bin', 'python'), join(here, 'peer.py')],
};

function measure(side: keyof typeof sides, argv: (string | number)[]): Measured {
  const [program, ...before] = sides[side];
  const { status, stdout, stderr } = spawnSync(program!, [...before, ...argv.map(String), String(threads)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${side}: ${stderr}`);
  return JSON.parse(stdout) as Measured;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
const cells = (all: Measured[]) => ({
  speed: median(all.map(({ tokensPerSecond }) => tokensPerSecond)),
  peak: median(all.map(({ peakMB }) => peakMB)),
});

/** Both sides in turns: medians of ours, and of the peer. */
function contest(argv: (string | number)[]) {
  const ours: Measured[] = [];
  const peer: Measured[] = [];
  for (let turn = 0; turn < turns; turn++) {
    ours.push(measure('ours', argv));
    peer.push(measure('Hugging Face', argv));
  }
  return [cells(ours), cells(peer)] as const;
}

console.log(`${cpus()[0]!.model.trim()}, ${threads} threads, medians of ${turns} runs in turns\n`);
console.log(
  '| GPT-2 124M, float32 | ours, tokens/s | Hugging Face, tokens/s | ratio | ours, peak MB | its peak MB |',
);
console.log('| --- | --: | --: | --: | --: | --: |');
for (const { title, argv } of tasks) {
  const [a, b] = contest(argv);
  const numbers = [a.speed, b.speed].map((speed) => speed.toFixed(0));
  const memory = [a.peak, b.peak].map((peak) => peak.toFixed(0));
  console.log(
    `| ${title} | ${numbers.join(' | ')} | ${(a.speed / b.speed).toFixed(2)} | ${memory.join(' | ')} |`,
  );
}

const [a, b] = contest(['product', 1, 1, 20]);
console.log(
  `\nA product of 1024 x 768 and 768 x 3072: ours ${a.speed.toFixed(0)} GFLOP/s, PyTorch ${b.speed.toFixed(0)}. ` +
    `Training takes 6 x 124.4M per token: at most ${((a.speed * 1e9) / (6 * 124.4e6)).toFixed(0)} tokens/s.`,
);
