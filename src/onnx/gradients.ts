/** Reverse-mode differentiation of a graph, by adding the gradients' operations to it. */
import {
  notDifferentiable,
  Tensor,
  type Gradient,
  type Graph,
  type GradientRule,
  type Node,
  type Op,
  type Segment,
} from './graph.ts';

/**
 * Gradients of `loss`, a tensor without axes, for each of `parameters`, in their order and shapes. Throws RangeError for a
 * parameter that the loss does not depend on.
 */
export function gradients(loss: Tensor, parameters: readonly Tensor[]): Tensor[] {
  const { graph } = loss;
  const count = graph.nodes.length; // what follows is what we add
  const relevant = dependents(graph, parameters);
  const sums = new GradientSums();
  sums.add(loss, graph.scalar(1));
  const recomputed = new Recomputation(graph);
  for (let index = count - 1; index >= 0; index--) {
    const node = graph.nodes[index]!;
    if (!node.outputs.some((output) => relevant.has(output))) continue;
    const given = node.outputs.map((output) => sums.total(output));
    if (given.every((gradient) => gradient === undefined)) continue;
    const found = rule(graph, node)(
      recomputed.nodeFor(
        node,
        index,
        given.find((gradient) => gradient)!,
      ),
      given,
    );
    for (const [i, gradient] of found.entries()) {
      const input = node.inputs[i]!;
      if (relevant.has(input)) sums.add(input, gradient);
    }
  }
  return parameters.map((parameter) => {
    const total = sums.total(parameter);
    if (!total) throw new RangeError(`the loss does not depend on ${parameter.name}`);
    return total;
  });
}

function rule(graph: Graph, { op }: Node): GradientRule<Op> {
  const { gradient } = graph.rules[op];
  if (gradient === notDifferentiable) throw new RangeError(`${op} cannot be differentiated`);
  return gradient as GradientRule<Op>;
}

/** The parameters and all that is computed from them. */
function dependents(graph: Graph, parameters: readonly Tensor[]): Set<Tensor> {
  const found = new Set(parameters);
  for (const { inputs, outputs } of graph.nodes) {
    if (inputs.some((input) => found.has(input))) for (const output of outputs) found.add(output);
  }
  return found;
}

/** What reaches a tensor on several paths is added up: dense gradients first, rows onto their sum. */
class GradientSums {
  readonly #parts = new Map<Tensor, Exclude<Gradient, undefined>[]>();

  add(tensor: Tensor, gradient: Gradient): void {
    if (!gradient) return;
    const parts = this.#parts.get(tensor);
    if (parts) parts.push(gradient);
    else this.#parts.set(tensor, [gradient]);
  }

  total(tensor: Tensor): Tensor | undefined {
    const parts = this.#parts.get(tensor);
    if (!parts) return undefined;
    const [first, ...others] = parts.filter((part) => part instanceof Tensor);
    let sum = others.reduce((sum, part) => sum.add(part), first ?? tensor.graph.zeros(tensor.shape));
    for (const part of parts) if (!(part instanceof Tensor)) sum = sum.addRows(part);
    this.#parts.set(tensor, [sum]);
    return sum;
  }
}

/** The values that gradient rules see: those of the forward pass, or of a checkpointed segment, rematerialised. */
class Recomputation {
  readonly #graph: Graph;
  readonly #copies = new Map<Tensor, Tensor>();
  readonly #done = new Set<Segment>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** The node with tensors that may be used in gradients; `incoming` is a gradient that reached it. */
  nodeFor(node: Node, index: number, incoming: Tensor): Node {
    const segment = this.#graph.segments.find(({ from, to }) => from <= index && index < to);
    if (!segment) return node;
    if (!this.#done.has(segment)) this.#recompute(segment, incoming);
    this.#done.add(segment);
    const copy = (tensor: Tensor) => this.#copies.get(tensor) ?? tensor;
    return { ...node, inputs: node.inputs.map(copy), outputs: node.outputs.map(copy) };
  }

  /** The input is made to depend on the incoming gradient: otherwise everything would be computed again at the start. */
  #recompute({ from, to, input }: Segment, incoming: Tensor): void {
    const nothing = incoming
      .sum([...incoming.shape.keys()])
      .reshape([])
      .mul(0);
    this.#copies.set(input, input.add(nothing));
    for (const { op, inputs, outputs, attributes } of this.#graph.nodes.slice(from, to)) {
      const again = inputs.map((tensor) => this.#copies.get(tensor) ?? tensor);
      const results = this.#graph.apply(op, again, attributes);
      for (const [i, output] of outputs.entries()) this.#copies.set(output, results[i]!);
    }
  }
}
