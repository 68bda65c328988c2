/** Which engine runs, and on what. */
import { RecsysError } from '../../../util/errors.ts';
import type { Engine } from './engine.ts';
import type { Gpt2ModelOptions } from '../options.ts';

/**
 * The engine that the options name. With `gpu`, the first that works of ONNX Runtime on CUDA, tfjs-node-gpu and ONNX
 * Runtime on WebGPU (with `engine: 'tfjs'` tfjs-node-gpu alone); never the CPU in silence: throws RecsysError with the
 * reason of each.
 */
export async function openEngine(
  { engine, gpu }: Pick<Gpt2ModelOptions, 'engine' | 'gpu'>,
  threads: number,
): Promise<Engine> {
  const onnx = async (provider: 'cpu' | 'cuda' | 'webgpu') =>
    (await import('./onnx.ts')).openOnnxEngine(provider, threads);
  const tfjs = async (gpu: boolean | undefined) => (await import('./tfjs.ts')).openTfjsEngine(gpu);
  if (!gpu) return await (engine === 'tfjs' ? tfjs(undefined) : onnx('cpu'));
  const candidates: [string, () => Promise<Engine>][] = [['tfjs-node-gpu', () => tfjs(true)]];
  if (engine === 'onnx') {
    candidates.unshift(['ONNX Runtime on CUDA', () => onnx('cuda')]);
    candidates.push(['ONNX Runtime on WebGPU', () => onnx('webgpu')]);
  }
  return await firstThatWorks(candidates);
}

async function firstThatWorks(candidates: [string, () => Promise<Engine>][]): Promise<Engine> {
  const reasons: string[] = [];
  for (const [name, open] of candidates) {
    try {
      return await open();
    } catch (error) {
      reasons.push(`${name}: ${reasonOf(error as Error)}`);
    }
  }
  throw new RecsysError({
    place: '--gpu',
    found: `no GPU can be used here (${reasons.join('; ')})`,
    remedy: 'Install a driver (Vulkan on Linux), or leave out --gpu to train on the CPU.',
  });
}

/** The first line, without the place in ONNX Runtime's source. */
function reasonOf({ message }: Error): string {
  return message.split('\n')[0]!.replace(/^\/onnxruntime_src.*was false\. /, '');
}
