import type * as workerThreads from 'node:worker_threads';
import type { WorkerOptions } from 'node:worker_threads';
import { setTimeout } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { KernelPool } from '../../src/numeric/pool/pool.ts';

const broken = vi.hoisted(() => ({ how: 'at once' }));

/** Workers that end with an error before they take part, or of which the system gives only one. */
vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof workerThreads>();
  let started = 0;
  class BrokenWorker extends real.Worker {
    constructor(_: URL, options: WorkerOptions) {
      if (broken.how === 'refused' && started++ > 0) throw new Error('EAGAIN');
      super('throw new Error("no memory for this thread")', { ...options, eval: true });
    }
  }
  return { ...real, Worker: BrokenWorker };
});

test.each([
  ['at once', 3],
  ['refused', 2],
])('workers that cannot start, %s, cost speed and nothing else', async (how, threads) => {
  broken.how = how;
  const pool = KernelPool.create({ threads: 3 });
  expect(pool.threads).toBe(threads);
  const rows = 100;
  const factors = pool.float32(rows * 8).fill(1);
  for (let job = 0; job < 3; job++) {
    const partialGrams = pool.float32(rows * 64);
    const values = { factors, rows, blockRows: 1, k: 8, partialGrams };
    pool.run('gramBlocks', { rows, grain: 1 }, values);
    expect(partialGrams.filter((_, cell) => cell % 64 === 0)).toEqual(new Float32Array(rows).fill(1));
    await setTimeout(200); // the workers' errors arrive
  }
  await pool.dispose();
});
