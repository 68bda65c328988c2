/** A GPT-2 cut to the tokens that are in use: the output layer is most of what a small one computes. */
import type { HostTensor, Parameters } from '../../../huggingface/tensors.ts';
import type { BaseModel } from '../network/base.ts';
import { outputLayer, type Gpt2Config } from '../network/config.ts';

const EMBEDDING = 'transformer.wte.weight';

/** The matrices that have a row per token: one where the output layer is the embedding. */
function tablesOf(config: Gpt2Config): string[] {
  return [...new Set([EMBEDDING, outputLayer(config)])];
}

/** The model with the rows of `vocabulary` alone, token n being `vocabulary[n]`. */
export function cutVocabulary(base: BaseModel, vocabulary: Int32Array): BaseModel {
  const { config, parameters } = base;
  const C = config.n_embd;
  const cut = tablesOf(config).map((name): [string, HostTensor] => {
    const whole = parameters.get(name)!.data;
    const data = new Float32Array(vocabulary.length * C);
    for (const [n, token] of vocabulary.entries()) {
      data.set(whole.subarray(token * C, (token + 1) * C), n * C);
    }
    return [name, { shape: [vocabulary.length, C], data }];
  });
  return {
    ...base,
    config: { ...config, vocab_size: vocabulary.length },
    parameters: new Map([...parameters, ...cut]),
  };
}

/** `base` with the trained `parameters`, whose rows go back to where they were cut from. */
export function restoreVocabulary(
  base: BaseModel,
  parameters: Parameters,
  vocabulary: Int32Array,
): BaseModel {
  const C = base.config.n_embd;
  const restored = tablesOf(base.config).map((name): [string, HostTensor] => {
    const { shape, data: untrained } = base.parameters.get(name)!;
    const trained = parameters.get(name)!.data;
    const data = untrained.slice();
    for (const [n, token] of vocabulary.entries()) {
      data.set(trained.subarray(n * C, (n + 1) * C), token * C);
    }
    return [name, { shape, data }];
  });
  return { ...base, parameters: new Map([...parameters, ...restored]) };
}
