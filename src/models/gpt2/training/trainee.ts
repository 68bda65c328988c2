/** What the training loop needs of whatever computes: one update, one loss, and all that a resumed run must know. */
import type { Rng } from '../../../util/rng.ts';
import type { TokenBatch } from '../prompt/batch.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';

/** One AdamW update (Loshchilov and Hutter 2019, as torch.optim.AdamW computes it). */
export interface AdamWOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled, on matrices only: not on biases and LayerNorm. */
  weightDecay: number;
  /** Gradients are scaled down to this global norm. */
  clipNorm: number;
}

/** All that shapes further updates. */
export interface TrainingState {
  /** Made so far. */
  updates: number;
  /** What is trained: the parameters, or with LoRA the adapters' matrices. */
  weights: Parameters;
  /** AdamW's moments, by the same names. */
  first: Parameters;
  second: Parameters;
}

/** Weights that are being trained, and their optimizer. Call `dispose` when done. */
export interface Trainee {
  /**
   * One update from the mean loss over all targets of `batches`, one or more that may differ in length. `rng` draws the
   * dropout masks, and nothing else. Returns that loss before the update and the gradient's global norm before
   * clipping; where one of them is not finite nothing changes.
   */
  update(
    batches: readonly TokenBatch[],
    options: AdamWOptions,
    rng: Rng,
  ): Promise<{ loss: number; gradientNorm: number }>;
  /** Mean cross-entropy over the batch's targets, in nats, without dropout. */
  loss(batch: TokenBatch): Promise<number>;
  /** A copy that later updates do not change. */
  state(): Promise<TrainingState>;
  /** Continues from `state`, whose tensors are copied. */
  restore(state: TrainingState): Promise<void>;
  dispose(): void | Promise<void>;
}
