/** Training on ONNX Runtime with the weights in this process's memory: on the CPU, or on CUDA, which copies them. */
import type { Parameters } from '../huggingface/tensors.ts';
import type { Shape } from '../onnx/graph.ts';
import { isDecayed } from '../onnx/adamw.ts';
import { HostOptimizer } from '../onnx/host-optimizer.ts';
import { floatsOf, numberOf, SessionCache, type Session } from '../onnx/session.ts';
import type { Rng } from '../util/rng.ts';
import { dropoutMasks } from './dropout.ts';
import type { Trainee, TrainingState, UpdateOptions } from './trainee.ts';
import { gradientsOf, shapesOf, sumTargets, type Trainable } from './trainable.ts';

const gradientKey = (name: string) => `gradient ${name}`;

export class OnnxTrainee<Batch> implements Trainee<Batch> {
  readonly #model: Trainable<Batch>;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #optimizer: HostOptimizer;
  readonly #sessions: SessionCache;

  private constructor(
    model: Trainable<Batch>,
    threads: number,
    target: 'cpu' | 'cuda',
    optimizer: HostOptimizer,
  ) {
    this.#model = model;
    this.#shapes = shapesOf(model.trained);
    this.#sessions = new SessionCache({ target, threads, fill: true });
    this.#optimizer = optimizer;
    for (const [name, { data }] of model.trained) optimizer.values('weight', name).set(data);
  }

  /** Throws ONNX Runtime's error when the provider cannot be used on this machine. */
  static async create<Batch>(
    model: Trainable<Batch>,
    threads: number,
    target: 'cpu' | 'cuda' = 'cpu',
  ): Promise<OnnxTrainee<Batch>> {
    const tensors = new Map(
      [...model.trained].map(([name, { shape }]) => [name, { shape, decay: isDecayed(shape) }]),
    );
    return new OnnxTrainee(model, threads, target, await HostOptimizer.create(tensors, threads));
  }

  async update(batches: readonly Batch[], options: UpdateOptions, rng: Rng) {
    const total = sumTargets(this.#model, batches);
    let loss = 0;
    for (const [n, batch] of batches.entries()) {
      loss += await this.#computeGradients(batch, 1 / total, n > 0, rng);
    }
    const gradientNorm = await this.#optimizer.gradientNorm();
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) {
      await this.#optimizer.update(gradientNorm, options);
    }
    return { loss, gradientNorm };
  }

  async loss(batch: Batch): Promise<number> {
    const session = await this.#session('loss', batch);
    const feeds = { ...this.#weights(), ...this.#model.feeds(batch, 1 / this.#model.targetsOf(batch)) };
    return numberOf(await session.run(feeds), 'loss');
  }

  /** A batch's mean loss and its gradient for every trained tensor, without dropout. Weights do not change. */
  async gradients(batch: Batch): Promise<{ loss: number; gradients: Parameters }> {
    const loss = await this.#computeGradients(batch, 1 / this.#model.targetsOf(batch), false);
    return { loss, gradients: this.#copy('gradient') };
  }

  /** Writes the gradients, or adds them to those that are there. Without `rng` nothing is dropped. */
  async #computeGradients(batch: Batch, weight: number, add: boolean, rng?: Rng): Promise<number> {
    const session = await this.#session(rng ? 'training' : 'gradients', batch);
    const feeds = {
      ...this.#weights(),
      ...this.#model.feeds(batch, weight),
      ...(rng && dropoutMasks(session.graph, rng)),
    };
    const names = [...this.#shapes.keys()];
    const into = Object.fromEntries(
      names.map((name) => [gradientKey(name), this.#optimizer.values('gradient', name)]),
    );
    const results = await session.run(feeds, add ? {} : into);
    if (add) {
      for (const name of names) {
        const sum = into[gradientKey(name)]!;
        const more = floatsOf(results, gradientKey(name));
        for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
      }
    }
    return numberOf(results, 'loss');
  }

  /** The compiled graph for batches of this one's key. */
  #session(kind: 'training' | 'gradients' | 'loss', batch: Batch): Promise<Session> {
    return this.#sessions.get(`${kind} ${this.#model.graphKey(batch)}`, () => {
      const checkpointing = kind !== 'loss' && this.#model.checkpointing;
      const built = this.#model.lossGraph(batch, { checkpointing, dropout: kind === 'training' });
      built.graph.output('loss', built.loss);
      if (kind === 'loss') return built.graph;
      for (const [name, gradient] of gradientsOf(built)) built.graph.output(gradientKey(name), gradient);
      return built.graph;
    });
  }

  #weights(): Record<string, Float32Array> {
    const frozen = [...this.#model.frozen].map(([name, { data }]): [string, Float32Array] => [name, data]);
    const trained = [...this.#shapes.keys()].map((name): [string, Float32Array] => [
      name,
      this.#optimizer.values('weight', name),
    ]);
    return Object.fromEntries([...frozen, ...trained]);
  }

  state(): Promise<TrainingState> {
    const { updates } = this.#optimizer;
    const [weights, first, second] = [this.#copy('weight'), this.#copy('first'), this.#copy('second')];
    return Promise.resolve({ updates, weights, first, second });
  }

  #copy(kind: 'weight' | 'gradient' | 'first' | 'second'): Parameters {
    return new Map(
      [...this.#shapes].map(([name, shape]) => [
        name,
        { shape: [...shape], data: this.#optimizer.values(kind, name).slice() },
      ]),
    );
  }

  restore({ updates, weights, first, second }: TrainingState): Promise<void> {
    for (const name of this.#shapes.keys()) {
      this.#optimizer.values('weight', name).set(weights.get(name)!.data);
      this.#optimizer.values('first', name).set(first.get(name)!.data);
      this.#optimizer.values('second', name).set(second.get(name)!.data);
    }
    this.#optimizer.updates = updates;
    return Promise.resolve();
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    await this.#optimizer.dispose();
  }
}
