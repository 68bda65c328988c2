/**
 * GPT-2 as a graph, exactly as Hugging Face's GPT2LMHeadModel computes it. Legend: B texts, T tokens each, N = B T,
 * C = n_embd, H = n_head, D = C/H, V = vocab_size, A asked positions. No biases on the output layer, which mostly is `wte`.
 */
import type { Graph, Tensor } from '../../../onnx/graph.ts';
import { dropoutInput } from '../../../training/dropout.ts';
import { attentionScale, MASKED_LOGIT, outputLayer, parameterShapes, type Gpt2Config } from './config.ts';

/** The parameters as graph inputs, by their Hugging Face name. */
export type ParameterTensors = Map<string, Tensor>;

/** Adapters: x (in) gets x A B scale on top of a linear layer, whose name is the key. */
export interface LoraTensors {
  scale: number;
  pairs: Map<string, { a: Tensor; b: Tensor }>;
}

export interface NetworkOptions {
  /** Gets each block's keys and values, (B, H, T, D). */
  keep?: (layer: number, keys: Tensor, values: Tensor) => void;
  /** Compute each block again for the gradients instead of keeping its values. */
  checkpointing: boolean;
  /** Adds an input of kept entries wherever a rate is not 0; see `dropoutInput`. */
  dropout: boolean;
  /** Linear layers' weights are transposed, (out, in): decoding is faster with them, see `largeB` of `Tensor.matmul`. */
  transposedWeights?: boolean;
  lora?: LoraTensors;
}

export const plainNetwork: NetworkOptions = { checkpointing: false, dropout: false };

/** Inputs for all parameters. */
export function parameterInputs(
  graph: Graph,
  config: Gpt2Config,
  transposedWeights = false,
): ParameterTensors {
  return new Map(
    [...parameterShapes(config)].map(([name, shape]) => [
      name,
      graph.input(name, transposedWeights && isLinear(name) ? shape.toReversed() : shape),
    ]),
  );
}

/** Whether a parameter is a linear layer's weights, (in, out) in Hugging Face's files. */
export function isLinear(name: string): boolean {
  return /\.c_(attn|proj|fc)\.weight$/.test(name);
}

/** x W' of x (rows, in) and W (out, in), which is large beside x while decoding. */
export function matmulTransposed(x: Tensor, weight: Tensor): Tensor {
  return x.matmul(weight, { transposeB: true, largeB: true });
}

/** The last layer's output for `tokens` (B, T, int64), after ln_f: (N, C). */
export function hiddenStates(
  graph: Graph,
  config: Gpt2Config,
  parameters: ParameterTensors,
  tokens: Tensor,
  options: NetworkOptions,
): Tensor {
  const [B, T] = tokens.shape as [number, number];
  const { n_embd: C, n_layer: layers } = config;
  const network = new Network(config, parameters, options);
  const positions = graph.constant(
    'positions',
    BigInt64Array.from({ length: T }, (_, t) => BigInt(t)),
    [T],
  );
  const mask = graph.constant('mask', causalMask(T), [T, T]);
  const embedded = parameters
    .get('transformer.wte.weight')!
    .gather(tokens)
    .add(parameters.get('transformer.wpe.weight')!.gather(positions))
    .reshape([B * T, C]);
  let x = network.dropout('embeddings', embedded, config.embd_pdrop);
  for (let layer = 0; layer < layers; layer++) {
    const block = (x: Tensor) => network.block(layer, x, { B, T, mask });
    x = options.checkpointing ? graph.checkpoint(block, x) : block(x);
  }
  return network.norm('transformer.ln_f', x);
}

/**
 * Sum of weights_a times the cross-entropy at the positions `asked` (A, int64, into the N of all texts), whose `targets`
 * and `weights` are (A, 1). The output layer, most of a small model's work, is applied there alone.
 */
export function lossOf(
  graph: Graph,
  config: Gpt2Config,
  parameters: ParameterTensors,
  { B, T, A }: { B: number; T: number; A: number },
  options: NetworkOptions,
): Tensor {
  const tokens = graph.input('tokens', [B, T], 'int64');
  const hidden = hiddenStates(graph, config, parameters, tokens, options);
  const targets = graph.input('targets', [A, 1], 'int64');
  const weights = graph.input('weights', [A, 1]);
  // All positions in order need no look-up.
  const asked = A === B * T ? hidden : hidden.gather(graph.input('asked', [A], 'int64'));
  return asked.linearCrossEntropy(parameters.get(outputLayer(config))!, targets, weights);
}

/** Added to attention logits, (T, T): positions after one's own are masked. */
export function causalMask(T: number): Float32Array {
  return Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? MASKED_LOGIT : 0));
}

/** Hugging Face's activations; `gelu_pytorch_tanh` is PyTorch's own of the formula of `gelu_new`. */
const activate: Record<Gpt2Config['activation_function'], (x: Tensor) => Tensor> = {
  gelu_new: (x) => x.gelu(),
  gelu_pytorch_tanh: (x) => x.gelu(),
  gelu: (x) => x.gelu('none'),
  relu: (x) => x.relu(),
};

/** Parts of GPT-2 over one graph's parameters. */
export class Network {
  readonly #config: Gpt2Config;
  readonly #parameters: ParameterTensors;
  readonly #options: NetworkOptions;

  constructor(config: Gpt2Config, parameters: ParameterTensors, options: NetworkOptions) {
    this.#config = config;
    this.#parameters = parameters;
    this.#options = options;
  }

  /** Block `layer` of x (N, C): attention, then the feed-forward layer, each added to what it reads. */
  block(layer: number, x: Tensor, sizes: { B: number; T: number; mask: Tensor }): Tensor {
    const { resid_pdrop: rate } = this.#config;
    const name = `transformer.h.${layer}`;
    const attended = this.#attention(layer, this.norm(`${name}.ln_1`, x), sizes);
    const y = x.add(this.dropout(`${name}.attn`, attended, rate));
    return y.add(this.dropout(`${name}.mlp`, this.mlp(name, y), rate));
  }

  /** The feed-forward half of block `name`. */
  mlp(name: string, y: Tensor): Tensor {
    const { activation_function: activation } = this.#config;
    const inner = this.linear(`${name}.mlp.c_fc`, this.norm(`${name}.ln_2`, y));
    return this.linear(`${name}.mlp.c_proj`, activate[activation](inner));
  }

  /** Multi-head causal self-attention: x (N, C) to (N, C). */
  #attention(layer: number, x: Tensor, { B, T, mask }: { B: number; T: number; mask: Tensor }): Tensor {
    const name = `transformer.h.${layer}`;
    const { n_embd: C, n_head: H, attn_pdrop: rate } = this.#config;
    const [q, k, v] = this.linear(`${name}.attn.c_attn`, x)
      .split([C, C, C])
      .map((part) => part.reshape([B, T, H, C / H]).transpose([0, 2, 1, 3]));
    this.#options.keep?.(layer, k!, v!);
    const scores = q!.matmul(k!, { transposeB: true, scale: attentionScale(this.#config, layer) }).add(mask);
    const weights = this.dropout(`${name}.attn.weights`, scores.softmax(), rate); // (B, H, T, T)
    const mixed = weights
      .matmul(v!)
      .transpose([0, 2, 1, 3])
      .reshape([B * T, C]);
    return this.linear(`${name}.attn.c_proj`, mixed);
  }

  /** x W + b with W as (in, out), Hugging Face's Conv1D, or transposed; plus the layer's adapter, if it has one. */
  linear(name: string, x: Tensor): Tensor {
    const { lora, transposedWeights } = this.#options;
    const [weight, bias] = [this.#parameters.get(`${name}.weight`)!, this.#parameters.get(`${name}.bias`)!];
    const y = transposedWeights ? matmulTransposed(x, weight).add(bias) : x.linear(weight, bias);
    const pair = lora?.pairs.get(name);
    return pair ? y.add(x.matmul(pair.a).matmul(pair.b, { scale: lora!.scale })) : y;
  }

  /** LayerNorm `name` over the last axis of x (N, C). */
  norm(name: string, x: Tensor): Tensor {
    const [weight, bias] = [this.#parameters.get(`${name}.weight`)!, this.#parameters.get(`${name}.bias`)!];
    return x.layerNorm(weight, bias, this.#config.layer_norm_epsilon);
  }

  /** x with entries dropped at `rate` where the options ask for dropout; see `dropoutInput`. */
  dropout(name: string, x: Tensor, rate: number): Tensor {
    return this.#options.dropout ? dropoutInput(name, x, rate) : x;
  }
}
