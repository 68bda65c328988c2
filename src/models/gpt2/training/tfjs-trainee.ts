/** Training on TensorFlow.js: gradients, clipping and AdamW stay on its backend between updates. */
import type * as tfjs from '@tensorflow/tfjs';
import type { Rng } from '../../../util/rng.ts';
import type { Gpt2Config } from '../network/config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { ADAMW, clipFactor, isDecayed } from '../../../onnx/adamw.ts';
import type { Trainee, TrainingState, UpdateOptions } from '../../../training/trainee.ts';
import { noDropout, TfjsNetwork, type Dropout } from '../network/tfjs.ts';
import type { Tf, TfjsBackend } from '../network/tfjs-backend.ts';
import { countTargets, type TokenBatch } from '../network/token-batch.ts';

interface Slot {
  weight: tfjs.Variable;
  first: tfjs.Variable;
  second: tfjs.Variable;
}

/** Weights and AdamW's moments on a backend. Call `dispose` when done. */
export class TfjsTrainee implements Trainee<TokenBatch> {
  readonly #tf: Tf;
  readonly #config: Gpt2Config;
  readonly #slots = new Map<string, Slot>();
  #updates = 0;

  constructor({ tf }: TfjsBackend, config: Gpt2Config, parameters: Parameters) {
    this.#tf = tf;
    this.#config = config;
    for (const [name, { shape, data }] of parameters) {
      const variable = (values: () => tfjs.Tensor) => tf.tidy(() => tf.variable(values()));
      this.#slots.set(name, {
        weight: variable(() => tf.tensor(data, shape, 'float32')),
        first: variable(() => tf.zeros(shape)),
        second: variable(() => tf.zeros(shape)),
      });
    }
  }

  /** Loss of a batch and its gradient for every parameter, as float32 arrays. Weights do not change. */
  async gradients(batch: TokenBatch): Promise<{ loss: number; gradients: Parameters }> {
    const { value, grads } = this.#differentiate(batch, noDropout);
    const gradients: Parameters = new Map();
    for (const [name, gradient] of grads) {
      gradients.set(name, { shape: gradient.shape, data: (await gradient.data()) as Float32Array });
      gradient.dispose();
    }
    const [loss] = await value.data();
    value.dispose();
    return { loss: loss!, gradients };
  }

  async update(batches: readonly TokenBatch[], options: UpdateOptions, rng: Rng) {
    const tf = this.#tf;
    const dropout: Dropout = (x, rate) => (rate > 0 ? tf.dropout(x, rate, undefined, rng.uint32()) : x);
    const counts = batches.map(countTargets);
    const total = counts.reduce((sum, count) => sum + count, 0);
    let loss = 0;
    let sums = new Map<string, tfjs.Tensor>();
    for (const [n, batch] of batches.entries()) {
      const { value, grads } = this.#differentiate(batch, dropout);
      const share = counts[n]! / total;
      loss += share * (await value.data())[0]!;
      const before = sums;
      sums = new Map(
        [...grads].map(([name, gradient]) => {
          const part = tf.tidy(() => tf.mul(gradient, share));
          const sum = before.has(name) ? tf.add(before.get(name)!, part) : part;
          tf.dispose([gradient, ...(sum === part ? [] : [part, before.get(name)!])]);
          return [name, sum];
        }),
      );
      value.dispose();
    }
    const square = tf.tidy(() => tf.addN([...sums.values()].map((g) => tf.sum(tf.square(g)))));
    const gradientNorm = Math.sqrt((await square.data())[0]!);
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) this.#update(sums, gradientNorm, options);
    tf.dispose([square, ...sums.values()]);
    return { loss, gradientNorm };
  }

  async loss(batch: TokenBatch): Promise<number> {
    const tf = this.#tf;
    const value = tf.tidy(() => {
      const weights = Object.fromEntries([...this.#slots].map(([name, { weight }]) => [name, weight]));
      return new TfjsNetwork(tf, this.#config, weights, noDropout).loss(batch);
    });
    const [found] = await value.data();
    value.dispose();
    return found!;
  }

  #differentiate(
    batch: TokenBatch,
    dropout: Dropout,
  ): { value: tfjs.Scalar; grads: Map<string, tfjs.Tensor> } {
    const tf = this.#tf;
    const names = [...this.#slots.keys()];
    const weights = names.map((name) => this.#slots.get(name)!.weight);
    const forward = (...tensors: tfjs.Tensor[]) =>
      new TfjsNetwork(
        tf,
        this.#config,
        Object.fromEntries(names.map((name, i) => [name, tensors[i]!])),
        dropout,
      ).loss(batch);
    const { value, grads } = tf.tidy(() => tf.valueAndGrads(forward)(weights));
    return { value, grads: new Map(names.map((name, i) => [name, grads[i]!])) };
  }

  #update(grads: Map<string, tfjs.Tensor>, norm: number, options: UpdateOptions): void {
    const { learningRate, weightDecay, clipNorm } = options;
    const { beta1, beta2, epsilon } = ADAMW;
    const tf = this.#tf;
    const scale = clipFactor(norm, clipNorm);
    this.#updates++;
    const correction1 = 1 - beta1 ** this.#updates;
    const correction2 = 1 - beta2 ** this.#updates;
    for (const [name, gradient] of grads) {
      const { weight, first, second } = this.#slots.get(name)!;
      tf.tidy(() => {
        const g = tf.mul(gradient, scale);
        first.assign(tf.add(tf.mul(first, beta1), tf.mul(g, 1 - beta1)));
        second.assign(tf.add(tf.mul(second, beta2), tf.mul(tf.square(g), 1 - beta2)));
        const root = tf.add(tf.sqrt(tf.div(second, correction2)), epsilon);
        const decayed = isDecayed(weight.shape) ? tf.mul(weight, 1 - learningRate * weightDecay) : weight;
        weight.assign(tf.sub(decayed, tf.mul(tf.div(first, root), learningRate / correction1)));
      });
    }
  }

  async state(): Promise<TrainingState> {
    const copy = async (kind: keyof Slot): Promise<Parameters> => {
      const tensors: Parameters = new Map();
      for (const [name, slot] of this.#slots) {
        const { shape } = slot[kind];
        tensors.set(name, { shape, data: (await slot[kind].data()).slice() as Float32Array });
      }
      return tensors;
    };
    const [weights, first, second] = [await copy('weight'), await copy('first'), await copy('second')];
    return { updates: this.#updates, weights, first, second };
  }

  restore({ updates, weights, first, second }: TrainingState): Promise<void> {
    const tf = this.#tf;
    for (const [kind, tensors] of [
      ['weight', weights],
      ['first', first],
      ['second', second],
    ] as const) {
      for (const [name, { shape, data }] of tensors) {
        tf.tidy(() => this.#slots.get(name)![kind].assign(tf.tensor(data.slice(), shape, 'float32')));
      }
    }
    this.#updates = updates;
    return Promise.resolve();
  }

  dispose(): void {
    for (const slot of this.#slots.values()) this.#tf.dispose([slot.weight, slot.first, slot.second]);
  }
}
