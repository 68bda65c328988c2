/** Adapters while they are trained: their matrices by name. */
import type { Rng } from '../../../util/rng.ts';
import type { BaseModel } from './base.ts';
import { parameterShapes } from './config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { LoraOptions } from '../options.ts';
import { targetLayers, type Adapter, type LoraPair } from './peft.ts';

const LORA_A = '.lora_A';

/** Names of a layer's matrices in a training state. */
export const loraA = (layer: string) => `${layer}${LORA_A}`;
export const loraB = (layer: string) => `${layer}.lora_B`;

/** Layers whose matrices are in `tensors`, in their order. */
export function layersOf(tensors: ReadonlyMap<string, unknown>): string[] {
  return [...tensors.keys()]
    .filter((name) => name.endsWith(LORA_A))
    .map((name) => name.slice(0, -LORA_A.length));
}

/** Hu et al. 2021: what x A B is multiplied by is alpha / rank. */
export function alphaOf({ lora, loraAlpha }: Omit<LoraOptions, 'loraTargets'>): number {
  return loraAlpha ?? 2 * lora;
}

/**
 * Matrices to begin with, as PEFT draws them: A uniform within 1 / sqrt(in) (Kaiming with a = sqrt 5), B zero, so that the
 * model is unchanged at first. Throws DataError for a target that names no layer.
 */
export function initialAdapters(
  { config }: Pick<BaseModel, 'config'>,
  { lora: rank, loraTargets }: Omit<LoraOptions, 'loraAlpha'>,
  rng: Rng,
): Parameters {
  const shapes = parameterShapes(config);
  const weights: Parameters = new Map();
  for (const layer of targetLayers(config, loraTargets)) {
    const [inputs, outputs] = shapes.get(`${layer}.weight`) as [number, number];
    const draw = rng.derive(layer);
    const bound = 1 / Math.sqrt(inputs);
    const a = Float32Array.from({ length: inputs * rank }, () => bound * (2 * draw.uniform() - 1));
    weights.set(loraA(layer), { shape: [inputs, rank], data: a });
    weights.set(loraB(layer), { shape: [rank, outputs], data: new Float32Array(rank * outputs) });
  }
  return weights;
}

/** The adapter whose matrices training gave. */
export function adapterOf(weights: Parameters, options: LoraOptions): Adapter {
  const layers = new Map<string, LoraPair>();
  for (const layer of layersOf(weights)) {
    layers.set(layer, { a: weights.get(loraA(layer))!, b: weights.get(loraB(layer))! });
  }
  const { lora: rank, loraTargets: targets } = options;
  return { rank, alpha: alphaOf(options), dropout: 0, targets, layers };
}
