/** Training on ONNX Runtime with the weights in this process's memory: on the CPU, or on CUDA, which copies them. */
import type { Shape } from '../../../onnx/graph.ts';
import { HostOptimizer } from '../../../onnx/host-optimizer.ts';
import { SessionCache, type Session } from '../../../onnx/session.ts';
import type { Rng } from '../../../util/rng.ts';
import type { TokenBatch } from '../prompt/batch.ts';
import type { Gpt2Config } from '../network/config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
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

/** What a trainee is made of, on any device. */
export interface TraineeParts {
  config: Gpt2Config;
  /** All parameters. */
  parameters: Parameters;
  /** With LoRA: the adapters' matrices, by `LAYER.lora_A` and `LAYER.lora_B`, and what their product is multiplied by. */
  lora?: { weights: Parameters; scale: number };
  checkpointing: boolean;
  threads: number;
}

/** AdamW's constants, part of the compiled update. */
export const betas = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

export class OnnxTrainee implements Trainee {
  readonly #parts: TraineeParts;
  readonly #config: Gpt2Config;
  readonly #trained: TrainedTensors;
  readonly #optimizer: HostOptimizer;
  readonly #sessions: SessionCache;

  private constructor(parts: TraineeParts, target: 'cpu' | 'cuda', optimizer: HostOptimizer) {
    this.#parts = parts;
    this.#sessions = new SessionCache({ target, threads: parts.threads, fill: true });
    this.#config = quantised(parts.config);
    this.#trained = trainedTensors(parts);
    this.#optimizer = optimizer;
    for (const [name, { data }] of initialWeights(parts)) optimizer.values('weight', name).set(data);
  }

  static async create(parts: TraineeParts, target: 'cpu' | 'cuda' = 'cpu'): Promise<OnnxTrainee> {
    const { shapes } = trainedTensors(parts);
    const tensors = new Map([...shapes].map(([name, shape]) => [name, { shape, decay: shape.length > 1 }]));
    return new OnnxTrainee(parts, target, await HostOptimizer.create(tensors, betas, parts.threads));
  }

  async update(batches: readonly TokenBatch[], options: AdamWOptions, rng: Rng) {
    const total = batches.reduce((sum, batch) => sum + countTargets(batch), 0);
    let loss = 0;
    for (const [n, batch] of batches.entries()) {
      loss += await this.#gradients(batch, 1 / total, n > 0, rng);
    }
    const gradientNorm = await this.#optimizer.gradientNorm();
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) {
      await this.#optimizer.update(gradientNorm, options);
    }
    return { loss, gradientNorm };
  }

  async loss(batch: TokenBatch): Promise<number> {
    const size = sizeOfBatch(batch);
    const session = await this.#session('loss', size);
    const feeds = { ...this.#weights(), ...batchFeeds(batch, size, 1 / countTargets(batch)) };
    const { loss } = await session.run(feeds);
    return loss!.data[0] as number;
  }

  /** The gradient for every trained tensor of the loss in which each target counts `weight`. Weights do not change. */
  async gradients(batch: TokenBatch): Promise<{ loss: number; gradients: Parameters }> {
    const loss = await this.#gradients(batch, 1 / countTargets(batch), false);
    return { loss, gradients: this.#copy('gradient') };
  }

  /** Writes the gradients, or adds them to those that are there. Without `rng` nothing is dropped. */
  async #gradients(batch: TokenBatch, weight: number, add: boolean, rng?: Rng): Promise<number> {
    const size = sizeOfBatch(batch);
    const session = await this.#session(rng ? 'training' : 'gradients', size);
    const feeds = {
      ...this.#weights(),
      ...batchFeeds(batch, size, weight),
      ...(rng && dropoutMasks(session.graph, this.#config, rng)),
    };
    const names = [...this.#trained.shapes.keys()];
    const into = Object.fromEntries(
      names.map((name) => [`gradient ${name}`, this.#optimizer.values('gradient', name)]),
    );
    const results = await session.run(feeds, add ? {} : into);
    if (add) {
      for (const name of names) {
        const sum = into[`gradient ${name}`]!;
        const more = results[`gradient ${name}`]!.data as Float32Array;
        for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
      }
    }
    return results.loss!.data[0] as number;
  }

  /** The compiled graph for batches of this size. */
  #session(kind: 'training' | 'gradients' | 'loss', { B, T, A }: BatchSize): Promise<Session> {
    return this.#sessions.get(`${kind} ${B} ${T} ${A}`, () => {
      const checkpointing = kind !== 'loss' && this.#parts.checkpointing;
      const network = { checkpointing, dropout: kind === 'training' };
      const built = lossGraph(this.#config, this.#trained, { B, T, A }, network);
      built.graph.output('loss', built.loss);
      if (kind === 'loss') return built.graph;
      for (const [name, gradient] of gradientsOf(built)) built.graph.output(`gradient ${name}`, gradient);
      return built.graph;
    });
  }

  #weights(): Record<string, Float32Array> {
    const { parameters, lora } = this.#parts;
    const trained = [...this.#trained.shapes.keys()].map((name): [string, Float32Array] => [
      name,
      this.#optimizer.values('weight', name),
    ]);
    const frozen = lora
      ? [...parameters].map(([name, { data }]): [string, Float32Array] => [name, data])
      : [];
    return Object.fromEntries([...frozen, ...trained]);
  }

  state(): Promise<TrainingState> {
    const { updates } = this.#optimizer;
    const [weights, first, second] = [this.#copy('weight'), this.#copy('first'), this.#copy('second')];
    return Promise.resolve({ updates, weights, first, second });
  }

  #copy(kind: 'weight' | 'gradient' | 'first' | 'second'): Parameters {
    return new Map(
      [...this.#trained.shapes].map(([name, shape]) => [
        name,
        { shape: [...shape], data: this.#optimizer.values(kind, name).slice() },
      ]),
    );
  }

  restore({ updates, weights, first, second }: TrainingState): Promise<void> {
    for (const name of this.#trained.shapes.keys()) {
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

/** What is trained at first. */
export function initialWeights({ parameters, lora }: TraineeParts): Parameters {
  return lora?.weights ?? parameters;
}

export function trainedTensors(parts: TraineeParts): TrainedTensors {
  const shapes = new Map<string, Shape>([...initialWeights(parts)].map(([name, { shape }]) => [name, shape]));
  return { shapes, ...(parts.lora && { loraScale: parts.lora.scale }) };
}
