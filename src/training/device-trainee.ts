/**
 * Training on ONNX Runtime's WebGPU provider. Weights, moments and summed gradients stay on the device. An update from one
 * batch is one graph; one from several adds up their gradients first.
 */
import type * as ort from 'onnxruntime-node';
import type { Parameters } from '../huggingface/tensors.ts';
import { addAdamW, clipInGraph, isDecayed, updateScalars } from '../onnx/adamw.ts';
import { DeviceMemory } from '../onnx/device-memory.ts';
import type { Graph, Shape, Tensor } from '../onnx/graph.ts';
import { createGraph } from '../onnx/ops/index.ts';
import { numberOf, SessionCache, type Feeds, type Results, type Session } from '../onnx/session.ts';
import type { Rng } from '../util/rng.ts';
import { dropoutMasks } from './dropout.ts';
import type { Trainee, TrainingState, UpdateOptions } from './trainee.ts';
import { gradientsOf, shapesOf, sumTargets, type Trainable } from './trainable.ts';

const kinds = ['weight', 'first', 'second'] as const;
type Kind = (typeof kinds)[number];

/** Weights under their own name, moments under `first NAME` and `second NAME`: what a graph calls them. */
const key = (kind: Kind, name: string) => (kind === 'weight' ? name : `${kind} ${name}`);

const gradientKey = (name: string) => `gradient ${name}`;

/** What an output that replaces an input is called. */
const replacementName = (input: string) => `new ${input}`;

export class DeviceTrainee<Batch> implements Trainee<Batch> {
  readonly #model: Trainable<Batch>;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #memory: DeviceMemory;
  readonly #sessions: SessionCache;
  /** Parameters that are not trained, and the state, on the device. */
  readonly #feeds: Record<string, ort.Tensor> = {};
  #updates = 0;

  private constructor(model: Trainable<Batch>, threads: number) {
    this.#model = model;
    this.#shapes = shapesOf(model.trained);
    this.#memory = new DeviceMemory(threads);
    const onDevice = (output: string) => output.startsWith(replacementName(''));
    this.#sessions = new SessionCache({ target: 'webgpu', threads, onDevice });
  }

  /** Throws ONNX Runtime's error when there is no WebGPU device. */
  static async create<Batch>(model: Trainable<Batch>, threads: number): Promise<DeviceTrainee<Batch>> {
    const trainee = new DeviceTrainee(model, threads);
    const zeros = new Map(
      [...model.trained].map(([name, { shape, data }]) => [
        name,
        { shape, data: new Float32Array(data.length) },
      ]),
    );
    if (model.frozen.size > 0) await trainee.#upload('weight', model.frozen);
    await trainee.#upload('weight', model.trained);
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

  async update(batches: readonly Batch[], options: UpdateOptions, rng: Rng) {
    const weight = 1 / sumTargets(this.#model, batches);
    const { stepSize, rootCorrection, decay } = updateScalars(this.#updates + 1, options);
    const scalars = {
      stepSize: Float32Array.of(stepSize),
      rootCorrection: Float32Array.of(rootCorrection),
      decay: Float32Array.of(decay),
      clipNorm: Float32Array.of(options.clipNorm),
    };
    const [batch, ...more] = batches;
    if (batch !== undefined && more.length === 0) {
      const session = await this.#session('update', batch, () => this.#updateGraph(batch));
      const results = await this.#run(session, {
        ...this.#batchFeeds(session, batch, weight, rng),
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

  /** The gradients of all batches, in each of which a target counts `weight`; the caller disposes of them. */
  async #sumGradients(batches: readonly Batch[], weight: number, rng: Rng) {
    let loss = 0;
    let gradients: Record<string, ort.Tensor> = {};
    for (const [n, batch] of batches.entries()) {
      const add = n > 0;
      const session = await this.#session(add ? 'add' : 'gradients', batch, () =>
        this.#gradientsGraph(batch, add),
      );
      const results = await this.#run(session, {
        ...gradients,
        ...this.#batchFeeds(session, batch, weight, rng),
      });
      for (const gradient of Object.values(gradients)) gradient.dispose();
      const names = [...this.#shapes.keys()].map(gradientKey);
      gradients = Object.fromEntries(names.map((name) => [name, results[replacementName(name)]!]));
      loss += numberOf(results, 'loss');
    }
    return { loss, gradients };
  }

  #batchFeeds({ graph }: Session, batch: Batch, weight: number, rng: Rng): Feeds {
    return { ...this.#model.feeds(batch, weight), ...dropoutMasks(graph, rng) };
  }

  #session(kind: string, batch: Batch, build: () => Graph): Promise<Session> {
    return this.#sessions.get(`${kind} ${this.#model.graphKey(batch)}`, build);
  }

  /** Runs with what the graph takes of the state. */
  #run(session: Session, feeds: Feeds): Promise<Results> {
    const all: Feeds = { ...this.#feeds, ...feeds };
    return session.run(Object.fromEntries(session.graph.inputs.map(({ name }) => [name, all[name]!])));
  }

  /** Loss and gradients of one batch, and the update. */
  #updateGraph(batch: Batch): Graph {
    const built = this.#trainingGraph(batch);
    this.#addUpdate(built.graph, built.trained, gradientsOf(built));
    return built.graph;
  }

  /** Loss and gradients of one batch; with `add` the gradients are added to those given. */
  #gradientsGraph(batch: Batch, add: boolean): Graph {
    const built = this.#trainingGraph(batch);
    for (const [name, gradient] of gradientsOf(built)) {
      const input = gradientKey(name);
      const sum = add ? built.graph.input(input, gradient.shape).add(gradient) : gradient;
      built.graph.output(replacementName(input), sum);
    }
    return built.graph;
  }

  /** The update from gradients that are given. */
  #applyGraph(): Graph {
    const graph = createGraph();
    const inputs = (nameOf: (name: string) => string) =>
      new Map([...this.#shapes].map(([name, shape]) => [name, graph.input(nameOf(name), shape)]));
    this.#addUpdate(
      graph,
      inputs((name) => name),
      inputs(gradientKey),
    );
    return graph;
  }

  #trainingGraph(batch: Batch) {
    const { checkpointing } = this.#model;
    const built = this.#model.lossGraph(batch, { checkpointing, dropout: true });
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
      const inputs = isDecayed(weight.shape) ? { ...scalars, decay } : scalars;
      const updated = addAdamW(slot, gradients.get(name)!, inputs);
      for (const kind of kinds) graph.output(replacementName(key(kind, name)), updated[kind]);
    }
  }

  /** The new state instead of the old one where loss and norm are finite; what is not kept is freed. */
  #finish(results: Results, loss: number): { loss: number; gradientNorm: number } {
    const gradientNorm = numberOf(results, 'norm');
    const accept = Number.isFinite(loss) && Number.isFinite(gradientNorm);
    for (const name of this.#shapes.keys()) {
      for (const kind of kinds) {
        const fed = key(kind, name);
        const tensor = results[replacementName(fed)]!;
        const unused = accept ? this.#feeds[fed]! : tensor;
        if (accept) this.#feeds[fed] = tensor;
        unused.dispose();
      }
    }
    if (accept) this.#updates++;
    return { loss, gradientNorm };
  }

  async loss(batch: Batch): Promise<number> {
    const session = await this.#session('loss', batch, () => {
      const { graph, loss } = this.#model.lossGraph(batch, { checkpointing: false, dropout: false });
      graph.output('loss', loss);
      return graph;
    });
    const feeds = this.#model.feeds(batch, 1 / this.#model.targetsOf(batch));
    return numberOf(await this.#run(session, feeds), 'loss');
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
    const shapes = this.#shapes;
    const tensors = [...shapes.keys()].map((name): [string, ort.Tensor] => [
      name,
      this.#feeds[key(kind, name)]!,
    ]);
    const found = await this.#memory.download(shapes, Object.fromEntries(tensors));
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
