/** What a rule writes to: ONNX nodes and small constants, for one execution provider. */

/** Providers differ in the operators that they have. */
export type Target = 'cpu' | 'cuda' | 'webgpu';

/** An ONNX attribute, as protobuf names its fields. */
export type OnnxAttribute =
  | { type: 'INT'; i: number }
  | { type: 'FLOAT'; f: number }
  | { type: 'INTS'; ints: readonly number[] }
  | { type: 'STRING'; s: Uint8Array };

export interface OnnxNode {
  opType: string;
  /** '' is ONNX itself, 'com.microsoft' what ONNX Runtime adds. */
  domain: string;
  name: string;
  input: readonly string[];
  output: readonly string[];
  attribute: ({ name: string } & OnnxAttribute)[];
}

export const int = (i: number): OnnxAttribute => ({ type: 'INT', i });
export const float = (f: number): OnnxAttribute => ({ type: 'FLOAT', f });
export const ints = (values: readonly number[]): OnnxAttribute => ({ type: 'INTS', ints: values });
export const text = (s: string): OnnxAttribute => ({ type: 'STRING', s: new TextEncoder().encode(s) });

export class Emitter {
  readonly target: Target;
  readonly nodes: OnnxNode[] = [];
  /** By name. */
  readonly constants = new Map<string, Float32Array | BigInt64Array>();
  #temporaries = 0;

  constructor(target: Target) {
    this.target = target;
  }

  /** A node with one output, whose name is returned. */
  node(
    opType: string,
    input: readonly string[],
    output: string | readonly string[] = this.#temporary(),
    attributes: Record<string, OnnxAttribute> = {},
    domain = '',
  ): string {
    const outputs = typeof output === 'string' ? [output] : output;
    const attribute = Object.entries(attributes).map(([name, value]) => ({ name, ...value }));
    this.nodes.push({ opType, domain, name: outputs[0]!, input, output: outputs, attribute });
    return outputs[0]!;
  }

  /** A constant without axes. */
  scalar(value: number): string {
    return this.#constant(`scalar ${value}`, Float32Array.of(value));
  }

  /** A constant list of int64, as shapes and axes are given. */
  list(values: readonly number[]): string {
    return this.#constant(`list ${values.join(' ')}`, BigInt64Array.from(values, BigInt));
  }

  #constant(name: string, data: Float32Array | BigInt64Array): string {
    this.constants.set(name, data);
    return name;
  }

  #temporary(): string {
    return `e${this.#temporaries++}`;
  }
}
