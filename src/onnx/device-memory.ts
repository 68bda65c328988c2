/** Tensors on a WebGPU device: what is brought there once and fed to many runs, and back again. */
import type * as ort from 'onnxruntime-node';
import type { Shape } from './graph.ts';
import { createGraph } from './ops/index.ts';
import { createSession, floatsOf, type Session } from './session.ts';

const target = 'webgpu';

/** Dispose of it last: a tensor must be freed before the session that made it, and the last session closes the device. */
export class DeviceMemory {
  readonly #threads: number;
  /** Those that made tensors. */
  readonly #uploads: Session[] = [];

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** Copies on the device, by the same names; the caller disposes of them. */
  async upload(
    tensors: ReadonlyMap<string, { shape: Shape; data: Float32Array }>,
  ): Promise<Map<string, ort.Tensor>> {
    const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
    const options = { target, threads: this.#threads, onDevice: () => true } as const;
    const session = await createSession(copyGraph(shapes), options);
    this.#uploads.push(session);
    const feeds = Object.fromEntries([...tensors].map(([name, { data }]) => [name, data]));
    const results = await session.run(feeds);
    return new Map([...tensors.keys()].map((name) => [name, results[copyOf(name)]!]));
  }

  /** Reading a tensor on the device directly ends the process in ONNX Runtime 1.30; as an output it can be had. */
  async download(
    shapes: ReadonlyMap<string, Shape>,
    feeds: Record<string, ort.Tensor>,
  ): Promise<Map<string, Float32Array>> {
    const session = await createSession(copyGraph(shapes), { target, threads: this.#threads });
    const results = await session.run(feeds);
    await session.release();
    return new Map([...shapes.keys()].map((name) => [name, floatsOf(results, copyOf(name))]));
  }

  async dispose(): Promise<void> {
    for (const session of this.#uploads) await session.release();
  }
}

const copyOf = (name: string) => `copy ${name}`;

/** A graph whose outputs are its inputs. */
function copyGraph(shapes: ReadonlyMap<string, Shape>) {
  const graph = createGraph();
  for (const [name, shape] of shapes) graph.output(copyOf(name), graph.input(name, shape));
  return graph;
}
