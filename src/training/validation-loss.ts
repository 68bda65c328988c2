/** Validation by the loss of batches that are never trained on. */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../util/errors.ts';
import { exp } from '../util/math.ts';
import type { Validation } from './job.ts';

/** Mean loss over all targets of `batches`, in nats, with its perplexity e^loss; undefined without batches. */
export function validateLoss<Batch>(
  batches: readonly Batch[],
  targetsOf: (batch: Batch) => number,
): Validation<Batch> | undefined {
  if (batches.length === 0) return undefined;
  return {
    better: 'lower',
    async measure(trainee, signal) {
      let sum = 0;
      let count = 0;
      for (const batch of batches) {
        await setImmediate(); // a signal that has come is heard
        throwIfAborted(signal);
        const targets = targetsOf(batch);
        sum += targets * (await trainee.loss(batch));
        count += targets;
      }
      return sum / count;
    },
    facts: (loss) => ({ validationLoss: loss, perplexity: exp(loss) }),
    describe: (loss) => `validation loss ${loss.toFixed(4)}, perplexity ${exp(loss).toFixed(2)}`,
  };
}
