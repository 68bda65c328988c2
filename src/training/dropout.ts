/** Dropout masks: inputs of a training graph, drawn anew for every update. */
import { sizeOf, type Graph, type Tensor } from '../onnx/graph.ts';
import type { Rng } from '../util/rng.ts';

/** A byte of a random number decides about an entry: rates are multiples of 1/256. */
const RATE_STEP = 1 / 256;

/** The dropout rate that is used in place of `rate`: the nearest multiple of 1/256 below 1. */
export function quantizeRate(rate: number): number {
  return Math.min(255, Math.round(rate / RATE_STEP)) * RATE_STEP;
}

/** `x` with entries dropped at `rate`, a multiple of 1/256; which ones are kept comes as an input `dropout.NAME`. */
export function dropoutInput(name: string, x: Tensor, rate: number): Tensor {
  return rate === 0 ? x : x.dropout(x.graph.input(`dropout.${name}`, x.shape, 'bool'), rate);
}

/** Draws what dropout keeps, for each of the graph's dropout inputs in their order: 1 is kept, 0 dropped. */
export function dropoutMasks(graph: Graph, rng: Rng): Record<string, Uint8Array> {
  const rates = new Map<Tensor, number>();
  for (const { op, inputs, attributes } of graph.nodes) {
    if (op === 'dropout' && 'rate' in attributes) rates.set(inputs[1]!, attributes.rate);
  }
  const masks: Record<string, Uint8Array> = {};
  for (const input of graph.inputs) {
    const rate = rates.get(input);
    if (rate !== undefined) masks[input.name] = drawMask(sizeOf(input.shape), rate / RATE_STEP, rng);
  }
  return masks;
}

/** Entries are dropped where a random byte is less than `dropped`. */
function drawMask(size: number, dropped: number, rng: Rng): Uint8Array {
  const mask = new Uint8Array(size);
  for (let at = 0; at < size; at += 4) {
    const bits = rng.uint32();
    mask[at] = Number((bits & 255) >= dropped);
    mask[at + 1] = Number(((bits >>> 8) & 255) >= dropped);
    mask[at + 2] = Number(((bits >>> 16) & 255) >= dropped);
    mask[at + 3] = Number(bits >>> 24 >= dropped);
  }
  return mask;
}
