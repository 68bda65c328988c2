/** What fine-tuning and generation need of whatever computes: ONNX Runtime or TensorFlow.js, on a CPU or a GPU. */
import type { FitContext } from '../../recommender.ts';
import type { BaseModel } from '../network/base.ts';
import type { Example } from '../prompt/batch.ts';
import type { Gpt2Config } from '../network/config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { Decoder } from '../decoding/decoder.ts';
import type { Gpt2TrainOptions } from '../options.ts';
import type { Adapter } from '../network/peft.ts';

/** What to train on what. Validation texts only measure the loss. */
export interface TrainingJob {
  base: BaseModel;
  /** The texts of pass 0, 1, ...: the same ones whenever a pass is asked for, so that a resumed run sees what it would have. */
  texts(pass: number): Example[];
  validation: readonly Example[];
  /** Longest text in tokens; shorter ones are filled up with `padding`. */
  contextLength: number;
  padding: number;
  options: Gpt2TrainOptions;
  /** Folder for checkpoints. */
  output: string;
  /** A line of JSON per step is appended here. */
  log: string;
}

export interface TrainingOutcome {
  /** The best weights by validation loss, with adapters merged in. */
  parameters: Parameters;
  /** With `options.lora`. */
  adapter?: Adapter;
  /** For the record: steps, final losses, tokens. Nothing that differs from run to run. */
  facts: Record<string, number | string | boolean>;
}

/** A decoder holds memory beyond JavaScript's: dispose of it. */
export type DisposableDecoder = Decoder & { dispose(): void | Promise<void> };

export interface Engine {
  /** What runs where, for the person: "ONNX Runtime 1.30.0 on 2 CPU threads". */
  description: string;
  train(job: TrainingJob, context: FitContext): Promise<TrainingOutcome>;
  /** A decoder for texts of up to `contextLength` tokens. */
  decoder(config: Gpt2Config, parameters: Parameters, contextLength: number): Promise<DisposableDecoder>;
}
