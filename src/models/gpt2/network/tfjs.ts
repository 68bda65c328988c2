/**
 * GPT-2 in TensorFlow.js operations, differentiated by TensorFlow.js: the second engine, and an independent witness of
 * the first one's gradients. Legend: B sequences, T tokens, C = n_embd, H = n_head, D = C/H, V = vocab_size, N = B T.
 */
import type * as tfjs from '@tensorflow/tfjs';
import { attentionScale, MASKED_LOGIT, outputLayer, type Gpt2Config } from './config.ts';
import type { Tf } from './tfjs-backend.ts';
import type { TokenBatch } from './token-batch.ts';

/** Parameters on tfjs's backend, by their Hugging Face name. */
export type TfParameters = Record<string, tfjs.Tensor>;

/** Dropout masks of one step; each call gives another. */
export type Dropout = (x: tfjs.Tensor, rate: number) => tfjs.Tensor;
export const noDropout: Dropout = (x) => x;

/** GPT-2 over one set of parameters. The caller tidies. */
export class TfjsNetwork {
  readonly #tf: Tf;
  readonly #config: Gpt2Config;
  readonly #parameters: TfParameters;
  readonly #dropout: Dropout;

  constructor(tf: Tf, config: Gpt2Config, parameters: TfParameters, dropout: Dropout) {
    this.#tf = tf;
    this.#config = config;
    this.#parameters = parameters;
    this.#dropout = dropout;
  }

  /**
   * Mean cross-entropy in nats over the positions that have a target. The output layer is applied to those positions
   * alone, and a target's logit is a dot product with its embedding, so no (N, V) one-hot is made.
   */
  loss(batch: TokenBatch): tfjs.Scalar {
    const tf = this.#tf;
    const asked = [...batch.targets.keys()].filter((at) => batch.targets[at]! >= 0);
    const targets = tf.tensor1d(
      asked.map((at) => batch.targets[at]!),
      'int32',
    );
    const hidden = tf.gather(this.hiddenStates(batch), tf.tensor1d(asked, 'int32'));
    const right = tf.sum(tf.mul(hidden, tf.gather(this.#get(outputLayer(this.#config)), targets)), -1);
    return tf.mean(tf.sub(tf.logSumExp(this.logits(hidden), -1), right)) as tfjs.Scalar;
  }

  /** Hidden states (n, C) times the output layer: (n, V). */
  logits(hidden: tfjs.Tensor): tfjs.Tensor {
    return this.#tf.matMul(hidden, this.#get(outputLayer(this.#config)), false, true);
  }

  /** The last layer's output, (N, C), after ln_f. */
  hiddenStates({ rows: B, length: T, tokens }: Omit<TokenBatch, 'targets'>): tfjs.Tensor {
    const tf = this.#tf;
    const { embd_pdrop, resid_pdrop, n_layer } = this.#config;
    const past = tf.linalg.bandPart(tf.ones([T, T]), -1, 0);
    const mask = tf.mul(tf.sub(1, past), MASKED_LOGIT);
    const positions = tf.tile(tf.range(0, T, 1, 'int32'), [B]);
    let x = tf.add(
      tf.gather(this.#get('transformer.wte.weight'), tf.tensor1d(tokens, 'int32')),
      tf.gather(this.#get('transformer.wpe.weight'), positions),
    );
    x = this.#dropout(x, embd_pdrop);
    for (let layer = 0; layer < n_layer; layer++) {
      const block = `transformer.h.${layer}`;
      const attended = this.#attention(layer, this.#norm(`${block}.ln_1`, x), mask, B);
      x = tf.add(x, this.#dropout(attended, resid_pdrop));
      const inner = this.#activate(this.#linear(`${block}.mlp.c_fc`, this.#norm(`${block}.ln_2`, x)));
      x = tf.add(x, this.#dropout(this.#linear(`${block}.mlp.c_proj`, inner), resid_pdrop));
    }
    return this.#norm('transformer.ln_f', x);
  }

  /** Causal self-attention of B texts: (N, C) to (N, C). */
  #attention(layer: number, x: tfjs.Tensor, mask: tfjs.Tensor, B: number): tfjs.Tensor {
    const block = `transformer.h.${layer}`;
    const tf = this.#tf;
    const { n_embd: C, n_head: H, attn_pdrop } = this.#config;
    const D = C / H;
    const heads = (part: tfjs.Tensor) => tf.transpose(tf.reshape(part, [B, -1, H, D]), [0, 2, 1, 3]);
    const [q, k, v] = tf.split(this.#linear(`${block}.attn.c_attn`, x), 3, -1).map(heads);
    const scores = tf.add(tf.mul(tf.matMul(q!, k!, false, true), attentionScale(this.#config, layer)), mask);
    const weights = this.#dropout(tf.softmax(scores), attn_pdrop); // (B, H, T, T)
    const mixed = tf.reshape(tf.transpose(tf.matMul(weights, v!), [0, 2, 1, 3]), [-1, C]);
    return this.#linear(`${block}.attn.c_proj`, mixed);
  }

  /** x W + b with W as (in, out), Hugging Face's Conv1D. */
  #linear(name: string, x: tfjs.Tensor): tfjs.Tensor {
    const tf = this.#tf;
    return tf.add(tf.matMul(x, this.#get(`${name}.weight`)), this.#get(`${name}.bias`));
  }

  /** LayerNorm over the last axis. */
  #norm(name: string, x: tfjs.Tensor): tfjs.Tensor {
    const tf = this.#tf;
    const { mean, variance } = tf.moments(x, -1, true);
    const unit = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, this.#config.layer_norm_epsilon)));
    return tf.add(tf.mul(unit, this.#get(`${name}.weight`)), this.#get(`${name}.bias`));
  }

  /** The exact GELU, or its tanh approximation (Hendrycks and Gimpel 2016), or ReLU. */
  #activate(x: tfjs.Tensor): tfjs.Tensor {
    const tf = this.#tf;
    const { activation_function: activation } = this.#config;
    if (activation === 'relu') return tf.relu(x);
    if (activation === 'gelu') return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    const cubic = tf.mul(tf.mul(tf.mul(x, x), x), 0.044715);
    const t = tf.tanh(tf.mul(tf.add(x, cubic), Math.sqrt(2 / Math.PI)));
    return tf.mul(tf.mul(x, 0.5), tf.add(t, 1));
  }

  #get(name: string): tfjs.Tensor {
    return this.#parameters[name]!;
  }
}
