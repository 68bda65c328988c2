/** What fine-tuning and generation need of whatever computes: ONNX Runtime or TensorFlow.js, on a CPU or a GPU. */
import type { FitContext } from '../../recommender.ts';
import type { FineTuned, FineTuning } from '../training/fine-tune.ts';
import type { Gpt2Config } from '../network/config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { WithTrainee } from '../../../training/trainable.ts';
import type { Decoder } from '../decoding/decoder.ts';

/** A decoder holds memory beyond JavaScript's: dispose of it. */
export type DisposableDecoder = Decoder & { dispose(): void | Promise<void> };

export interface Engine {
  /** What runs where, for the person: "ONNX Runtime 1.30.0 on 2 CPU threads". */
  description: string;
  /** Fine-tunes; throws as `fineTune` does. */
  train(tuning: FineTuning, context: FitContext): Promise<FineTuned>;
  /** Makes a trainee of any model of the training floor and disposes of it after `use`; absent where it cannot. */
  withTrainee?: WithTrainee;
  /** A decoder for texts of up to `contextLength` tokens. */
  decoder(config: Gpt2Config, parameters: Parameters, contextLength: number): Promise<DisposableDecoder>;
}
