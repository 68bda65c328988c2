/** A graph as an ONNX model. */
import { Emitter, type Target } from './emitter.ts';
import {
  sizeOf,
  type DataType,
  type Graph,
  type Node,
  type Op,
  type Rule,
  type Shape,
  type Tensor,
} from './graph.ts';
import { encodeModel } from './protobuf.ts';

const OPSET = 21;

/** ONNX's TensorProto.DataType. */
const codes: Record<DataType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 };

/** The name of the output that `sequenceFirst` adds. */
export const SEQUENCE = 'sequence';

/**
 * Bytes of a model that computes the graph's outputs on `target`. What they do not need is left out. With
 * `sequenceFirst` its first output is a sequence, which some sessions need; see session.ts.
 */
export function toOnnx(graph: Graph, target: Target, sequenceFirst = false): Uint8Array {
  const emitter = new Emitter(target);
  const live = liveNodes(graph);
  if (sequenceFirst) emitter.node('SequenceConstruct', [smallestInput(graph).name], SEQUENCE);
  const outputNames = namesOfOutputs(graph);
  const nameOf = (tensor: Tensor) => outputNames.get(tensor) ?? tensor.name;
  for (const node of live) emit(emitter, graph, node, nameOf);
  for (const [name, tensor] of graph.outputs) {
    if (outputNames.get(tensor) !== name) emitter.node('Identity', [nameOf(tensor)], name);
  }
  const used = new Set(live.flatMap(({ inputs }) => inputs));
  const constants = [...graph.constants].filter(([tensor]) => used.has(tensor));
  const outputs = [...graph.outputs].map(([name, { shape, type }]) => ({ name, shape, type }));
  return encodeModel({
    irVersion: 10,
    opsetImport: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'graph',
      // ONNX Runtime orders nodes by a depth-first search from the end; given backwards, they keep our order, in which
      // each gradient is used soon after it is made. Otherwise memory peaks.
      node: emitter.nodes.toReversed(),
      initializer: [
        ...constants.map(([{ name, shape }, data]) => initializer(name, data, shape)),
        ...[...emitter.constants].map(([name, data]) =>
          initializer(name, data, name.startsWith('list') ? [data.length] : []),
        ),
      ],
      input: graph.inputs.map(valueInfo),
      output: [...(sequenceFirst ? [sequenceInfo] : []), ...outputs.map(valueInfo)],
    },
  });
}

/** Something small to put into a sequence. */
function smallestInput({ inputs }: Graph): Tensor {
  const floats = inputs.filter(({ type }) => type === 'float32');
  return floats.reduce((a, b) => (sizeOf(b.shape) < sizeOf(a.shape) ? b : a));
}

/** Nodes on which an output depends, in the graph's order. */
export function liveNodes(graph: Graph): Node[] {
  const needed = new Set<Tensor>(graph.outputs.values());
  const live: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const input of node.inputs) needed.add(input);
    live.push(node);
  }
  return live.toReversed();
}

/**
 * What results that are outputs are called: an output's own name. An Identity instead would cost a copy wherever others
 * read the result too. Inputs that are outputs, and a result's further outputs, need one.
 */
function namesOfOutputs({ nodes, outputs }: Graph): Map<Tensor, string> {
  const results = new Set(nodes.flatMap((node) => node.outputs));
  const names = new Map<Tensor, string>();
  for (const [name, tensor] of outputs)
    if (results.has(tensor) && !names.has(tensor)) names.set(tensor, name);
  return names;
}

function emit<K extends Op>(
  emitter: Emitter,
  { rules }: Graph,
  node: Node<K>,
  nameOf: (tensor: Tensor) => string,
): void {
  const rule: Rule<K> = rules[node.op];
  const names = (tensors: readonly Tensor[]) => tensors.map(nameOf);
  rule.emit(emitter, names(node.inputs), names(node.outputs), node);
}

function initializer(name: string, data: Float32Array | BigInt64Array, dims: Shape): object {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const dataType = data instanceof Float32Array ? codes.float32 : codes.int64;
  return { name, dims, dataType, rawData };
}

function valueInfo({ name, shape, type }: { name: string; shape: Shape; type: DataType }): object {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: codes[type], shape: { dim } } } };
}

const sequenceInfo = {
  name: SEQUENCE,
  type: { sequenceType: { elemType: { tensorType: { elemType: codes.float32 } } } },
};
