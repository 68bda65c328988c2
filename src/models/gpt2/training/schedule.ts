/** How the learning rate rises and falls. */
import type { Gpt2TrainOptions } from '../options.ts';

/**
 * Share of the peak learning rate at `update` of `updates`, counted from 0: it rises linearly over the first `warmup`
 * (share) of the updates, then falls to 0 along a line or half a cosine, as Hugging Face's schedules of these names do.
 */
export function scheduleAt(
  update: number,
  updates: number,
  { schedule, warmup }: Pick<Gpt2TrainOptions, 'schedule' | 'warmup'>,
): number {
  const rising = Math.round(warmup * updates);
  if (update < rising) return (update + 1) / rising;
  const progress = (update - rising) / Math.max(1, updates - rising);
  return schedule === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
}

/**
 * Peak when none is given: Hugging Face's 5e-5 for all weights and twice that for adapters, which start from nothing; from
 * scratch the rate at which `mini` learns fastest without becoming unstable.
 */
export function peakLearningRate(
  { learningRate, lora }: Pick<Gpt2TrainOptions, 'learningRate' | 'lora'>,
  fromScratch: boolean,
): number {
  if (learningRate !== undefined) return learningRate;
  if (fromScratch) return 1.5e-3;
  return lora > 0 ? 1e-4 : 5e-5;
}
