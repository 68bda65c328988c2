/** AdamW (Loshchilov and Hutter 2019, as torch.optim.AdamW computes it) as a graph, and global-norm clipping. */
import type { Graph, Shape, Tensor } from './graph.ts';

/** PyTorch's defaults. Constants, not options: they are compiled into the graphs of updates. */
export const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** What may change from update to update. */
export interface AdamWSettings {
  learningRate: number;
  /** Decoupled; a weight shrinks by learningRate * weightDecay of itself. */
  weightDecay: number;
}

/** One weight's values, as inputs or results. */
export interface Slot {
  weight: Tensor;
  first: Tensor;
  second: Tensor;
}

/** Numbers that change from update to update, inputs of the graph without axes. */
export interface UpdateInputs {
  /** Learning rate over the first moment's bias correction. */
  stepSize: Tensor;
  /** 1 / sqrt of the second moment's bias correction. */
  rootCorrection: Tensor;
  /** learningRate * weightDecay; not for what is not decayed. */
  decay?: Tensor;
  /** What gradients are multiplied by so that their global norm stays within the limit. */
  clip: Tensor;
}

/** Values of the UpdateInputs for the `update`-th update, counted from 1. */
export function updateScalars(
  update: number,
  { learningRate, weightDecay }: AdamWSettings,
): { stepSize: number; rootCorrection: number; decay: number } {
  return {
    stepSize: learningRate / (1 - ADAMW.beta1 ** update),
    rootCorrection: 1 / Math.sqrt(1 - ADAMW.beta2 ** update),
    decay: learningRate * weightDecay,
  };
}

/** Adds one weight's update to a graph. All tensors have the weight's shape. */
export function addAdamW(
  { weight, first, second }: Slot,
  gradient: Tensor,
  { stepSize, rootCorrection, decay, clip }: UpdateInputs,
): Slot {
  const { beta1, beta2, epsilon } = ADAMW;
  // Numbers first: every operation on whole tensors is a pass through memory.
  const one = clip.graph.scalar(1);
  const newFirst = first.mul(beta1).add(gradient.mul(clip.mul(1 - beta1)));
  const newSecond = second.mul(beta2).add(gradient.mul(gradient).mul(clip.mul(clip).mul(1 - beta2)));
  // first stepSize / (root rootCorrection + epsilon), both sides divided by rootCorrection
  const root = newSecond.sqrt().add(clip.graph.scalar(epsilon).div(rootCorrection));
  const kept = decay ? weight.mul(one.sub(decay)) : weight;
  const step = newFirst.mul(stepSize.div(rootCorrection)).div(root);
  return { weight: kept.sub(step), first: newFirst, second: newSecond };
}

/** Whether weight decay applies: to matrices, not to biases and the weights of LayerNorm. */
export function isDecayed(shape: Shape): boolean {
  return shape.length > 1;
}

/** Factor that brings a gradient of this global norm within `limit`; the 1e-6 is PyTorch's clip_grad_norm_. */
export function clipFactor(norm: number, limit: number): number {
  return Math.min(1, limit / (norm + 1e-6));
}

/** The same inside a graph, from all gradients: their global norm, and the factor. */
export function clipInGraph(
  graph: Graph,
  gradients: readonly Tensor[],
  limit: Tensor,
): { norm: Tensor; clip: Tensor } {
  const squares = gradients.map((gradient) => gradient.sumSquares());
  const norm = squares.reduce((sum, square) => sum.add(square)).sqrt();
  return { norm, clip: limit.div(norm.add(1e-6)).min(graph.scalar(1)) };
}
