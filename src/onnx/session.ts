/** ONNX Runtime sessions: a graph that runs. Tensors go in and come out as typed arrays, or stay on the device. */
import type * as ort from 'onnxruntime-node';
import type { Target } from './emitter.ts';
import { sizeOf, type Graph, type Node, type Op, type Rule } from './graph.ts';
import { liveNodes, SEQUENCE, toOnnx } from './model.ts';
import { createGraph } from './ops/index.ts';

export type Values = Float32Array | BigInt64Array | Int32Array | Uint8Array;
/** Values by input name; a tensor on the device is fed as it came out. */
export type Feeds = Record<string, Values | ort.Tensor>;

export interface SessionOptions {
  target: Target;
  /** CPU threads. */
  threads: number;
  /** Outputs that stay on the device and are fed to the next run. */
  onDevice?: (output: string) => boolean;
  /** Results are written where they belong, not copied there; all are float32. On the CPU and CUDA, where it works. */
  fill?: boolean;
}

/** Outputs of a run by name. */
export type Results = Record<string, ort.Tensor>;

export interface Session {
  graph: Graph;
  /**
   * Outputs by name. Where `into` names an array for an output of the CPU, it is filled. The caller disposes of a tensor
   * that stays on the device.
   */
  run(feeds: Feeds, into?: Record<string, Float32Array>): Promise<Results>;
  release(): Promise<void>;
}

/**
 * Compiles a graph. Throws ONNX Runtime's error when the provider cannot be used on this machine. Deterministic on the
 * CPU: the same inputs and number of threads give the same bits.
 */
export async function createSession(graph: Graph, options: SessionOptions): Promise<Session> {
  const { Tensor, InferenceSession } = await import('onnxruntime-node');
  const { target, threads, onDevice } = options;
  const filled = options.fill === true && target !== 'webgpu' && (await canFill());
  const inputs = new Map(graph.inputs.map((input) => [input.name, input]));
  const location = (name: string) => (onDevice?.(name) ? ('gpu-buffer' as const) : ('cpu' as const));
  const session = await InferenceSession.create(toOnnx(graph, target, filled), {
    executionProviders: [target],
    intraOpNumThreads: threads,
    enableMemPattern: false, // shapes differ from graph to graph; patterns only cost memory
    logSeverityLevel: 3,
    ...(onDevice && {
      preferredOutputLocation: Object.fromEntries(
        [...graph.outputs.keys()].map((name) => [name, location(name)]),
      ),
    }),
    extra: { optimization: { disable_specified_optimizers: disabledOptimizers(graph).join(';') } },
  });
  const wrap = (name: string, value: Values | ort.Tensor): ort.Tensor => {
    if (value instanceof Tensor) return value;
    const { type, shape } = inputs.get(name)!;
    return new Tensor(type as 'float32', value as Float32Array, shape);
  };
  return {
    graph,
    async run(feeds, into = {}) {
      const fetches: Record<string, ort.Tensor | null> = {};
      for (const [name, { shape }] of graph.outputs) {
        const target = into[name] ?? (filled ? new Float32Array(sizeOf(shape)) : undefined);
        fetches[name] = target ? new Tensor('float32', target, shape) : null;
      }
      const entries = Object.entries(feeds).map(([name, value]) => [name, wrap(name, value)]);
      const given = Object.fromEntries(entries) as Record<string, ort.Tensor>;
      return filled ? await fill(session, given, fetches) : await session.run(given, fetches);
    },
    release: () => session.release(),
  };
}

/** The values of a float32 output that is not on a device. Throws RangeError for an output that a run does not have. */
export function floatsOf(results: Results, name: string): Float32Array {
  const tensor = results[name];
  if (tensor?.type !== 'float32') throw new RangeError(`no float32 output '${name}'`);
  return tensor.data as Float32Array;
}

/** The first value of such an output: that of a tensor without axes. */
export function numberOf(results: Results, name: string): number {
  return floatsOf(results, name)[0]!;
}

/**
 * What ONNX Runtime must not improve: what operations name, and the recomputation of a checkpointed segment, which it
 * would merge with the first computation and so keep in memory after all.
 */
export function disabledOptimizers(graph: Graph): string[] {
  const named = new Set(liveNodes(graph).flatMap((node) => optimizersDisabledBy(graph, node)));
  if (graph.segments.length > 0) named.add('CommonSubexpressionElimination');
  return [...named];
}

function optimizersDisabledBy<K extends Op>({ rules }: Graph, node: Node<K>): string[] {
  const rule: Rule<K> = rules[node.op];
  return rule.disabledOptimizers?.(node) ?? [];
}

/**
 * ONNX Runtime 1.30's binding copies every result into a new array, also where one was given: half a second for the
 * gradients of 124M weights. It gives up before that on a first output that is no tensor, when ONNX Runtime itself has
 * already written the results into the arrays given.
 */
async function fill(
  session: ort.InferenceSession,
  feeds: Record<string, ort.Tensor>,
  fetches: Record<string, ort.Tensor | null>,
): Promise<Record<string, ort.Tensor>> {
  try {
    await session.run(feeds, { [SEQUENCE]: null, ...fetches });
  } catch (error) {
    if (/non tensor type/i.test(String(error))) return fetches as Record<string, ort.Tensor>;
    throw error;
  }
  throw new Error('this ONNX Runtime returns sequences');
}

/** Whether `fill` works with the ONNX Runtime that is installed: tried once, on a small sum. */
let fillable: Promise<boolean> | undefined;

function canFill(): Promise<boolean> {
  fillable ??= tryToFill().catch(() => false);
  return fillable;
}

async function tryToFill(): Promise<boolean> {
  const { Tensor, InferenceSession } = await import('onnxruntime-node');
  const graph = createGraph();
  const x = graph.input('x', [2]);
  graph.output('y', x.add(x));
  const session = await InferenceSession.create(toOnnx(graph, 'cpu', true), { logSeverityLevel: 4 });
  const y = new Float32Array(2);
  const feeds = { x: new Tensor('float32', Float32Array.of(1, 2), [2]) };
  await fill(session, feeds, { y: new Tensor('float32', y, [2]) });
  await session.release();
  return y[0] === 2 && y[1] === 4;
}

/** On the CPU sessions keep their memory; those least recently used are released. */
const MAX_CACHED_SESSIONS = 4;

/**
 * Compiled graphs by name, compiled when first asked for. Where outputs stay on the device no session is released: freeing
 * such a tensor after its session ends the process in ONNX Runtime 1.30.
 */
export class SessionCache {
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The session of graph `name`, which `build` makes when it is not there. */
  async get(name: string, build: () => Graph): Promise<Session> {
    const known = this.#sessions.get(name);
    this.#sessions.delete(name);
    const session = known ?? (await createSession(build(), this.#options));
    this.#sessions.set(name, session); // now the newest
    for (const [oldest, unused] of this.#sessions) {
      if (this.#options.onDevice || this.#sessions.size <= MAX_CACHED_SESSIONS) break;
      await unused.release();
      this.#sessions.delete(oldest);
    }
    return session;
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }
}
