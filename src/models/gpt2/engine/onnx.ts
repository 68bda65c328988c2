/** The engine on ONNX Runtime: weights in memory on the CPU and CUDA, on the device with WebGPU. */
import type { Target } from '../../../onnx/emitter.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import { createSession } from '../../../onnx/session.ts';
import type { FitContext } from '../../recommender.ts';
import { gpuName } from './gpu-name.ts';
import { DeviceTrainee } from '../../../training/device-trainee.ts';
import type { Engine } from './engine.ts';
import { alphaOf, initialAdapters } from '../network/lora.ts';
import { OnnxDecoder } from '../decoding/onnx.ts';
import { OnnxTrainee } from '../../../training/onnx-trainee.ts';
import type { Trainee } from '../../../training/trainee.ts';
import type { Trainable, WithTrainee } from '../../../training/trainable.ts';
import { withDropout } from '../network/config.ts';
import type { TokenBatch } from '../network/token-batch.ts';
import { fineTune, type FineTuning } from '../training/fine-tune.ts';
import { gpt2Trainable } from '../training/loss-graph.ts';

/** Throws ONNX Runtime's error when the provider cannot be used on this machine. */
export async function openOnnxEngine(provider: Target, threads: number): Promise<Engine> {
  const { env } = await import('onnxruntime-node');
  await tryProvider(provider, threads);
  const where =
    provider === 'cpu'
      ? `${threads} CPU threads`
      : `${provider === 'cuda' ? 'CUDA' : 'WebGPU'} (${await gpuName(provider)})`;
  const withTrainee: WithTrainee = async (model, use) => {
    const trainee = await createTrainee(provider, model, threads);
    try {
      return await use(trainee);
    } finally {
      await trainee.dispose();
    }
  };
  return {
    description: `ONNX Runtime ${env.versions.node} on ${where}`,
    train: (tuning, context) =>
      withTrainee(trainableOf(tuning, context), (trainee) => fineTune(trainee, tuning, context)),
    withTrainee,
    // Replies are written on the CPU, whatever trained: rows come and go at every token.
    decoder: (config, parameters) => Promise.resolve(new OnnxDecoder(config, parameters, threads)),
  };
}

async function createTrainee<Batch>(
  provider: Target,
  model: Trainable<Batch>,
  threads: number,
): Promise<Trainee<Batch>> {
  return provider === 'webgpu'
    ? await DeviceTrainee.create(model, threads)
    : await OnnxTrainee.create(model, threads, provider);
}

function trainableOf({ base, options }: FineTuning, { rng }: FitContext): Trainable<TokenBatch> {
  const { dropout, checkpointing, lora } = options;
  const config = withDropout(base.config, dropout);
  const parts = { config, parameters: base.parameters, checkpointing };
  if (lora === 0) return gpt2Trainable(parts);
  const weights = initialAdapters(base, options, rng.derive('adapters'));
  return gpt2Trainable({ ...parts, lora: { weights, scale: alphaOf(options) / lora } });
}

/** Runs a small sum there, so that a missing driver is reported before anything is loaded. */
async function tryProvider(target: Target, threads: number): Promise<void> {
  const graph = createGraph();
  const x = graph.input('x', [2]);
  graph.output('y', x.add(x));
  const session = await createSession(graph, { target, threads });
  await session.run({ x: Float32Array.of(1, 2) });
  await session.release();
}
