/** A model as the trainees on ONNX Runtime see it: tensors, and a graph of the loss for every size of batch. */
import { gradients } from '../onnx/gradients.ts';
import type { Graph, Shape, Tensor } from '../onnx/graph.ts';
import type { Values } from '../onnx/session.ts';
import type { Parameters } from '../huggingface/tensors.ts';
import type { Trainee } from './trainee.ts';

/** A graph with inputs for a batch, and the tensors to go on with. */
export interface LossGraph {
  graph: Graph;
  /**
   * Without axes: the sum over the batch's targets of each one's weight times its loss. Targets may be classes or
   * distributions; the loop only needs how many there are.
   */
  loss: Tensor;
  /** Inputs of what is trained, by name. */
  trained: ReadonlyMap<string, Tensor>;
}

export interface LossGraphOptions {
  /** Adds an input of kept entries wherever a rate is not 0: `dropoutInput` of src/training/dropout.ts. */
  dropout: boolean;
  /** Compute blocks again for the gradients instead of keeping their values (`Graph.checkpoint`). */
  checkpointing: boolean;
}

export interface Trainable<Batch> {
  /** What is trained, with the values that training starts from. */
  trained: Parameters;
  /** What the loss needs beside it and is never changed. */
  frozen: Parameters;
  /** Recompute activations while training: less memory, more time. */
  checkpointing: boolean;
  /** Names the graph that a batch needs: batches with one key share a compiled graph, so keys should be few. */
  graphKey(batch: Batch): string;
  /** The loss of batches with this batch's key. Inputs of parameters bear their names. */
  lossGraph(batch: Batch, options: LossGraphOptions): LossGraph;
  /** The batch's inputs of its graph, without parameters and dropout masks; each target counts `weight`. */
  feeds(batch: Batch, weight: number): Record<string, Values>;
  /** Targets of a batch: what its mean loss is a mean over. */
  targetsOf(batch: Batch): number;
}

/** Makes a trainee of a model and disposes of it after `use`. */
export type WithTrainee = <Batch, R>(
  model: Trainable<Batch>,
  use: (trainee: Trainee<Batch>) => Promise<R>,
) => Promise<R>;

/** Gradients of all that is trained, by name. */
export function gradientsOf({ loss, trained }: LossGraph): Map<string, Tensor> {
  const found = gradients(loss, [...trained.values()]);
  return new Map([...trained.keys()].map((name, i) => [name, found[i]!]));
}

/** Shapes of tensors, by name. */
export function shapesOf(tensors: Parameters): Map<string, Shape> {
  return new Map([...tensors].map(([name, { shape }]) => [name, shape]));
}

/** An input of `graph` for each of some tensors, by name. */
export function inputsOf(graph: Graph, tensors: Parameters): Map<string, Tensor> {
  return new Map([...tensors].map(([name, { shape }]) => [name, graph.input(name, shape)]));
}

/** Targets of several batches. */
export function sumTargets<Batch>(model: Trainable<Batch>, batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + model.targetsOf(batch), 0);
}
