/** Parameters of a network out of a saved model. */
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { SavedState } from '../../recommender.ts';
import { savedArray } from '../../saved.ts';

/** The arrays of these names and shapes. Throws DataError for one that is missing or of another size. */
export function savedParameters(state: SavedState, shapes: ReadonlyMap<string, number[]>): Parameters {
  const parameters: Parameters = new Map();
  for (const [name, shape] of shapes) {
    const length = shape.reduce((product, size) => product * size, 1);
    parameters.set(name, { shape, data: savedArray(state, name, Float32Array, length) });
  }
  return parameters;
}
