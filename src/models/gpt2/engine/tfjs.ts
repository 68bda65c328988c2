/** The engine on TensorFlow.js: a second implementation to check the first, and tfjs-node-gpu where it is installed. */
import { UsageError } from '../../../util/errors.ts';
import type { Engine, TrainingJob } from './engine.ts';
import { TfjsDecoder } from '../decoding/tfjs.ts';
import { loadTfjs, TfjsTrainee } from '../training/tfjs-trainee.ts';
import { runTraining } from '../training/trainer.ts';

/** Throws RecsysError with the reason when `gpu` is true and tfjs-node-gpu cannot be used. */
export async function openTfjsEngine(gpu: boolean | undefined): Promise<Engine> {
  const backend = await loadTfjs(gpu);
  return {
    description: backend.description,
    async train(job, context) {
      refuseUnsupported(job);
      const { base, options } = job;
      const { dropout } = options;
      const rates = { embd_pdrop: dropout, attn_pdrop: dropout, resid_pdrop: dropout };
      const config = { ...base.config, ...(dropout !== undefined && (rates as Record<string, number>)) };
      const trainee = new TfjsTrainee(backend, config, base.parameters);
      try {
        return await runTraining(trainee, job, context);
      } finally {
        trainee.dispose();
      }
    },
    decoder: (config, parameters) => Promise.resolve(new TfjsDecoder(backend, config, parameters)),
  };
}

function refuseUnsupported({ options }: TrainingJob): void {
  const [flag] = [options.lora > 0 && '--lora', options.checkpointing && '--checkpointing'].filter(Boolean);
  if (flag === undefined) return;
  throw new UsageError({
    place: String(flag),
    found: '--engine tfjs',
    wanted: '--engine onnx, which alone has it',
  });
}
