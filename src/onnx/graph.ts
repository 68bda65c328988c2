/**
 * A computation as data: symbolic tensors with static shapes, the operations between them, and the contract of an
 * operation's rule. Nothing here computes; `gradients.ts` differentiates a graph, `model.ts` turns it into ONNX.
 */
import type { Emitter } from './emitter.ts';

export type DataType = 'float32' | 'int32' | 'int64' | 'bool';
export type Shape = readonly number[];

export interface TensorType {
  shape: Shape;
  type: DataType;
}

/** Every operation, and its attributes: what it takes besides its inputs. */
export interface Attributes {
  add: NoAttributes;
  sub: NoAttributes;
  mul: NoAttributes;
  div: NoAttributes;
  min: NoAttributes;
  sqrt: NoAttributes;
  sigmoid: NoAttributes;
  erf: NoAttributes;
  exp: NoAttributes;
  relu: NoAttributes;
  positive: NoAttributes;
  gelu: { approximate: 'tanh' | 'none' };
  dropout: { rate: number };
  reshape: { shape: Shape };
  expand: { shape: Shape };
  zeros: { shape: Shape };
  transpose: { order: readonly number[] };
  split: { sizes: readonly number[] };
  concat: NoAttributes;
  sum: { axes: readonly number[] };
  mean: { axes: readonly number[] };
  sumSquares: NoAttributes;
  matmul: { transposeA: boolean; transposeB: boolean; scale: number; largeB: boolean };
  linear: NoAttributes;
  softmax: NoAttributes;
  layerNorm: { epsilon: number };
  gather: NoAttributes;
  addRows: NoAttributes;
  linearCrossEntropy: NoAttributes;
  linearSoftCrossEntropy: NoAttributes;
  crossEntropyOfFirst: NoAttributes;
  minusOneHot: NoAttributes;
}
export type NoAttributes = Readonly<Record<string, never>>;
export type Op = keyof Attributes;

/** One application of an operation. */
export interface Node<K extends Op = Op> {
  op: K;
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  attributes: Attributes[K];
}

/** Gradient of a table's rows: `rows` (n, width) is added to the rows `ids` (n), which may repeat. */
export interface RowGradient {
  ids: Tensor;
  rows: Tensor;
}
export type Gradient = Tensor | RowGradient | undefined;

/**
 * Gradients of a node's inputs from those of its outputs; undefined where there is none. Those that no output needs are
 * pruned later, so a rule gives all it can.
 */
export type GradientRule<K extends Op> = (
  node: Node<K>,
  outputGradients: readonly (Tensor | undefined)[],
) => Gradient[];

/** For operations that only occur inside gradients and updates. */
export const notDifferentiable = 'not differentiable';

/** All that is to be known of an operation. */
export interface Rule<K extends Op> {
  /** Types of the outputs. Throws RangeError when the inputs do not fit together. */
  infer(inputs: readonly Tensor[], attributes: Attributes[K]): TensorType[];
  /** ONNX nodes that compute `outputs` from `inputs`, which are names. */
  emit(to: Emitter, inputs: readonly string[], outputs: readonly string[], node: Node<K>): void;
  gradient: GradientRule<K> | typeof notDifferentiable;
  /** ONNX Runtime's graph optimizers that would undo what `emit` wrote. */
  disabledOptimizers?(node: Node<K>): string[];
}

/** One row per operation: a missing shape rule, emission or gradient does not compile. */
export type Rules = { readonly [K in Op]: Rule<K> };

/** A stretch of nodes whose values are computed again for the gradients, instead of being kept. */
export interface Segment {
  from: number;
  to: number;
  input: Tensor;
}

export class Graph {
  readonly rules: Rules;
  readonly inputs: Tensor[] = [];
  readonly constants = new Map<Tensor, Float32Array | BigInt64Array>();
  readonly nodes: Node[] = [];
  readonly outputs = new Map<string, Tensor>();
  readonly segments: Segment[] = [];
  readonly #scalars = new Map<number, Tensor>();
  #named = 0;

  constructor(rules: Rules) {
    this.rules = rules;
  }

  /** What is fed at each run. */
  input(name: string, shape: Shape, type: DataType = 'float32'): Tensor {
    const tensor = new Tensor(this, name, { shape, type });
    this.inputs.push(tensor);
    return tensor;
  }

  /** Values that are part of the graph. */
  constant(name: string, data: Float32Array | BigInt64Array, shape: Shape): Tensor {
    const type = data instanceof Float32Array ? 'float32' : 'int64';
    const tensor = new Tensor(this, name, { shape, type });
    this.constants.set(tensor, data);
    return tensor;
  }

  /** A number as a tensor without axes. */
  scalar(value: number): Tensor {
    const known = this.#scalars.get(value);
    if (known) return known;
    const tensor = this.constant(`${value}`, Float32Array.of(value), []);
    this.#scalars.set(value, tensor);
    return tensor;
  }

  zeros(shape: Shape): Tensor {
    return this.apply('zeros', [], { shape })[0]!;
  }

  /** What a run returns under `name`. */
  output(name: string, tensor: Tensor): void {
    this.outputs.set(name, tensor);
  }

  apply<K extends Op>(op: K, inputs: readonly Tensor[], attributes: Attributes[K]): Tensor[] {
    const types = this.rules[op].infer(inputs, attributes);
    const outputs = types.map((type) => new Tensor(this, `t${this.#named++}`, type));
    this.nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }

  /**
   * `block(x)`, of which only `x` is kept for the gradients; the rest is computed again when they need it (Chen et al.
   * 2016, "Training Deep Nets with Sublinear Memory Cost").
   */
  checkpoint(block: (x: Tensor) => Tensor, x: Tensor): Tensor {
    const from = this.nodes.length;
    const output = block(x);
    this.segments.push({ from, to: this.nodes.length, input: x });
    return output;
  }
}

/** A value of a graph. Methods add an operation to the graph and return its result; shapes broadcast as in NumPy. */
export class Tensor {
  readonly graph: Graph;
  readonly name: string;
  readonly shape: Shape;
  readonly type: DataType;

  constructor(graph: Graph, name: string, { shape, type }: TensorType) {
    this.graph = graph;
    this.name = name;
    this.shape = shape;
    this.type = type;
  }

  add(other: Tensor | number): Tensor {
    return this.#with('add', other);
  }

  sub(other: Tensor | number): Tensor {
    return this.#with('sub', other);
  }

  mul(other: Tensor | number): Tensor {
    return this.#with('mul', other);
  }

  div(other: Tensor | number): Tensor {
    return this.#with('div', other);
  }

  /** The smaller of both; only outside what is differentiated. */
  min(other: Tensor | number): Tensor {
    return this.#with('min', other);
  }

  sqrt(): Tensor {
    return this.#apply('sqrt', {});
  }

  sigmoid(): Tensor {
    return this.#apply('sigmoid', {});
  }

  /** The error function. */
  erf(): Tensor {
    return this.#apply('erf', {});
  }

  exp(): Tensor {
    return this.#apply('exp', {});
  }

  /** max(x, 0); its slope at 0 is 0. */
  relu(): Tensor {
    return this.#apply('relu', {});
  }

  /** 1 where x > 0, else 0; only outside what is differentiated. */
  positive(): Tensor {
    return this.#apply('positive', {});
  }

  /**
   * x times the normal distribution function of x: Hendrycks and Gimpel 2016. With `tanh` their approximation, which is GPT-2's:
   * 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
   */
  gelu(approximate: 'tanh' | 'none' = 'tanh'): Tensor {
    return this.#apply('gelu', { approximate });
  }

  /** Entries where `keep` (bool, same shape) is false become 0, the others grow by 1 / (1 - rate): Srivastava et al. 2014. */
  dropout(keep: Tensor, rate: number): Tensor {
    return this.graph.apply('dropout', [this, keep], { rate })[0]!;
  }

  reshape(shape: Shape): Tensor {
    return same(shape, this.shape) ? this : this.#apply('reshape', { shape });
  }

  expand(shape: Shape): Tensor {
    return same(shape, this.shape) ? this : this.#apply('expand', { shape });
  }

  /** Axis i of the result is axis `order[i]` of this. */
  transpose(order: readonly number[]): Tensor {
    return this.#apply('transpose', { order });
  }

  /** Parts of these sizes along the last axis. */
  split(sizes: readonly number[]): Tensor[] {
    return this.graph.apply('split', [this], { sizes });
  }

  /** Sum over `axes`, which stay with length 1. */
  sum(axes: readonly number[]): Tensor {
    return axes.length === 0 ? this : this.#apply('sum', { axes });
  }

  /** Mean over `axes`, which stay with length 1. */
  mean(axes: readonly number[]): Tensor {
    return this.#apply('mean', { axes });
  }

  /** Sum of the squares of all entries, without axes. */
  sumSquares(): Tensor {
    return this.#apply('sumSquares', {});
  }

  /**
   * `scale` a b over the last two axes, either of them transposed first; the axes before them are equal. With `largeB`
   * (matrices only) the transposed product b' a' is computed and transposed where a has few rows: matrix products repack
   * their right operand, so that a large b streams through the cores as it is. Twice as fast for 16 rows.
   */
  matmul(other: Tensor, { transposeA = false, transposeB = false, scale = 1, largeB = false } = {}): Tensor {
    return this.graph.apply('matmul', [this, other], { transposeA, transposeB, scale, largeB })[0]!;
  }

  /** This (n, in) times `weight` (in, out) plus `bias` (out). */
  linear(weight: Tensor, bias: Tensor): Tensor {
    return this.graph.apply('linear', [this, weight, bias], {})[0]!;
  }

  /** Over the last axis. */
  softmax(): Tensor {
    return this.#apply('softmax', {});
  }

  /** Over the last axis: Ba, Kiros and Hinton 2016. `weight` and `bias` are as long as that axis. */
  layerNorm(weight: Tensor, bias: Tensor, epsilon: number): Tensor {
    return this.graph.apply('layerNorm', [this, weight, bias], { epsilon })[0]!;
  }

  /** Rows `ids` (any shape, int64) of this table (rows, width); the result is (...ids, width). */
  gather(ids: Tensor): Tensor {
    return this.graph.apply('gather', [this, ids], {})[0]!;
  }

  /** This table with `rows` (n, width) added to its rows `ids` (n), which may repeat. */
  addRows({ ids, rows }: RowGradient): Tensor {
    return this.graph.apply('addRows', [this, ids, rows], {})[0]!;
  }

  /**
   * Sum over rows i of -weights_i log softmax(h_i table^T)[targets_i], in nats. This is h, (n, width); `table` is (classes,
   * width), `targets` (n, 1) int64 and `weights` (n, 1). One operation, so that the (n, classes) logits are neither kept
   * nor scaled. A probability under 1e-38 counts as that.
   */
  linearCrossEntropy(table: Tensor, targets: Tensor, weights: Tensor): Tensor {
    return this.graph.apply('linearCrossEntropy', [this, table, targets, weights], {})[0]!;
  }

  /**
   * Sum over rows i and classes c of -targets_ic log softmax(h_i table^T + offsets_i)_c, in nats: the cross-entropy of
   * distributions, whose weights are part of `targets` (n, classes). This is h, (n, width); `table` is (classes, width).
   * `offsets` (n, classes) are 0, or very negative for classes that a row leaves out.
   */
  linearSoftCrossEntropy(table: Tensor, targets: Tensor, offsets: Tensor): Tensor {
    return this.graph.apply('linearSoftCrossEntropy', [this, table, targets, offsets], {})[0]!;
  }

  /**
   * Sum over rows i of -weights_i log softmax(x_i)[0], in nats. This is x, (n, classes), the logits with each row's own class
   * first; `weights` is (n, 1).
   */
  crossEntropyOfFirst(weights: Tensor): Tensor {
    return this.graph.apply('crossEntropyOfFirst', [this, weights], {})[0]!;
  }

  #with(op: 'add' | 'sub' | 'mul' | 'div' | 'min', other: Tensor | number): Tensor {
    const right = typeof other === 'number' ? this.graph.scalar(other) : other;
    return this.graph.apply(op, [this, right], {})[0]!;
  }

  #apply<K extends Op>(op: K, attributes: Attributes[K]): Tensor {
    return this.graph.apply(op, [this], attributes)[0]!;
  }
}

/** Joins tensors along the last axis; their other axes are equal. */
export function concat(parts: readonly Tensor[]): Tensor {
  return parts[0]!.graph.apply('concat', parts, {})[0]!;
}

export function same(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Number of entries. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}
