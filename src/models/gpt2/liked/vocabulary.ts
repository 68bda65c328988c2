/** A GPT-2 cut to the tokens that are in use: the output layer is most of what a small one computes. */
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { BaseModel } from '../network/base.ts';

const EMBEDDING = 'transformer.wte.weight';

/** The model with the embedding's rows of `vocabulary` alone, token n being `vocabulary[n]`. */
export function cutVocabulary(base: BaseModel, vocabulary: Int32Array): BaseModel {
  const { config, parameters } = base;
  const C = config.n_embd;
  const whole = parameters.get(EMBEDDING)!.data;
  const data = new Float32Array(vocabulary.length * C);
  for (const [n, token] of vocabulary.entries()) {
    data.set(whole.subarray(token * C, (token + 1) * C), n * C);
  }
  return {
    ...base,
    config: { ...config, vocab_size: vocabulary.length },
    parameters: new Map([...parameters, [EMBEDDING, { shape: [vocabulary.length, C], data }]]),
  };
}

/** `base` with the trained `parameters`, whose rows of the embedding go back to where they were cut from. */
export function restoreVocabulary(
  base: BaseModel,
  parameters: Parameters,
  vocabulary: Int32Array,
): BaseModel {
  const C = base.config.n_embd;
  const { shape, data: untrained } = base.parameters.get(EMBEDDING)!;
  const trained = parameters.get(EMBEDDING)!.data;
  const data = untrained.slice();
  for (const [n, token] of vocabulary.entries()) {
    data.set(trained.subarray(n * C, (n + 1) * C), token * C);
  }
  return { ...base, parameters: new Map([...parameters, [EMBEDDING, { shape, data }]]) };
}
