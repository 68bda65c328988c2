/** TensorFlow.js with a backend chosen. */
import type * as tfjs from '@tensorflow/tfjs';
import { RecsysError } from '../../../util/errors.ts';

export type Tf = typeof tfjs;

/** tfjs with a backend chosen, and what a person should know of it. */
export interface TfjsBackend {
  tf: Tf;
  /** "tfjs on its CPU backend (plain JavaScript)" or "@tensorflow/tfjs-node-gpu on tensorflow". */
  description: string;
}

/** The optional dependency; a name in a variable, as its types are there only when it is installed. */
const gpuPackage = '@tensorflow/tfjs-node-gpu';

/**
 * tfjs-node-gpu where it is installed and works; with `gpu: false`, or without it when `gpu` is undefined, tfjs's own
 * CPU backend, which is slow and for tests. Throws RecsysError with the reason when `gpu` is true and it is not there.
 */
export async function loadTfjs(gpu?: boolean): Promise<TfjsBackend> {
  if (gpu !== false) {
    try {
      const tf = (await import(gpuPackage)) as Tf;
      await tf.ready();
      return { tf, description: `${gpuPackage} on ${tf.getBackend()}` };
    } catch (cause) {
      if (gpu === true) {
        const [reason] = (cause as Error).message.split('\n');
        throw new RecsysError({
          place: gpuPackage,
          found: `cannot be used: ${reason}`,
          remedy: 'It needs Node 20 or 22, CUDA 11.2 and `npm install @tensorflow/tfjs-node-gpu`.',
          cause,
        });
      }
    }
  }
  const tf = await import('@tensorflow/tfjs');
  tf.enableProdMode(); // no advice on standard error to install another package
  await tf.setBackend('cpu');
  return { tf, description: 'tfjs on its CPU backend (plain JavaScript)' };
}
