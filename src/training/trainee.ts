/**
 * What the training loop needs of whatever computes: one update, one loss, and all that a resumed run must know.
 * `Batch` is what the model trains on; the loop and the optimizers never look into one.
 */
import type { Parameters } from '../huggingface/tensors.ts';
import type { Rng } from '../util/rng.ts';

/** What may change from update to update; AdamW's betas and epsilon are constants (`ADAMW` in src/onnx/adamw.ts). */
export interface UpdateOptions {
  learningRate: number;
  /** Decoupled, on matrices only: not on biases and LayerNorm. */
  weightDecay: number;
  /** Gradients are scaled down to this global norm. */
  clipNorm: number;
}

/** All that shapes further updates. */
export interface TrainingState {
  /** Made so far. */
  updates: number;
  /** What is trained: all parameters, or with LoRA the adapters' matrices. */
  weights: Parameters;
  /** AdamW's moments, by the same names. */
  first: Parameters;
  second: Parameters;
}

/** Weights that are being trained, and their optimizer. Call `dispose` when done. */
export interface Trainee<Batch> {
  /**
   * One AdamW update from the mean loss over all targets of `batches`, one or more that may differ in size. `rng` draws
   * the dropout masks, and nothing else. Returns that loss before the update and the gradient's global norm before
   * clipping; where one of them is not finite nothing changes.
   */
  update(
    batches: readonly Batch[],
    options: UpdateOptions,
    rng: Rng,
  ): Promise<{ loss: number; gradientNorm: number }>;
  /** Mean loss over the batch's targets, in nats, without dropout. */
  loss(batch: Batch): Promise<number>;
  /** A copy that later updates do not change. */
  state(): Promise<TrainingState>;
  /** Continues from `state`, whose tensors are copied. */
  restore(state: TrainingState): Promise<void>;
  dispose(): void | Promise<void>;
}
