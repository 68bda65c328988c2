/** How the learning rate rises and falls. */
import { cos } from '../util/math.ts';

export interface ScheduleOptions {
  /** Decay of the learning rate to 0. */
  schedule: 'linear' | 'cosine';
  /** Share of the updates over which the learning rate rises. */
  warmup: number;
}

/**
 * Share of the peak learning rate at `update` of `updates`, counted from 0: it rises linearly over the first `warmup`
 * (share) of the updates, then falls to 0 along a line or half a cosine, as Hugging Face's schedules of these names do.
 */
export function scheduleAt(update: number, updates: number, { schedule, warmup }: ScheduleOptions): number {
  const rising = Math.round(warmup * updates);
  if (update < rising) return (update + 1) / rising;
  const progress = (update - rising) / Math.max(1, updates - rising);
  return schedule === 'linear' ? 1 - progress : (1 + cos(Math.PI * progress)) / 2;
}
