import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { interruptible, withStopSignal } from '../../../src/util/process/signals.ts';

const before = process.listenerCount('SIGINT');
/** Handlers of Ctrl-C that are ours. */
const handlers = () => process.listenerCount('SIGINT') - before;

it('Ctrl-C ends interruptible work at once, also where it holds interruptible work itself', async () => {
  const seen = await withStopSignal(async (signal) => {
    const counts = [handlers()];
    await interruptible(signal, async () => {
      counts.push(handlers());
      await interruptible(signal, () => counts.push(handlers()));
      counts.push(handlers());
    });
    return [...counts, handlers()];
  });
  expect(seen).toEqual([1, 0, 0, 0, 1]);
  expect(handlers()).toBe(0);
});

it('the same for work at the same time, and after work that fails', async () => {
  await withStopSignal(async (signal) => {
    let end = () => {};
    const long = interruptible(signal, () => new Promise<void>((resolve) => (end = resolve)));
    const failing = interruptible(signal, () => Promise.reject(new Error('no luck')));
    await expect(failing).rejects.toThrow('no luck');
    expect(handlers()).toBe(0);
    end();
    await long;
    expect(handlers()).toBe(1);
  });
  expect(handlers()).toBe(0);
});

it('work with a stop signal of its own is asked to stop, inside interruptible work as well', async () => {
  await withStopSignal((outer) =>
    interruptible(outer, async () => {
      const inner = await withStopSignal(async (signal) => {
        process.emit('SIGINT');
        await setImmediate();
        return signal;
      });
      expect([inner.aborted, outer.aborted, handlers()]).toEqual([true, false, 0]);
    }),
  );
});
