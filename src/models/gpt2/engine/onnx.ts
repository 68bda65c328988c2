/** The engine on ONNX Runtime: weights in memory on the CPU and CUDA, on the device with WebGPU. */
import type { Target } from '../../../onnx/emitter.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import { createSession } from '../../../onnx/session.ts';
import type { FitContext } from '../../recommender.ts';
import { adapterName } from './gpu-name.ts';
import { DeviceTrainee } from '../training/device-trainee.ts';
import type { Engine, TrainingJob } from './engine.ts';
import { alphaOf, initialAdapters } from '../training/lora.ts';
import { OnnxDecoder } from '../decoding/onnx.ts';
import { OnnxTrainee, type TraineeParts } from '../training/onnx-trainee.ts';
import type { Trainee } from '../training/trainee.ts';
import { runTraining } from '../training/trainer.ts';

/** Throws ONNX Runtime's error when the provider cannot be used on this machine. */
export async function openOnnxEngine(provider: Target, threads: number): Promise<Engine> {
  const { env } = await import('onnxruntime-node');
  await tryProvider(provider, threads);
  const where =
    provider === 'cpu'
      ? `${threads} CPU threads`
      : `${provider === 'cuda' ? 'CUDA' : 'WebGPU'} (${await adapterName(provider)})`;
  return {
    description: `ONNX Runtime ${env.versions.node} on ${where}`,
    async train(job, context) {
      const trainee = await createTrainee(provider, traineeParts(job, context));
      try {
        return await runTraining(trainee, job, context);
      } finally {
        await trainee.dispose();
      }
    },
    // Replies are written on the CPU, whatever trained: rows come and go at every token.
    decoder: (config, parameters) => Promise.resolve(new OnnxDecoder(config, parameters, threads)),
  };
}

async function createTrainee(provider: Target, parts: TraineeParts): Promise<Trainee> {
  return provider === 'webgpu'
    ? await DeviceTrainee.create(parts)
    : await OnnxTrainee.create(parts, provider);
}

function traineeParts({ base, options }: TrainingJob, { rng, threads }: FitContext): TraineeParts {
  const { dropout, checkpointing, lora } = options;
  const config =
    dropout === undefined
      ? base.config
      : { ...base.config, embd_pdrop: dropout, attn_pdrop: dropout, resid_pdrop: dropout };
  const parts = { config, parameters: base.parameters, checkpointing, threads };
  if (lora === 0) return parts;
  const weights = initialAdapters(base, options, rng.derive('adapters'));
  return { ...parts, lora: { weights, scale: alphaOf(options) / lora } };
}

/** A small sum there, so that what is missing is said before anything is loaded. */
async function tryProvider(target: Target, threads: number): Promise<void> {
  const graph = createGraph();
  const x = graph.input('x', [2]);
  graph.output('y', x.add(x));
  const session = await createSession(graph, { target, threads });
  await session.run({ x: Float32Array.of(1, 2) });
  await session.release();
}
