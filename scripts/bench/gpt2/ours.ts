/**
 * Our side: `ours.ts train|answers|items|decode BATCH LENGTH REPEATS THREADS [cpu|cuda|webgpu]` prints tokens/s (median) and
 * peak memory as JSON. With `answers` the loss is on the last quarter of each text; `items` trains a small model of item
 * tokens (items.ts). `product` gives GFLOP/s of one large product instead.
 */
import { createGraph } from '../../../src/onnx/ops/index.ts';
import { createSession } from '../../../src/onnx/session.ts';
import { gpt2ConfigSchema } from '../../../src/models/gpt2/network/config.ts';
import { OnnxDecoder } from '../../../src/models/gpt2/decoding/onnx.ts';
import { gpt2Trainable } from '../../../src/models/gpt2/training/loss-graph.ts';
import { initialParameters } from '../../../src/models/gpt2/network/presets.ts';
import { DeviceTrainee } from '../../../src/training/device-trainee.ts';
import { OnnxTrainee } from '../../../src/training/onnx-trainee.ts';
import type { Trainable } from '../../../src/training/trainable.ts';
import { Rng } from '../../../src/util/rng.ts';
import { itemModel } from './items.ts';

const [task, ...rest] = process.argv.slice(2);
const [batch, length, repeats, threads] = rest.slice(0, 4).map(Number) as [number, number, number, number];
const provider = rest[4] as 'cuda' | 'webgpu' | undefined;
const config = gpt2ConfigSchema.parse({ model_type: 'gpt2', resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 });
const parameters = initialParameters(config, new Rng(1));
const tokens = Int32Array.from({ length: batch * length }, (_, i) => (i * 7919) % config.vocab_size);
const seconds: number[] = [];
const losses: number[] = [];

async function timed(work: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await work();
  seconds.push((performance.now() - start) / 1000);
}

if (task === 'product') {
  const [rows, inner, columns] = [1024, 768, 3072];
  const graph = createGraph();
  const product = graph.input('a', [rows, inner]).matmul(graph.input('b', [inner, columns]));
  graph.output('product', product);
  const session = await createSession(graph, { target: 'cpu', threads, fill: true });
  const into = { product: new Float32Array(rows * columns) }; // written where it belongs, as PyTorch's `out`
  const feeds = {
    a: new Float32Array(rows * inner).fill(0.5),
    b: new Float32Array(inner * columns).fill(0.5),
  };
  for (let n = 0; n <= repeats; n++) await timed(async () => void (await session.run(feeds, into)));
} else if (task === 'items') {
  await train(...itemModel(batch, length));
} else if (task !== 'decode') {
  // As Hugging Face does with labels = ids: every token but a row's last predicts the one after it.
  const from = task === 'answers' ? (length * 3) / 4 : 0;
  const targets = tokens.map((_, at) =>
    at % length < from || (at + 1) % length === 0 ? -100 : tokens[at + 1]!,
  );
  const model = gpt2Trainable({ config, parameters, checkpointing: false });
  await train(model, { rows: batch, length, tokens, targets });
} else {
  const decoder = new OnnxDecoder(config, parameters, threads);
  const prompts = Array.from({ length: batch }, (_, row) =>
    tokens.subarray(row * length, (row + 1) * length),
  );
  let next = best(await decoder.start(prompts));
  for (let n = 0; n <= repeats; n++) {
    await timed(async () => {
      next = best(await decoder.step(next));
    });
  }
}

async function train<Batch>(model: Trainable<Batch>, batch: Batch): Promise<void> {
  const trainee =
    provider === 'webgpu'
      ? await DeviceTrainee.create(model, threads)
      : await OnnxTrainee.create(model, threads, provider);
  const options = { learningRate: 1e-4, weightDecay: 0.01, clipNorm: 1 };
  for (let n = 0; n <= repeats; n++) {
    await timed(async () => {
      const { loss } = await trainee.update([batch], options, new Rng(n));
      losses.push(loss);
    });
  }
}

/** The most probable token of each row. */
function best(logits: Float32Array): Int32Array {
  const width = config.vocab_size;
  return Int32Array.from({ length: batch }, (_, row) => {
    let most = row * width;
    for (let at = most; at < (row + 1) * width; at++) if (logits[at]! > logits[most]!) most = at;
    return most - row * width;
  });
}

const sorted = seconds.slice(1).sort((a, b) => a - b); // the first is warm-up
const perRun = { decode: batch, product: (2 * 1024 * 768 * 3072) / 1e9 }[task!] ?? batch * length;
process.stdout.write(
  JSON.stringify({
    tokensPerSecond: perRun / sorted[sorted.length >> 1]!,
    peakMB: process.resourceUsage().maxRSS / 1024,
    losses,
  }),
);
