/**
 * GPT-2 in TensorFlow.js operations, differentiated by TensorFlow.js: the second engine, and an independent witness of
 * the first one's gradients. Legend: B sequences, T tokens, C = n_embd, H = n_head, D = C/H, V = vocab_size, N = B T.
 */
import type * as tfjs from '@tensorflow/tfjs';
import type { TokenBatch } from '../prompt/batch.ts';
import type { Gpt2Config } from './config.ts';

export type Tf = typeof tfjs;
/** Parameters on tfjs's backend, by their Hugging Face name. */
export type TfParameters = Record<string, tfjs.Tensor>;

/** Dropout masks of one step; each call gives another. */
export type Dropout = (x: tfjs.Tensor, rate: number) => tfjs.Tensor;
export const noDropout: Dropout = (x) => x;

/**
 * Mean cross-entropy in nats over the positions that have a target. The output layer is applied to those positions
 * alone, and a target's logit is a dot product with its embedding, so no (N, V) one-hot is made.
 */
export function loss(
  tf: Tf,
  config: Gpt2Config,
  p: TfParameters,
  batch: TokenBatch,
  dropout: Dropout,
): tfjs.Scalar {
  const asked = [...batch.targets.keys()].filter((at) => batch.targets[at]! >= 0);
  const targets = tf.tensor1d(
    asked.map((at) => batch.targets[at]!),
    'int32',
  );
  const hidden = tf.gather(hiddenStates(tf, config, p, batch, dropout), tf.tensor1d(asked, 'int32'));
  const logits = tf.matMul(hidden, p['transformer.wte.weight']!, false, true);
  const right = tf.sum(tf.mul(hidden, tf.gather(p['transformer.wte.weight']!, targets)), -1);
  return tf.mean(tf.sub(tf.logSumExp(logits, -1), right)) as tfjs.Scalar;
}

/** The last layer's output, (N, C), after ln_f. */
export function hiddenStates(
  tf: Tf,
  config: Gpt2Config,
  p: TfParameters,
  { rows: B, length: T, tokens }: Omit<TokenBatch, 'targets'>,
  dropout: Dropout,
): tfjs.Tensor {
  const past = tf.linalg.bandPart(tf.ones([T, T]), -1, 0);
  const mask = tf.mul(tf.sub(1, past), -1e30);
  const positions = tf.tile(tf.range(0, T, 1, 'int32'), [B]);
  let x = tf.add(
    tf.gather(p['transformer.wte.weight']!, tf.tensor1d(tokens, 'int32')),
    tf.gather(p['transformer.wpe.weight']!, positions),
  );
  x = dropout(x, config.embd_pdrop);
  for (let layer = 0; layer < config.n_layer; layer++) {
    const block = `transformer.h.${layer}`;
    const attended = attention(
      tf,
      config,
      p,
      block,
      norm(tf, config, p, `${block}.ln_1`, x),
      mask,
      B,
      dropout,
    );
    x = tf.add(x, dropout(attended, config.resid_pdrop));
    const inner = gelu(tf, linear(tf, p, `${block}.mlp.c_fc`, norm(tf, config, p, `${block}.ln_2`, x)));
    x = tf.add(x, dropout(linear(tf, p, `${block}.mlp.c_proj`, inner), config.resid_pdrop));
  }
  return norm(tf, config, p, 'transformer.ln_f', x);
}

function attention(
  tf: Tf,
  config: Gpt2Config,
  p: TfParameters,
  block: string,
  x: tfjs.Tensor,
  mask: tfjs.Tensor,
  B: number,
  dropout: Dropout,
): tfjs.Tensor {
  const { n_embd: C, n_head: H } = config;
  const D = C / H;
  const heads = (part: tfjs.Tensor) => tf.transpose(tf.reshape(part, [B, -1, H, D]), [0, 2, 1, 3]);
  const [q, k, v] = tf.split(linear(tf, p, `${block}.attn.c_attn`, x), 3, -1).map(heads);
  const scores = tf.add(tf.mul(tf.matMul(q!, k!, false, true), 1 / Math.sqrt(D)), mask);
  const weights = dropout(tf.softmax(scores), config.attn_pdrop); // (B, H, T, T)
  const mixed = tf.reshape(tf.transpose(tf.matMul(weights, v!), [0, 2, 1, 3]), [-1, C]);
  return linear(tf, p, `${block}.attn.c_proj`, mixed);
}

/** x W + b with W as (in, out), Hugging Face's Conv1D. */
function linear(tf: Tf, p: TfParameters, name: string, x: tfjs.Tensor): tfjs.Tensor {
  return tf.add(tf.matMul(x, p[`${name}.weight`]!), p[`${name}.bias`]!);
}

function norm(tf: Tf, config: Gpt2Config, p: TfParameters, name: string, x: tfjs.Tensor): tfjs.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const unit = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, config.layer_norm_epsilon)));
  return tf.add(tf.mul(unit, p[`${name}.weight`]!), p[`${name}.bias`]!);
}

/** gelu_new: the tanh approximation, Hendrycks and Gimpel 2016. */
function gelu(tf: Tf, x: tfjs.Tensor): tfjs.Tensor {
  const cubic = tf.mul(tf.mul(tf.mul(x, x), x), 0.044715);
  const t = tf.tanh(tf.mul(tf.add(x, cubic), Math.sqrt(2 / Math.PI)));
  return tf.mul(tf.mul(x, 0.5), tf.add(t, 1));
}
