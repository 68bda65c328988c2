/** Training on ONNX Runtime's WebGPU provider: a whole update is one graph, weights and moments stay on the device. */
import type * as ort from 'onnxruntime-node';
import { adamW, clipInGraph, updateScalars } from '../../onnx/adamw.ts';
import type { Graph, Shape } from '../../onnx/graph.ts';
import { createGraph } from '../../onnx/ops/index.ts';
import { createSession, SessionCache, type Feeds } from '../../onnx/session.ts';
import { RecsysError } from '../../util/errors.ts';
import type { Rng } from '../../util/rng.ts';
import type { TokenBatch } from './batch.ts';
import type { Gpt2Config, Parameters } from './config.ts';
import { betas, initialWeights, trainedTensors, type TraineeParts } from './onnx-trainee.ts';
import {
  batchFeeds,
  countTargets,
  dropoutMasks,
  gradientsOf,
  lossGraph,
  quantised,
  sizeOfBatch,
  type BatchSize,
  type TrainedTensors,
} from './step-graph.ts';
import type { AdamWOptions, Trainee, TrainingState } from './trainee.ts';

const kinds = ['weight', 'first', 'second'] as const;
type Kind = (typeof kinds)[number];

const target = 'webgpu';

/** Weights under their own name, moments under `first NAME` and `second NAME`: what a graph calls them. */
const key = (kind: Kind, name: string) => (kind === 'weight' ? name : `${kind} ${name}`);

export class DeviceTrainee implements Trainee {
  readonly #parts: TraineeParts;
  readonly #config: Gpt2Config;
  readonly #trained: TrainedTensors;
  readonly #sessions: SessionCache;
  /** Parameters that are not trained, and the state: arrays that were never fed, else tensors on the device. */
  #feeds: Feeds;
  #updates = 0;

  constructor(parts: TraineeParts) {
    this.#parts = parts;
    this.#config = quantised(parts.config);
    this.#trained = trainedTensors(parts);
    const onDevice = (output: string) => output.startsWith('new ');
    this.#sessions = new SessionCache({ target, threads: parts.threads, onDevice });
    this.#feeds = Object.fromEntries([...parts.parameters].map(([name, { data }]) => [name, data]));
    for (const [name, { data }] of initialWeights(parts)) {
      this.#feeds[name] = data;
      for (const kind of ['first', 'second'] as const) {
        this.#feeds[key(kind, name)] = new Float32Array(data.length);
      }
    }
  }

  async update(batches: readonly TokenBatch[], options: AdamWOptions, rng: Rng) {
    const [batch, ...others] = batches;
    if (others.length > 0) {
      throw new RecsysError({
        place: '--accumulate',
        found: `${batches.length}`,
        wanted: '1 on WebGPU, where gradients stay inside an update',
        remedy: 'Raise --batch-size instead.',
      });
    }
    const size = sizeOfBatch(batch!);
    const session = await this.#sessions.get(`update ${size.B} ${size.T} ${size.A}`, () =>
      this.#updateGraph(size),
    );
    const { stepSize, rootCorrection, decay } = updateScalars(this.#updates + 1, options);
    const results = await session.run({
      ...this.#feeds,
      ...batchFeeds(batch!, size, 1 / countTargets(batch!)),
      ...dropoutMasks(session.graph, this.#config, rng),
      stepSize: Float32Array.of(stepSize),
      rootCorrection: Float32Array.of(rootCorrection),
      decay: Float32Array.of(decay),
      clipNorm: Float32Array.of(options.clipNorm),
    });
    const [loss, gradientNorm] = ['loss', 'norm'].map((name) => results[name]!.data[0] as number);
    const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm);
    this.#keep(results, finite);
    if (finite) this.#updates++;
    return { loss: loss!, gradientNorm: gradientNorm! };
  }

  #updateGraph(size: BatchSize): Graph {
    const { checkpointing } = this.#parts;
    const built = lossGraph(this.#config, this.#trained, size, { checkpointing, dropout: true });
    const { graph, loss, trained } = built;
    const found = gradientsOf(built);
    const number = (name: string) => graph.input(name, []);
    const { norm, clip } = clipInGraph(graph, [...found.values()], number('clipNorm'));
    const scalars = { stepSize: number('stepSize'), rootCorrection: number('rootCorrection'), clip };
    const decay = number('decay');
    graph.output('loss', loss);
    graph.output('norm', norm);
    for (const [name, weight] of trained) {
      const moment = (kind: Kind) => graph.input(key(kind, name), weight.shape);
      const slot = { weight, first: moment('first'), second: moment('second') };
      const inputs = weight.shape.length > 1 ? { ...scalars, decay } : scalars;
      const updated = adamW(slot, found.get(name)!, inputs, betas);
      for (const kind of kinds) graph.output(`new ${key(kind, name)}`, updated[kind]);
    }
    return graph;
  }

  /** The new state instead of the old one, or not; what is not kept is freed. */
  #keep(results: Record<string, ort.Tensor>, accept: boolean): void {
    for (const [name, tensor] of Object.entries(results)) {
      if (!name.startsWith('new ')) continue;
      const fed = name.slice('new '.length);
      const unused = accept ? this.#feeds[fed]! : tensor;
      if (accept) this.#feeds[fed] = tensor;
      if ('dispose' in unused) unused.dispose();
    }
  }

  async loss(batch: TokenBatch): Promise<number> {
    const size = sizeOfBatch(batch);
    const session = await this.#sessions.get(`loss ${size.B} ${size.T} ${size.A}`, () => {
      const { graph, loss } = lossGraph(this.#config, this.#trained, size, {
        checkpointing: false,
        dropout: false,
      });
      graph.output('loss', loss);
      return graph;
    });
    const feeds = { ...this.#feeds, ...batchFeeds(batch, size, 1 / countTargets(batch)) };
    const used = session.graph.inputs.map(({ name }) => [name, feeds[name as keyof typeof feeds]!] as const);
    const { loss } = await session.run(Object.fromEntries(used));
    return loss!.data[0] as number;
  }

  async state(): Promise<TrainingState> {
    const [weights, first, second] = [
      await this.#download('weight'),
      await this.#download('first'),
      await this.#download('second'),
    ];
    return { updates: this.#updates, weights, first, second };
  }

  /** Reading a tensor on the device directly ends the process in ONNX Runtime 1.30; as an output it can be had. */
  async #download(kind: Kind): Promise<Parameters> {
    const copies: Parameters = new Map();
    for (const [name, shape] of this.#trained.shapes) {
      const value = this.#feeds[key(kind, name)]!;
      const data = 'dispose' in value ? await download(value, shape, this.#parts.threads) : value.slice();
      copies.set(name, { shape: [...shape], data: data as Float32Array });
    }
    return copies;
  }

  restore({ updates, weights, first, second }: TrainingState): Promise<void> {
    for (const [kind, tensors] of Object.entries({ weight: weights, first, second })) {
      for (const [name, { data }] of tensors) {
        const old = this.#feeds[key(kind as Kind, name)]!;
        if ('dispose' in old) old.dispose();
        this.#feeds[key(kind as Kind, name)] = data.slice();
      }
    }
    this.#updates = updates;
    return Promise.resolve();
  }

  async dispose(): Promise<void> {
    for (const value of Object.values(this.#feeds)) if ('dispose' in value) value.dispose();
    await this.#sessions.dispose();
  }
}

async function download(tensor: ort.Tensor, shape: Shape, threads: number): Promise<Float32Array> {
  const graph = createGraph();
  graph.output('copy', graph.input('tensor', shape));
  const session = await createSession(graph, { target, threads });
  const { copy } = await session.run({ tensor });
  await session.release();
  return copy!.data as Float32Array;
}
