/** The engine on TensorFlow.js: a second implementation to check the first, and tfjs-node-gpu where it is installed. */
import { UsageError } from '../../../util/errors.ts';
import { withDropout } from '../network/config.ts';
import { loadTfjs } from '../network/tfjs-backend.ts';
import { fineTune, type FineTuning } from '../training/fine-tune.ts';
import type { Engine } from './engine.ts';
import { TfjsDecoder } from '../decoding/tfjs.ts';
import { TfjsTrainee } from '../training/tfjs-trainee.ts';

/** Throws RecsysError with the reason when `gpu` is true and tfjs-node-gpu cannot be used. */
export async function openTfjsEngine(gpu: boolean | undefined): Promise<Engine> {
  const backend = await loadTfjs(gpu);
  return {
    description: backend.description,
    async train(tuning, context) {
      refuseUnsupported(tuning);
      const { base, options } = tuning;
      const config = withDropout(base.config, options.dropout);
      const trainee = new TfjsTrainee(backend, config, base.parameters);
      try {
        return await fineTune(trainee, tuning, context);
      } finally {
        trainee.dispose();
      }
    },
    decoder: (config, parameters) => Promise.resolve(new TfjsDecoder(backend, config, parameters)),
  };
}

function refuseUnsupported({ options }: FineTuning): void {
  const [flag] = [options.lora > 0 && '--lora', options.checkpointing && '--checkpointing'].filter(Boolean);
  if (flag === undefined) return;
  throw new UsageError({
    place: String(flag),
    found: '--engine tfjs',
    wanted: '--engine onnx, which alone has it',
  });
}
