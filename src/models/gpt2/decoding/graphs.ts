/**
 * The graphs of decoding: prompts at once, then a token for every row at a time. Legend: U prompts of P tokens, W rows for
 * each, R = U W, S tokens written so far at most, C = n_embd, H = n_head, D = C/H, V = vocab_size.
 */
import { concat, type Graph, type Tensor } from '../../../onnx/graph.ts';
import { createGraph } from '../../../onnx/ops/index.ts';
import { attentionScale, outputLayer, type Gpt2Config } from '../network/config.ts';
import { hiddenStates, Network, parameterInputs, plainNetwork, matmulTransposed } from '../network/onnx.ts';

const options = { ...plainNetwork, transposedWeights: true };

/** Prompts (U, P) to the logits after positions `last` (U, into all U P), and each layer's keys and values (U, H, P, D). */
export function promptGraph(config: Gpt2Config, U: number, P: number): Graph {
  const graph = createGraph();
  const parameters = parameterInputs(graph, config, true);
  const keep = (layer: number, keys: Tensor, values: Tensor) => {
    graph.output(`keys.${layer}`, keys);
    graph.output(`values.${layer}`, values);
  };
  const tokens = graph.input('tokens', [U, P], 'int64');
  const hidden = hiddenStates(graph, config, parameters, tokens, { ...options, keep });
  const last = hidden.gather(graph.input('last', [U], 'int64'));
  graph.output('logits', matmulTransposed(last, parameters.get(outputLayer(config))!));
  return graph;
}

export interface StepSize {
  U: number;
  P: number;
  W: number;
  S: number;
}

/**
 * One more token for R rows, W after each prompt: logits (R, V), and the new token's keys and values (R, H, 1, D), to be
 * stored. Rows look at their prompt's keys, which they share, at those that were written since, and at their own.
 */
export function decodeStepGraph(config: Gpt2Config, { U, P, W, S }: StepSize): Graph {
  const graph = createGraph();
  const { n_embd: C, n_head: H, n_layer: layers } = config;
  const [R, D] = [U * W, C / H];
  const parameters = parameterInputs(graph, config, true);
  const network = new Network(config, parameters, options);
  const embedding = parameters.get('transformer.wte.weight')!;
  const tokens = graph.input('tokens', [R], 'int64');
  const positions = graph.input('positions', [R], 'int64');
  const promptMask = graph.input('promptMask', [U, 1, 1, P]);
  const writtenMask = graph.input('writtenMask', [S]);
  // (R, H, 1, n) as (U, H, W, n), and back
  const grouped = (x: Tensor, n: number) => x.reshape([U, W, H, n]).transpose([0, 2, 1, 3]);
  const single = (x: Tensor, n: number) => x.transpose([0, 2, 1, 3]).reshape([R, H, 1, n]);
  const attention = (layer: number, x: Tensor): Tensor => {
    const name = `transformer.h.${layer}.attn`;
    const [q, k, v] = network
      .linear(`${name}.c_attn`, x)
      .split([C, C, C])
      .map((part) => part.reshape([R, H, 1, D]));
    const past = (kind: string, shape: number[]) => graph.input(`${kind}.${layer}`, shape);
    const [promptKeys, promptValues] = [past('promptKeys', [U, H, P, D]), past('promptValues', [U, H, P, D])];
    const [keys, values] = [past('writtenKeys', [R, H, S, D]), past('writtenValues', [R, H, S, D])];
    graph.output(`keys.${layer}`, k!);
    graph.output(`values.${layer}`, v!);
    const scale = attentionScale(config, layer);
    const scores = (q: Tensor, keys: Tensor) => q.matmul(keys, { transposeB: true, scale });
    const toPrompt = scores(grouped(q!, D), promptKeys).add(promptMask); // (U, H, W, P)
    const toWritten = scores(q!, keys).add(writtenMask); // (R, H, 1, S)
    const toItself = scores(q!, k!); // (R, H, 1, 1)
    const weights = concat([toPrompt, grouped(toWritten, S), grouped(toItself, 1)]).softmax();
    const [onPrompt, onWritten, onItself] = weights.split([P, S, 1]);
    return single(onPrompt!.matmul(promptValues), D)
      .add(single(onWritten!, S).matmul(values))
      .add(single(onItself!, 1).mul(v!))
      .reshape([R, C]);
  };
  let x = embedding.gather(tokens).add(parameters.get('transformer.wpe.weight')!.gather(positions));
  for (let layer = 0; layer < layers; layer++) {
    const name = `transformer.h.${layer}`;
    x = x.add(network.linear(`${name}.attn.c_proj`, attention(layer, network.norm(`${name}.ln_1`, x))));
    x = x.add(network.mlp(name, x));
  }
  const output = parameters.get(outputLayer(config))!;
  graph.output('logits', matmulTransposed(network.norm('transformer.ln_f', x), output));
  return graph;
}
