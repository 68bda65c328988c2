/** Decoding on TensorFlow.js, without a cache of keys and values: each step reads the whole texts again. */
import type * as tfjs from '@tensorflow/tfjs';
import type { Gpt2Config } from '../network/config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { Decoder } from './decoder.ts';
import { noDropout, TfjsNetwork, type TfParameters } from '../network/tfjs.ts';
import type { Tf, TfjsBackend } from '../network/tfjs-backend.ts';

/** Slow, and simple enough to hold the other engine's decoder against. Call `dispose` when done. */
export class TfjsDecoder implements Decoder {
  readonly #tf: Tf;
  readonly #config: Gpt2Config;
  readonly #parameters: TfParameters;
  #texts: number[][] = [];

  constructor({ tf }: TfjsBackend, config: Gpt2Config, parameters: Parameters) {
    this.#tf = tf;
    this.#config = config;
    this.#parameters = Object.fromEntries(
      [...parameters].map(([name, { shape, data }]) => [name, tf.tensor(data, shape, 'float32')]),
    );
  }

  start(prompts: readonly ArrayLike<number>[]): Promise<Float32Array> {
    this.#texts = prompts.map((prompt) => Array.from(prompt));
    return this.#logits();
  }

  step(tokens: Int32Array, parents?: Int32Array): Promise<Float32Array> {
    const before = this.#texts;
    this.#texts = Array.from(tokens, (token, row) => {
      const text = before[parents?.[row] ?? row]!;
      return text.length < this.#config.n_positions ? [...text, token] : text;
    });
    return this.#logits();
  }

  async #logits(): Promise<Float32Array> {
    const tf = this.#tf;
    const length = Math.max(...this.#texts.map((text) => text.length));
    // What stands after a text's end changes nothing before it: attention looks back only.
    const tokens = Int32Array.from(
      this.#texts.flatMap((text) => Array.from({ length }, (_, at) => text[at] ?? 0)),
    );
    const last = this.#texts.map((text, row) => row * length + text.length - 1);
    const logits = tf.tidy((): tfjs.Tensor => {
      const batch = { rows: this.#texts.length, length, tokens };
      const network = new TfjsNetwork(tf, this.#config, this.#parameters, noDropout);
      return network.logits(tf.gather(network.hiddenStates(batch), tf.tensor1d(last, 'int32')));
    });
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    return values;
  }

  dispose(): void {
    this.#tf.dispose(Object.values(this.#parameters));
  }
}
