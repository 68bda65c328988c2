/**
 * Training on ONNX Runtime's WebGPU provider. Weights, moments and summed gradients stay on the device. An update from one
 * batch is one graph; one from several adds up their gradients first.
 */
import type * as ort from 'onnxruntime-node';
import { adamW, clipInGraph, updateScalars } from '../../../onnx/adamw.ts';
import type { Graph, Tensor } from '../../../onnx/graph.ts';
import { DeviceMemory } from '../../../onnx/device-memory.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import { SessionCache, type Feeds, type Session } from '../../../onnx/session.ts';
import type { Rng } from '../../../util/rng.ts';
import type { TokenBatch } from '../prompt/batch.ts';
import type { Gpt2Config } from '../network/config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
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
} from './loss-graph.ts';
import type { AdamWOptions, Trainee, TrainingState } from './trainee.ts';

const kinds = ['weight', 'first', 'second'] as const;
type Kind = (typeof kinds)[number];

/** Weights under their own name, moments under `first NAME` and `second NAME`: what a graph calls them. */
const key = (kind: Kind, name: string) => (kind === 'weight' ? name : `${kind} ${name}`);

const gradientKey = (name: string) => `gradient ${name}`;

/** What an output that replaces an input is called. */
const renewed = (input: string) => `new ${input}`;

export class DeviceTrainee implements Trainee {
  readonly #parts: TraineeParts;
  readonly #config: Gpt2Config;
  readonly #trained: TrainedTensors;
  readonly #memory: DeviceMemory;
  readonly #sessions: SessionCache;
  /** Parameters that are not trained, and the state, on the device. */
  readonly #feeds: Record<string, ort.Tensor> = {};
  #updates = 0;

  private constructor(parts: TraineeParts) {
    this.#parts = parts;
    this.#config = quantised(parts.config);
    this.#trained = trainedTensors(parts);
    this.#memory = new DeviceMemory(parts.threads);
    const onDevice = (output: string) => output.startsWith(renewed(''));
    this.#sessions = new SessionCache({ target: 'webgpu', threads: parts.threads, onDevice });
  }

  static async create(parts: TraineeParts): Promise<DeviceTrainee> {
    const trainee = new DeviceTrainee(parts);
    const first = initialWeights(parts);
    const zeros = new Map(
      [...first].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
    );
    if (parts.lora) await trainee.#upload('weight', parts.parameters);
    await trainee.#upload('weight', first);
    await trainee.#upload('first', zeros);
    await trainee.#upload('second', zeros);
    return trainee;
  }

  async #upload(kind: Kind, tensors: Parameters): Promise<void> {
    for (const [name, tensor] of await this.#memory.upload(tensors)) {
      this.#feeds[key(kind, name)]?.dispose();
      this.#feeds[key(kind, name)] = tensor;
    }
  }

  async update(batches: readonly TokenBatch[], options: AdamWOptions, rng: Rng) {
    const weight = 1 / batches.reduce((sum, batch) => sum + countTargets(batch), 0);
    const { stepSize, rootCorrection, decay } = updateScalars(this.#updates + 1, options);
    const scalars = {
      stepSize: Float32Array.of(stepSize),
      rootCorrection: Float32Array.of(rootCorrection),
      decay: Float32Array.of(decay),
      clipNorm: Float32Array.of(options.clipNorm),
    };
    if (batches.length === 1) {
      const size = sizeOfBatch(batches[0]!);
      const session = await this.#session('update', size, () => this.#updateGraph(size));
      const results = await this.#run(session, {
        ...this.#batchFeeds(session, batches[0]!, weight, rng),
        ...scalars,
      });
      return this.#finish(results, numberOf(results, 'loss'));
    }
    const { loss, gradients } = await this.#sumGradients(batches, weight, rng);
    try {
      const session = await this.#sessions.get('apply', () => this.#applyGraph());
      return this.#finish(await this.#run(session, { ...gradients, ...scalars }), loss);
    } finally {
      for (const gradient of Object.values(gradients)) gradient.dispose();
    }
  }

  /** The gradients of all batches, in each of which a target counts `weight`; whoever gets them disposes of them. */
  async #sumGradients(batches: readonly TokenBatch[], weight: number, rng: Rng) {
    let loss = 0;
    let gradients: Record<string, ort.Tensor> = {};
    for (const [n, batch] of batches.entries()) {
      const size = sizeOfBatch(batch);
      const add = n > 0;
      const session = await this.#session(add ? 'add' : 'gradients', size, () =>
        this.#gradientsGraph(size, add),
      );
      const results = await this.#run(session, {
        ...gradients,
        ...this.#batchFeeds(session, batch, weight, rng),
      });
      for (const gradient of Object.values(gradients)) gradient.dispose();
      const names = [...this.#trained.shapes.keys()].map(gradientKey);
      gradients = Object.fromEntries(names.map((name) => [name, results[renewed(name)]!]));
      loss += numberOf(results, 'loss');
    }
    return { loss, gradients };
  }

  #batchFeeds({ graph }: Session, batch: TokenBatch, weight: number, rng: Rng): Feeds {
    return { ...batchFeeds(batch, sizeOfBatch(batch), weight), ...dropoutMasks(graph, this.#config, rng) };
  }

  #session(kind: string, { B, T, A }: BatchSize, build: () => Graph): Promise<Session> {
    return this.#sessions.get(`${kind} ${B} ${T} ${A}`, build);
  }

  /** Runs with what the graph takes of the state. */
  #run(session: Session, feeds: Feeds): Promise<Record<string, ort.Tensor>> {
    const all: Feeds = { ...this.#feeds, ...feeds };
    return session.run(Object.fromEntries(session.graph.inputs.map(({ name }) => [name, all[name]!])));
  }

  /** Loss and gradients of one batch, and the update. */
  #updateGraph(size: BatchSize): Graph {
    const built = this.#trainingGraph(size);
    this.#addUpdate(built.graph, built.trained, gradientsOf(built));
    return built.graph;
  }

  /** Loss and gradients of one batch; with `add` the gradients are added to those given. */
  #gradientsGraph(size: BatchSize, add: boolean): Graph {
    const built = this.#trainingGraph(size);
    for (const [name, gradient] of gradientsOf(built)) {
      const input = gradientKey(name);
      const sum = add ? built.graph.input(input, gradient.shape).add(gradient) : gradient;
      built.graph.output(renewed(input), sum);
    }
    return built.graph;
  }

  /** The update from gradients that are given. */
  #applyGraph(): Graph {
    const graph = createGraph();
    const inputs = (nameOf: (name: string) => string) =>
      new Map([...this.#trained.shapes].map(([name, shape]) => [name, graph.input(nameOf(name), shape)]));
    this.#addUpdate(
      graph,
      inputs((name) => name),
      inputs(gradientKey),
    );
    return graph;
  }

  #trainingGraph(size: BatchSize) {
    const { checkpointing } = this.#parts;
    const built = lossGraph(this.#config, this.#trained, size, { checkpointing, dropout: true });
    built.graph.output('loss', built.loss);
    return built;
  }

  #addUpdate(
    graph: Graph,
    weights: ReadonlyMap<string, Tensor>,
    gradients: ReadonlyMap<string, Tensor>,
  ): void {
    const number = (name: string) => graph.input(name, []);
    const { norm, clip } = clipInGraph(graph, [...gradients.values()], number('clipNorm'));
    const scalars = { stepSize: number('stepSize'), rootCorrection: number('rootCorrection'), clip };
    const decay = number('decay');
    graph.output('norm', norm);
    for (const [name, weight] of weights) {
      const moment = (kind: Kind) => graph.input(key(kind, name), weight.shape);
      const slot = { weight, first: moment('first'), second: moment('second') };
      const inputs = weight.shape.length > 1 ? { ...scalars, decay } : scalars;
      const updated = adamW(slot, gradients.get(name)!, inputs, betas);
      for (const kind of kinds) graph.output(renewed(key(kind, name)), updated[kind]);
    }
  }

  /** The new state instead of the old one where loss and norm are finite; what is not kept is freed. */
  #finish(results: Record<string, ort.Tensor>, loss: number): { loss: number; gradientNorm: number } {
    const gradientNorm = numberOf(results, 'norm');
    const accept = Number.isFinite(loss) && Number.isFinite(gradientNorm);
    for (const name of this.#trained.shapes.keys()) {
      for (const kind of kinds) {
        const fed = key(kind, name);
        const tensor = results[renewed(fed)]!;
        const unused = accept ? this.#feeds[fed]! : tensor;
        if (accept) this.#feeds[fed] = tensor;
        unused.dispose();
      }
    }
    if (accept) this.#updates++;
    return { loss, gradientNorm };
  }

  async loss(batch: TokenBatch): Promise<number> {
    const size = sizeOfBatch(batch);
    const session = await this.#session('loss', size, () => {
      const { graph, loss } = lossGraph(this.#config, this.#trained, size, {
        checkpointing: false,
        dropout: false,
      });
      graph.output('loss', loss);
      return graph;
    });
    return numberOf(await this.#run(session, batchFeeds(batch, size, 1 / countTargets(batch))), 'loss');
  }

  async state(): Promise<TrainingState> {
    const [weights, first, second] = [
      await this.#download('weight'),
      await this.#download('first'),
      await this.#download('second'),
    ];
    return { updates: this.#updates, weights, first, second };
  }

  async #download(kind: Kind): Promise<Parameters> {
    const { shapes } = this.#trained;
    const tensors = [...shapes.keys()].map((name) => [name, this.#feeds[key(kind, name)]!]);
    const found = await this.#memory.download(
      shapes,
      Object.fromEntries(tensors) as Record<string, ort.Tensor>,
    );
    return new Map([...found].map(([name, data]) => [name, { shape: [...shapes.get(name)!], data }]));
  }

  async restore({ updates, weights, first, second }: TrainingState): Promise<void> {
    await this.#upload('weight', weights);
    await this.#upload('first', first);
    await this.#upload('second', second);
    this.#updates = updates;
  }

  async dispose(): Promise<void> {
    for (const tensor of Object.values(this.#feeds)) tensor.dispose();
    await this.#sessions.dispose();
    await this.#memory.dispose();
  }
}

function numberOf(results: Record<string, ort.Tensor>, name: string): number {
  return results[name]!.data[0] as number;
}
