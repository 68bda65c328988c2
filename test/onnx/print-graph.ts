/** A graph as text, a line per operation, for people and for tests. */
import type { DataType, Graph, Tensor } from '../../src/onnx/graph.ts';
import { liveNodes } from '../../src/onnx/model.ts';

const short: Record<DataType, string> = { float32: 'f32', int32: 'i32', int64: 'i64', bool: 'bool' };

/** `y: f32[2, 3] = linear(x, w, b)`; what no output needs is left out, and results are numbered from 0. */
export function printGraph(graph: Graph): string {
  const names = new Map<Tensor, string>();
  const nameOf = (tensor: Tensor) => names.get(tensor) ?? tensor.name;
  const typed = (tensor: Tensor) => `${nameOf(tensor)}: ${short[tensor.type]}[${tensor.shape.join(', ')}]`;
  const lines = graph.inputs.map((input) => `input ${typed(input)}`);
  for (const { op, inputs, outputs, attributes } of liveNodes(graph)) {
    for (const output of outputs) names.set(output, `%${names.size}`);
    const settings = Object.entries(attributes).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const given = [...inputs.map(nameOf), ...settings].join(', ');
    lines.push(`${outputs.map(typed).join(', ')} = ${op}(${given})`);
  }
  for (const [name, tensor] of graph.outputs) lines.push(`output ${name} = ${nameOf(tensor)}`);
  return `${lines.join('\n')}\n`;
}
