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

/** The optional peer dependency; a name in a variable, as its types are there only when it is installed. */
const gpuPackage = '@tensorflow/tfjs-node-gpu';

/**
 * tfjs-node-gpu where it is installed and works; with `gpu: false`, or without it when `gpu` is undefined, tfjs's own
 * CPU backend, which is slow and for tests. Throws RecsysError with the reason when `gpu` is true and it is not there, and
 * where tfjs itself is not installed.
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
  const tf = await importTfjs();
  tf.enableProdMode(); // no advice on standard error to install another package
  await tf.setBackend('cpu');
  return { tf, description: 'tfjs on its CPU backend (plain JavaScript)' };
}

/** A peer dependency too: the second engine is 240 MB that few need. */
async function importTfjs(): Promise<Tf> {
  try {
    return await import('@tensorflow/tfjs');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new RecsysError({
      place: '--engine tfjs',
      found: '@tensorflow/tfjs is not installed',
      remedy: 'Run `npm install @tensorflow/tfjs@4`, or use --engine onnx.',
      cause,
    });
  }
}
